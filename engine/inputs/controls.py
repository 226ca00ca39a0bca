# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths and points from files: CSV or JSON, seconds and metres, Y up.

CSV: columns ``time,x,y,z`` in any order, named in the first line; ``time`` and ``y`` may be left out. Without names,
four columns are time, x, y, z and three are x, y, z. Commas, semicolons, tabs or spaces separate; lines that start
with ``#`` are skipped.
JSON: ``[{"time": 0, "x": 0, "y": 0.95, "z": 0}, …]``, ``{"time": […], "x": […], "y": […], "z": […]}``, or ``[[0, 0,
0.95, 0], …]``.

Without ``y`` a path of the pelvis is on the ground, and the model chooses the height of the hips. Without ``time``
its speed is constant.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blender_addon.shared.errors import BadControl, BadFile
from blender_addon.shared.skeleton import SKELETON

_COLUMN_NAMES = {"t": "time", "times": "time", "seconds": "time", "time": "time", "x": "x", "y": "y", "z": "z"}
_FORMAT_HINT = "Give columns time,x,y,z (seconds, metres, Y up); time and y are optional."
WALKING_HEIGHT_M = 0.93
"""From the floor to the pelvis of this body in captured walks (median): knees are never quite straight."""
CONTROLS_MAX_BYTES = 64 * 1024 * 1024

Columns = dict[str, list]


@dataclass(frozen=True, eq=False)
class FileTrack:
    """Points (K,3) in metres, Y up, for one joint; ``times`` (K,) in seconds, or None when the file does not say
    when. ``on_ground``: the file gives no heights, and those of ``points`` are only a guess.
    """

    joint: str
    times: np.ndarray | None
    points: np.ndarray
    on_ground: bool = False

    @property
    def last_time(self) -> float | None:
        return None if self.times is None else float(self.times.max())

    def timed(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """(times, points), with a constant speed over 0..``seconds`` where the file gave no times."""
        if self.times is not None:
            return self.times, self.points
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=-1)
        if steps.sum() < 1e-9:
            steps = np.ones(len(self.points) - 1)
        travelled = np.concatenate([[0.0], np.cumsum(steps)])
        return travelled / max(travelled[-1], 1e-9) * seconds, self.points


def read_track(path: Path, joint: str = "pelvis", min_points: int = 1) -> FileTrack:
    """The track of ``joint`` in a CSV or JSON file.

    Raises BadFile when the file cannot be read as one, BadControl when its points cannot be followed or are fewer than
    ``min_points``.
    """
    SKELETON.index(joint)
    text = _read_text(path)
    columns = _from_json(text, path) if text.lstrip()[:1] in ("[", "{") else _from_csv(text, path)
    missing = [name for name in ("x", "z") if name not in columns]
    if missing:
        raise BadFile(f"'{path}' has no column {' and no column '.join(missing)}.", _FORMAT_HINT)
    numbers = {name: _numbers(values, name, path) for name, values in columns.items()}
    count = len(numbers["x"])
    if count < min_points:
        raise BadControl(
            f"'{path}' has {count} point{'' if count == 1 else 's'}; it needs at least {min_points}.",
            "Add points, or give a single point with --control.",
        )
    on_ground = "y" not in numbers
    if on_ground:
        if joint != "pelvis":
            raise BadControl(
                f"'{path}' has no y column, so the height of {joint} is unknown.",
                "Add a column y: metres above the floor.",
            )
        numbers["y"] = np.full(count, WALKING_HEIGHT_M)
    return FileTrack(
        joint, numbers.get("time"), np.stack([numbers["x"], numbers["y"], numbers["z"]], axis=-1), on_ground
    )


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(CONTROLS_MAX_BYTES + 1)  # no more, even from a device that never ends
        if len(data) > CONTROLS_MAX_BYTES:
            raise BadFile(
                f"'{path}' is larger than {CONTROLS_MAX_BYTES // 2**20} MB.",
                "A path has at most a few thousand points: check that this is the right file.",
            )
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise BadFile(f"There is no file '{path}'.", "Check its name and folder.") from None
    except IsADirectoryError:
        raise BadFile(f"'{path}' is a folder.", "Give the CSV or JSON file in it.") from None
    except UnicodeDecodeError:
        raise BadFile(f"'{path}' is not a text file.", _FORMAT_HINT) from None
    except OSError as error:
        raise BadFile(
            f"'{path}' cannot be read: {error.strerror or error}.", "Check that you have permission to read it."
        ) from error


def _from_csv(text: str, path: Path) -> Columns:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise BadFile(f"'{path}' is empty.", _FORMAT_HINT)
    if ";" in lines[0]:
        rows = [
            [cell.strip().replace(",", ".") for cell in line.split(";")] for line in lines
        ]  # as a German spreadsheet writes
    else:
        rows = [re.split(r"\s*[,\t]\s*|\s+", line) for line in lines]
    head = [cell.strip("\"'").lower() for cell in rows[0]]
    named = any(cell in _COLUMN_NAMES for cell in head)
    if named:
        names, rows = [_COLUMN_NAMES.get(cell, cell) for cell in head], rows[1:]
    else:
        names = {4: ["time", "x", "y", "z"], 3: ["x", "y", "z"]}.get(len(head), [])
        if not names:
            raise BadFile(f"'{path}' has {len(head)} columns without names.", _FORMAT_HINT)
    if len(set(names)) != len(names):
        raise BadFile(f"'{path}' has two columns of the same name.", _FORMAT_HINT)
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise BadFile(
                f"Point {number} of '{path}' has {len(row)} values where {len(names)} are expected.", _FORMAT_HINT
            )
    return {name: [row[i] for row in rows] for i, name in enumerate(names) if name in _COLUMN_NAMES.values()}


def _from_json(text: str, path: Path) -> Columns:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadFile(f"'{path}' is not valid JSON: {error}.", _FORMAT_HINT) from None
    if isinstance(data, dict):
        columns = {_COLUMN_NAMES[key.lower()]: value for key, value in data.items() if key.lower() in _COLUMN_NAMES}
        if (
            not all(isinstance(value, list) for value in columns.values())
            or len({len(value) for value in columns.values()}) > 1
        ):
            raise BadFile(f"The lists in '{path}' do not have the same length.", _FORMAT_HINT)
        return columns
    if data and all(isinstance(row, dict) for row in data):
        rows = [
            {_COLUMN_NAMES[key.lower()]: value for key, value in row.items() if key.lower() in _COLUMN_NAMES}
            for row in data
        ]
        names = rows[0].keys()
        for number, row in enumerate(rows, 1):
            if row.keys() != names:
                raise BadFile(f"Point {number} of '{path}' does not have the same entries as the first.", _FORMAT_HINT)
        return {name: [row[name] for row in rows] for name in names}
    width = len(data[0]) if data and isinstance(data[0], list) else 0
    if width in (3, 4) and all(isinstance(row, list) and len(row) == width for row in data):
        return {name: [row[i] for row in data] for i, name in enumerate(("time", "x", "y", "z")[4 - width :])}
    raise BadFile(f"'{path}' is JSON, but not a list of points.", _FORMAT_HINT)


def _numbers(values: list, name: str, path: Path) -> np.ndarray:
    """The values as float64 (K,); raises with the number of the first point that is not a finite number."""
    result = np.empty(len(values))
    for i, value in enumerate(values):
        try:
            if isinstance(value, bool) or value is None:
                raise ValueError
            result[i] = float(value)
        except (TypeError, ValueError, OverflowError):
            raise BadFile(
                f"{name} of point {i + 1} in '{path}' is not a number: {str(value)[:40]!r}.", _FORMAT_HINT
            ) from None
        if not np.isfinite(result[i]):
            raise BadControl(
                f"{name} of point {i + 1} in '{path}' is {result[i]}, not a finite number.",
                "Remove the point or correct it.",
            )
    return result
