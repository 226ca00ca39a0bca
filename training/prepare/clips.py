# SPDX-License-Identifier: GPL-3.0-or-later
"""Take to clips: which frames make a clip, and which clips have glitches.

Shapes: T frames, J = 22 joints. Metres, Y up, 20 fps.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blender_addon.shared.skeleton import FPS, SKELETON, joint_label
from engine.metrics import foot_skating_ratio

from .captions import Captions
from .options import Options

UPSIDE_DOWN = 0.5  # share of the frames in which the head is lower than the pelvis by more than a quarter of a metre
HEAD_BELOW = 0.25


@dataclass(frozen=True)
class ClipSpan:
    """Frames ``start`` to ``end`` of a take and what is said of them; ``weak`` where it is said of more than these."""

    start: int
    end: int
    texts: tuple[tuple[str, str], ...]
    weak: bool


def cut_clips(first: int, end: int, captions: Sequence[Captions], options: Options) -> list[ClipSpan]:
    """The clips of a take that is good from frame ``first`` to ``end``: one for each part that captions tell of, and
    the whole where captions tell of it or there are none. What is longer than ``options.max_frames`` is cut into equal
    pieces.
    """
    whole = Captions(
        tuple(text for about in captions if about.start is None for text in about.texts),
        weak=any(about.weak for about in captions if about.start is None),
    )
    told = [about for about in captions if about.start is not None]
    if whole.texts or not told:
        told = [whole, *told]
    parts: dict[tuple[int, int], ClipSpan] = {}
    for part in (part for about in told for part in _pieces(first, end, about, options.max_frames)):
        same = parts.get((part.start, part.end), ClipSpan(part.start, part.end, (), False))
        parts[part.start, part.end] = ClipSpan(part.start, part.end, same.texts + part.texts, same.weak or part.weak)
    return list(parts.values())


def _pieces(first: int, end: int, about: Captions, longest: int) -> list[ClipSpan]:
    start = max(about.start or 0, first)
    end = max(start, end if about.end is None else min(about.end, end))
    count = max(1, -(-(end - start) // longest))
    edges = np.linspace(start, end, count + 1).round().astype(int).tolist()
    return [ClipSpan(a, b, about.texts, about.weak or count > 1) for a, b in itertools.pairwise(edges)]


def glitch_of(joints: np.ndarray, stretch: np.ndarray, options: Options) -> str | None:
    """What is wrong with a clip (T, J, 3) whose source bones stretch by ``stretch`` (T,); None when it is sound."""
    if len(joints) < options.min_frames:
        return f"too short: {len(joints)} of {options.min_frames} frames"
    if not np.isfinite(joints).all():
        return f"{int((~np.isfinite(joints).all((1, 2))).sum())} frames have positions that are not finite numbers"
    if not stretch.max() <= options.max_stretch:
        return f"a bone changes its length by {100 * stretch.max():.0f} % (limit {100 * options.max_stretch:.0f} %)"
    speed, joint, frame = fastest(joints)
    if speed > options.max_speed:
        part = joint_label(SKELETON.names[joint])
        return f"the {part} moves at {speed:.0f} m/s in frame {frame} (limit {options.max_speed:g})"
    if joints[..., 1].min() < -options.max_depth:
        return f"the body is {-100 * joints[..., 1].min():.0f} cm below the floor (limit {100 * options.max_depth:.0f})"
    head, pelvis = joints[:, SKELETON.index("head"), 1], joints[:, 0, 1]
    if (head < pelvis - HEAD_BELOW).mean() > UPSIDE_DOWN:
        return "upside down: the head is below the pelvis most of the time"
    return None


def fastest(joints: np.ndarray) -> tuple[float, int, int]:
    """Highest speed (m/s) of a joint of (T, J, 3), which joint, and from which frame on."""
    speeds = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * FPS
    frame, joint = np.unravel_index(speeds.argmax(), speeds.shape)
    return float(speeds[frame, joint]), int(joint), int(frame)


def stretch_of(joints: np.ndarray) -> np.ndarray:
    """Largest deviation (T,) of a bone of joints (T, J, 3) from its median length, as a share of it."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(SKELETON.parents[1:])], axis=-1)
    return np.abs(lengths / np.maximum(np.nanmedian(lengths, axis=0), 1e-9) - 1).max(-1)


def figures_of(joints: np.ndarray) -> dict[str, float]:
    """What a clip's line tells of it: highest speed, foot skating, lowest point, mean speed and way on the ground."""
    way = np.linalg.norm(np.diff(joints[:, 0][:, [0, 2]], axis=0), axis=-1)
    found = {"vmax": fastest(joints)[0], "skate": foot_skating_ratio(joints), "miny": joints[..., 1].min(),
             "speed": way.mean() * FPS, "path": way.sum()}  # fmt: skip
    return {name: round(float(value), 3) for name, value in found.items()}
