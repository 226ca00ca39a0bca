# SPDX-License-Identifier: GPL-3.0-or-later
"""What the viewport shows of a motion, as coloured line segments in world space. Numpy only.

Shapes: K frames, J joints, N segments. Points are Blender's (Z up, scene units).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..shared import quat
from ..shared.series import runs
from ..shared.skeleton import SKELETON
from ..shared.solids import Solid

Colour = tuple[float, float, float, float]

REQUESTED: Colour = (1.0, 1.0, 1.0, 0.85)
ACHIEVED: Colour = (0.20, 0.75, 1.0, 0.95)
LEFT: Colour = (0.35, 0.65, 1.0, 0.9)
RIGHT: Colour = (1.0, 0.55, 0.30, 0.9)
MIDDLE: Colour = (0.95, 0.95, 0.80, 0.9)
SOLID: Colour = (0.95, 0.45, 0.15, 0.5)
GOOD, FAIR, BAD = (0.25, 0.90, 0.35), (1.0, 0.85, 0.15), (1.0, 0.20, 0.15)
FAIR_ERROR_M, BAD_ERROR_M = 0.02, 0.05
"""At which an error is yellow, and from which on it is red."""
GHOST_INTERVAL_S = 0.5
"""From one ghost to the next."""
MAX_GHOSTS = 24


@dataclass(frozen=True, eq=False)
class Lines:
    """Segments: ends (2 N, 3) float32 and their colours (2 N, 4) float32."""

    points: np.ndarray
    colours: np.ndarray

    def __len__(self) -> int:
        return len(self.points) // 2


EMPTY = Lines(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32))


def join_lines(parts: Sequence[Lines]) -> Lines:
    """All of ``parts`` as one."""
    if not parts:
        return EMPTY
    return Lines(np.concatenate([part.points for part in parts]), np.concatenate([part.colours for part in parts]))


def segments(starts: np.ndarray, ends: np.ndarray, colours: np.ndarray | Colour) -> Lines:
    """Segments from ``starts`` (N, 3) to ``ends`` (N, 3); one colour (4,) or one a segment (N, 4)."""
    points = np.stack([starts, ends], 1).reshape(-1, 3).astype(np.float32)
    each = np.broadcast_to(np.asarray(colours, np.float32), (len(starts), 4))
    return Lines(points, np.repeat(each, 2, 0))


def path(points: np.ndarray, colour: Colour) -> Lines:
    """The line through ``points`` (K, 3); a single point has none."""
    return segments(points[:-1], points[1:], colour)


def error_colours(errors: np.ndarray) -> np.ndarray:
    """Distances (N,) in metres -> colours (N, 4), green over yellow to red."""
    rgb = np.stack([np.interp(errors, (0.0, FAIR_ERROR_M, BAD_ERROR_M), stop) for stop in zip(GOOD, FAIR, BAD)], -1)  # noqa: B905
    return np.concatenate([rgb, np.ones((len(rgb), 1))], -1)


def error_ticks(targets: np.ndarray, achieved: np.ndarray, errors: np.ndarray, height: float) -> Lines:
    """At each key an upright tick of ``height``, and a line from its target (N, 3) to where the joint came (N, 3), in
    the colours of the ``errors`` (N,) in metres.
    """
    colours = error_colours(errors)
    up = np.array([0.0, 0.0, height])
    return join_lines([segments(targets - up / 2, targets + up / 2, colours), segments(targets, achieved, colours)])


def footprints(positions: np.ndarray, slides: np.ndarray, ground: float, size: float) -> Lines:
    """Where a foot stands: a diamond on the ground at which it was put down, and the line along which it slid.

    ``positions`` (K, 3) of one foot joint, ``slides`` (K,) in metres with 0 while it swings.
    """
    parts = []
    for first, end in runs(slides > 0):
        colour = error_colours(slides[first:end].max(keepdims=True))[0]
        trail = positions[max(first - 1, 0) : end] * (1, 1, 0) + (0, 0, ground)
        corners = trail[0] + size * np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)])
        parts += [segments(corners, np.roll(corners, -1, 0), colour), segments(trail[:-1], trail[1:], colour)]
    return join_lines(parts)


def outline(solid: Solid) -> Lines:
    """The edges or circles of what joints keep out of: the solid with its margin."""
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    zero, cosine, sine = 0 * angles, np.cos(angles), np.sin(angles)
    if solid.kind == "box":
        corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * (solid.size + solid.margin)
        near = [(i, j) for i in range(8) for j in range(i) if bin(i ^ j).count("1") == 1]
        lines = [corners[list(pair)] for pair in near]
    else:
        radius, half = solid.size[0] + solid.margin, solid.size[1] if solid.kind == "capsule" else 0.0
        ends = np.where(sine >= 0, half, -half)  # a capsule is a ball pulled apart along its Y
        lines = [np.stack([radius * cosine, radius * sine + ends, zero], -1)]
        lines += [np.stack([zero, radius * sine + ends, radius * cosine], -1)]
        lines += [np.stack([radius * cosine, zero + end, radius * sine], -1) for end in sorted({half, -half})]
    closed = [line if len(line) == 2 else np.concatenate([line, line[:1]]) for line in lines]
    return join_lines([path(quat.rotate(solid.rotation, line) + solid.centre, SOLID) for line in closed])


def figure(positions: np.ndarray, joints: Sequence[str], strength: float = 1.0) -> Lines:
    """A stick figure through ``positions`` (J, 3) of ``joints``; a joint that is not there is stepped over."""
    starts, ends, colours = [], [], []
    for row, joint in enumerate(joints):
        above = SKELETON.parents[SKELETON.index(joint)]
        while above >= 0 and SKELETON.names[above] not in joints:
            above = SKELETON.parents[above]
        if above < 0:
            continue
        starts.append(positions[joints.index(SKELETON.names[above])])
        ends.append(positions[row])
        red, green, blue, alpha = LEFT if joint.startswith("left") else RIGHT if joint.startswith("right") else MIDDLE
        colours.append((red, green, blue, alpha * strength))
    return segments(np.array(starts), np.array(ends), np.array(colours)) if starts else EMPTY


def ghosts(frames: np.ndarray, positions: np.ndarray, joints: Sequence[str], fps: float) -> Lines:
    """Stick figures along the motion, ``positions`` (K, J, 3) at scene ``frames`` (K,), fainter towards its start."""
    seconds = (frames[-1] - frames[0]) / fps
    count = min(MAX_GHOSTS, max(2, round(seconds / GHOST_INTERVAL_S) + 1))
    rows = np.unique(np.searchsorted(frames, np.linspace(frames[0], frames[-1], count)).clip(0, len(frames) - 1))
    return join_lines(
        [
            figure(positions[row], joints, 0.35 + 0.55 * (number + 1) / len(rows))
            for number, row in enumerate(rows.tolist())
        ]
    )
