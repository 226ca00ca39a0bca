# SPDX-License-Identifier: GPL-3.0-or-later
"""Obstacles and relative targets from a JSON file, in seconds and metres, Y up.

    {"obstacles": [{"kind": "sphere", "centre": [0, 1, 2], "size": 0.4, "margin": 0.05},
                   {"kind": "box", "centre": [1, 0.5, 2], "size": [0.4, 0.5, 0.4], "rotation": [1, 0, 0, 0]}],
     "relative": [{"joint": "right_wrist", "to": "right_hip", "offset": [-0.1, 0.05, 0.05], "start": 0, "end": 3}]}

Sizes are those of :class:`blender_addon.shared.protocol.Obstacle`: a sphere's radius, a box's half edges, a capsule's
radius and half its axis. Without ``start`` and ``end`` a target applies all the time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blender_addon.shared.errors import BadFile
from blender_addon.shared.protocol import Obstacle, RelativeTarget
from blender_addon.shared.skeleton import FPS, SKELETON

SURROUNDINGS_MAX_BYTES = 1024 * 1024
_FORMAT_HINT = 'Write {"obstacles": [{"kind": "sphere", "centre": [0, 1, 2], "size": 0.4}], "relative": [...]}.'


def read_surroundings(path: Path, num_frames: int) -> tuple[tuple[RelativeTarget, ...], tuple[Obstacle, ...]]:
    """The relative targets and obstacles of ``path`` for a motion of ``num_frames``.

    Raises BadFile for anything but such a file, BadControl for unknown joints; whether sizes and frames make sense is
    checked with the request.
    """
    try:
        with path.open("rb") as stream:
            data = json.loads(stream.read(SURROUNDINGS_MAX_BYTES).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadFile(f"'{path}' is not valid JSON.", _FORMAT_HINT) from None
    except OSError as error:
        raise BadFile(f"'{path}' cannot be read: {error.strerror or error}.", "Check its name and folder.") from error
    if not isinstance(data, dict):
        raise BadFile(f"'{path}' is JSON, but not an object with obstacles and relative targets.", _FORMAT_HINT)
    unknown = sorted(set(data) - {"obstacles", "relative"})
    if unknown:
        kind = "an unknown key" if len(unknown) == 1 else "unknown keys"
        raise BadFile(f"'{path}' contains {kind}: {', '.join(unknown)}.", _FORMAT_HINT)
    relative = tuple(_target(entry, path, num_frames) for entry in _entries(data, "relative", path))
    return relative, tuple(_obstacle(entry, path) for entry in _entries(data, "obstacles", path))


def _entries(data: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    entries = data.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadFile(f"'{name}' in '{path}' is not a list of objects.", _FORMAT_HINT)
    return entries


def _target(entry: dict[str, Any], path: Path, num_frames: int) -> RelativeTarget:
    joint, base = _text(entry, "joint", path), _text(entry, "to", path)
    SKELETON.indices(joint, base)
    offset = _numbers(entry, "offset", path, (3,))
    start = round(_numbers(entry, "start", path, (1,), (0.0,))[0] * FPS)
    end = round(_numbers(entry, "end", path, (1,), ((num_frames - 1) / FPS,))[0] * FPS)
    return RelativeTarget(joint, base, (offset[0], offset[1], offset[2]), start, min(end + 1, num_frames) - start)


def _obstacle(entry: dict[str, Any], path: Path) -> Obstacle:
    size = (*_numbers(entry, "size", path, (1, 2, 3)), 0.0, 0.0)
    centre = _numbers(entry, "centre", path, (3,))
    rotation = _numbers(entry, "rotation", path, (4,), (1.0, 0.0, 0.0, 0.0))
    return Obstacle(
        _text(entry, "kind", path),
        (centre[0], centre[1], centre[2]),
        (size[0], size[1], size[2]),
        (rotation[0], rotation[1], rotation[2], rotation[3]),
        _numbers(entry, "margin", path, (1,), (0.0,))[0],
    )


def _text(entry: dict[str, Any], name: str, path: Path) -> str:
    if name not in entry:
        raise BadFile(f"'{name}' is missing in an entry of '{path}'.", _FORMAT_HINT)
    return str(entry[name])


def _numbers(
    entry: dict[str, Any], name: str, path: Path, counts: tuple[int, ...], default: tuple[float, ...] | None = None
) -> tuple[float, ...]:
    """``name`` of an entry: as many numbers as one of ``counts``; a single one needs no list."""
    value = entry.get(name, default)
    if value is None:
        raise BadFile(f"'{name}' is missing in an entry of '{path}'.", _FORMAT_HINT)
    values = value if isinstance(value, list | tuple) else (value,)
    if len(values) not in counts or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise BadFile(f"'{name}' in '{path}' is {str(value)[:40]}, not {_count(counts)}.", _FORMAT_HINT)
    try:
        return tuple(float(v) for v in values)
    except OverflowError:
        raise BadFile(f"'{name}' in '{path}' contains a number that is too large.", _FORMAT_HINT) from None


def _count(counts: tuple[int, ...]) -> str:
    return "a number" if counts == (1,) else f"{' or '.join(map(str, counts))} numbers"
