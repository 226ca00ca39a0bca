# SPDX-License-Identifier: GPL-3.0-or-later
"""What the viewport shows of a motion, as coloured line segments in world space. Numpy only.

Shapes: K frames, J joints, N segments. Points are Blender's (Z up, scene units).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..shared import quat
from ..shared.skeleton import SKELETON
from ..shared.solids import Solid

Colour = tuple[float, float, float, float]

ASKED: Colour = (1.0, 1.0, 1.0, 0.85)
ACHIEVED: Colour = (0.20, 0.75, 1.0, 0.95)
LEFT: Colour = (0.35, 0.65, 1.0, 0.9)
RIGHT: Colour = (1.0, 0.55, 0.30, 0.9)
MIDDLE: Colour = (0.95, 0.95, 0.80, 0.9)
SOLID: Colour = (0.95, 0.45, 0.15, 0.5)
GOOD, FAIR, BAD = (0.25, 0.90, 0.35), (1.0, 0.85, 0.15), (1.0, 0.20, 0.15)
FAIR_ERROR, BAD_ERROR = 0.02, 0.05
"""Metres at which an error is yellow, and from which on it is red."""
GHOST_INTERVAL = 0.5
"""Seconds from one ghost to the next."""
MAX_GHOSTS = 24


@dataclass(frozen=True, eq=False)
class Lines:
    """Segments: ends (2 N, 3) float32 and their colours (2 N, 4) float32."""

    points: np.ndarray
    colours: np.ndarray

    def __len__(self) -> int:
        return len(self.points) // 2


NOTHING = Lines(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32))


def join(parts: Sequence[Lines]) -> Lines:
    """All of ``parts`` as one."""
    if not parts:
        return NOTHING
    return Lines(np.concatenate([part.points for part in parts]), np.concatenate([part.colours for part in parts]))


def segments(starts: np.ndarray, ends: np.ndarray, colours: np.ndarray | Colour) -> Lines:
    """Segments from ``starts`` (N, 3) to ``ends`` (N, 3); one colour (4,) or one a segment (N, 4)."""
    points = np.stack([starts, ends], 1).reshape(-1, 3).astype(np.float32)
    each = np.broadcast_to(np.asarray(colours, np.float32), (len(starts), 4))
    return Lines(points, np.repeat(each, 2, 0))


def path(points: np.ndarray, colour: Colour) -> Lines:
    """The way through ``points`` (K, 3); a single point has none."""
    return segments(points[:-1], points[1:], colour)


def error_colours(errors: np.ndarray) -> np.ndarray:
    """Distances (N,) in metres -> colours (N, 4), green over yellow to red."""
    rgb = np.stack([np.interp(errors, (0.0, FAIR_ERROR, BAD_ERROR), stop) for stop in zip(GOOD, FAIR, BAD)], -1)  # noqa: B905
    return np.concatenate([rgb, np.ones((len(rgb), 1))], -1)


def error_ticks(asked: np.ndarray, achieved: np.ndarray, errors: np.ndarray, height: float) -> Lines:
    """At each key an upright tick of ``height``, and a line to where the joint came instead. (N, 3), (N, 3), (N,)
    metres.
    """
    colours = error_colours(errors)
    up = np.array([0.0, 0.0, height])
    return join([segments(asked - up / 2, asked + up / 2, colours), segments(asked, achieved, colours)])


def footprints(places: np.ndarray, slides: np.ndarray, ground: float, size: float) -> Lines:
    """Where a foot stands: a diamond on the ground at which it was put down, and the line along which it slid.

    ``places`` (K, 3) of one foot joint, ``slides`` (K,) in metres with 0 while it swings.
    """
    parts = []
    standing = slides > 0
    begins = np.flatnonzero(standing & ~np.concatenate([[False], standing[:-1]]))
    for begin in begins:
        end = begin
        while end + 1 < len(slides) and standing[end + 1]:
            end += 1
        colour = error_colours(slides[begin : end + 1].max(keepdims=True))[0]
        trail = places[max(begin - 1, 0) : end + 1] * (1, 1, 0) + (0, 0, ground)
        corners = trail[0] + size * np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)])
        parts += [segments(corners, np.roll(corners, -1, 0), colour), segments(trail[:-1], trail[1:], colour)]
    return join(parts)


def outline(solid: Solid) -> Lines:
    """The edges or circles of what joints keep out of: the solid with its margin."""
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    nothing, one, other = 0 * turn, np.cos(turn), np.sin(turn)
    if solid.kind == "box":
        corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * (solid.size + solid.margin)
        near = [(i, j) for i in range(8) for j in range(i) if bin(i ^ j).count("1") == 1]
        lines = [corners[list(pair)] for pair in near]
    else:
        radius, half = solid.size[0] + solid.margin, solid.size[1] if solid.kind == "capsule" else 0.0
        ends = np.where(other >= 0, half, -half)  # a capsule is a ball pulled apart along its Y
        lines = [np.stack([radius * one, radius * other + ends, nothing], -1)]
        lines += [np.stack([nothing, radius * other + ends, radius * one], -1)]
        lines += [np.stack([radius * one, nothing + end, radius * other], -1) for end in sorted({half, -half})]
    closed = [line if len(line) == 2 else np.concatenate([line, line[:1]]) for line in lines]
    return join([path(quat.rotate(solid.rotation, line) + solid.centre, SOLID) for line in closed])


def figure(places: np.ndarray, joints: Sequence[str], strength: float = 1.0) -> Lines:
    """A stick figure through ``places`` (J, 3) of ``joints``; a joint that is not there is stepped over."""
    starts, ends, colours = [], [], []
    for row, joint in enumerate(joints):
        above = SKELETON.parents[SKELETON.index(joint)]
        while above >= 0 and SKELETON.names[above] not in joints:
            above = SKELETON.parents[above]
        if above < 0:
            continue
        starts.append(places[joints.index(SKELETON.names[above])])
        ends.append(places[row])
        red, green, blue, alpha = LEFT if joint.startswith("left") else RIGHT if joint.startswith("right") else MIDDLE
        colours.append((red, green, blue, alpha * strength))
    return segments(np.array(starts), np.array(ends), np.array(colours)) if starts else NOTHING


def ghosts(frames: np.ndarray, places: np.ndarray, joints: Sequence[str], fps: float) -> Lines:
    """Stick figures along the motion, ``places`` (K, J, 3) at scene ``frames`` (K,), fainter towards its beginning."""
    seconds = (frames[-1] - frames[0]) / fps
    count = min(MAX_GHOSTS, max(2, round(seconds / GHOST_INTERVAL) + 1))
    rows = np.unique(np.searchsorted(frames, np.linspace(frames[0], frames[-1], count)).clip(0, len(frames) - 1))
    return join(
        [
            figure(places[row], joints, 0.35 + 0.55 * (position + 1) / len(rows))
            for position, row in enumerate(rows.tolist())
        ]
    )
