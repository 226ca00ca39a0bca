# SPDX-License-Identifier: GPL-3.0-or-later
"""One way in: a sentence's scores and a route -> a motion found in the library, on the route.

A way of going along a path is matched window by window (``matching.py``). Everything else is the clip that fits best
(``choosing.py``), bent onto the path (``bending.py``) or, where no path says where to go, as it was captured.

Shapes: T frames, J = 22 joints, K clips, C = 4 contact joints. Metres, radians, 20 fps; Y up.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .bending import climbs, join_segments, lead, own_facing, own_ground
from .choosing import chosen_clip, is_uneven, part_of, speed_misfit, travel_angle, travels
from .library import Library
from .matching import EndCosts, Segment, goals_along, row_costs, search
from .motion import BodyMotion
from .own_way import own_way
from .params import PARAMS, MatchingParams
from .route import Route, Start, Way
from .rows import (
    POSITIONS,
    Rows,
    candidates,
    first_pose,
    make_rows,
    pose_after,
    pose_distances,
    standing_costs,
    told_pose,
)
from .scores import ClipScores
from .shorter_steps import lengthened
from .striding import STRIDES, strided

MATCHED_MPS = 0.3  # a slower path is none to go along
CANDIDATE_SPEED = 0.5  # of what a clip loses for its speed: the way along the path is judged window by window
UNEVEN_JUMP_COST = 5.0  # of a jump to another person or side where one leg is bad
LOOKED_AT_CLIMBS = 150  # clips that fit best, of which those are left out that climb by themselves
KEPT_ROWS = 4  # sets of candidates that are kept for the next request


@dataclass(frozen=True)
class FoundPart:
    """Where a stretch comes from: the frames ``first`` to ``end`` of the motion are those from ``clip_frame`` on of the
    clip ``name``, which is captioned ``caption``.
    """

    name: str
    caption: str
    first: int
    end: int
    clip_frame: float
    tempo: float
    mirrored: bool


@dataclass(frozen=True, eq=False)
class FoundMotion:
    """World ``joints`` (T, J, 3) and ``contacts`` (T, C) 0..1, not yet finished, and what they were made of. ``joins``:
    the frames in which another stretch takes over, where windows were matched.
    """

    joints: np.ndarray
    contacts: np.ndarray
    parts: tuple[FoundPart, ...]
    kind: Literal["matched", "bent", "alone"]
    joins: tuple[int, ...] = ()


def find(
    library: Library,
    scores: ClipScores,
    route: Route,
    seed: int = 0,
    start: Start | None = None,
    params: MatchingParams = PARAMS,
) -> Generator[None, None, FoundMotion]:
    """The motion on ``route`` that goes on from ``start``; may be abandoned wherever it yields. ``seed`` 0 gives the
    best that is found, any other another take.
    """
    way = Way.of(route, start)
    if is_uneven(library, scores.matching):
        params = replace(params, performer_cost=UNEVEN_JUMP_COST)
    before = None if start is None else start.motion
    segments: Sequence[Segment] = ()
    choice = None
    if scores.going and not way.known.any() and not route.poses and not route.touches:
        choice = chosen_clip(library, scores.choosing, way, route.num_frames, seed)
        way = own_way(library, *choice, way, travel_angle(library, scores.matching)) or way
    if scores.going and (way.going_speed > MATCHED_MPS or (route.poses and not way.known.any())):
        facing = way.facing(-travel_angle(library, scores.matching))
        segments = yield from _matched(library, scores.matching, _Task(way, facing, route, before), seed, params)
    matched = bool(segments)
    if matched:
        motion = join_segments(library, segments, before).cut(0, route.num_frames)
        kind: Literal["matched", "bent", "alone"] = "matched" if route.mask.any() else "alone"
        facing = facing if way.known.any() else way.facing(motion.headings())
    else:
        clip, mirror = choice or chosen_clip(library, scores.choosing, way, route.num_frames, seed)
        segments = part_of(library, clip, mirror, route.num_frames, scores.posture, route.touches)
        yield
        motion = join_segments(library, segments, before)
        facing = _facing_of(library, clip, mirror, motion, way)
        kind = "bent" if way.known.any() else "alone"
    yield
    track = lead(motion, way, facing, start)
    strides = STRIDES if route.shares is None else (float(route.shares.min()), STRIDES[1])
    joints = (strided(motion, track, strides) if way.known.any() else motion).in_world(track)
    if route.on_ground:
        joints[..., 1] -= own_ground(motion)[:, None]
    parts = _parts(library, segments, route.num_frames)
    joins = tuple(part.first for part in parts[1:]) if matched else ()
    return FoundMotion(joints, motion.contacts, parts, kind, joins)


@dataclass(frozen=True, eq=False)
class _Task:
    """The ``way`` of a ``route``, where the body faces on it, ``facing`` (T,), and the motion ``before``."""

    way: Way
    facing: np.ndarray
    route: Route
    before: BodyMotion | None

    def ends(self, rows: Rows, params: MatchingParams) -> list[EndCosts]:
        """What the rows cost where the motion begins and ends: for what it joins there, or for a stand."""
        ends: list[EndCosts] = []
        stands, rests = self.way.stands
        along = np.flatnonzero(self.way.known)
        if self.before is not None:
            pose = pose_after(self.before, params)
            ends.append(EndCosts(0, pose_distances(pose[None], rows.pose, params)[0]))
        elif stands:
            ends.append(EndCosts(int(along[0]), standing_costs(rows.pose, params)))
        if self.route.arrival is not None:
            pose = first_pose(BodyMotion.of(self.route.arrival), params)
            ends.append(EndCosts(self.route.arrival_frame, pose_distances(pose[None], rows.pose, params)[0]))
        elif rests:
            ends.append(EndCosts(int(along[-1]), standing_costs(rows.pose, params)))
        for frame, joints in self.route.poses:
            told = told_pose(joints)
            ends.append(EndCosts(frame, pose_distances(told[None], rows.pose[:, :POSITIONS], params)[0]))
        return ends


def _matched(
    library: Library, scores: np.ndarray, task: _Task, seed: int, params: MatchingParams
) -> Generator[None, None, list[Segment]]:
    """The cheapest stretches for the ``task``; none where no clip may be taken. ``scores`` (2, K)."""
    way = task.way
    if task.route.on_ground:
        scores = _level_only(library, scores)
    speed = way.speed if task.route.shares is None else way.speed / float(task.route.shares.mean())
    clips = candidates(scores - CANDIDATE_SPEED * speed_misfit(library, speed, somewhere=True), library.frames, params)
    if not len(clips):
        return []
    rows = yield from _kept_rows(library, clips, params)
    costs = row_costs(rows, scores, seed, params)
    path = way.path if task.route.shares is None else lengthened(way.path, task.route.shares)
    goals = goals_along(path, task.facing, way.known, params)
    return (yield from search(rows, costs, goals, task.ends(rows, params), params))


def _level_only(library: Library, scores: np.ndarray) -> np.ndarray:
    """``scores`` (2, K) without the clips that climb by themselves, which are brought onto no other ground."""
    kept, level = library.kept_climbs, scores.copy()
    for clip in np.argsort(-scores.max(0), kind="stable")[:LOOKED_AT_CLIMBS].tolist():
        if clip not in kept:
            kept[clip] = climbs(library.decode(clip))
        if kept[clip]:
            level[:, clip] = -np.inf
    return level if np.isfinite(level).any() else scores


def _kept_rows(library: Library, clips: np.ndarray, params: MatchingParams) -> Generator[None, None, Rows]:
    """The rows of ``clips``; those of the last few requests are at hand."""
    kept, key = library.kept_rows, (clips.tobytes(), params)
    rows = kept.pop(key, None) or (yield from make_rows(library, clips, params))
    kept[key] = rows
    while len(kept) > KEPT_ROWS:
        del kept[next(iter(kept))]
    return rows


def _facing_of(library: Library, clip: int, mirror: bool, motion: BodyMotion, way: Way) -> np.ndarray:
    """Where the chosen clip's motion faces (T,): along the path as it goes by itself, ahead or backward or sideways;
    one that goes nowhere in particular as it does.
    """
    if not way.known.any():
        return way.facing(motion.headings())  # what is asked for, else as it turns by itself
    if travels(library)[clip] and way.speed > MATCHED_MPS:
        only = np.full((2, library.num_clips), -np.inf)
        only[int(mirror), clip] = 0.0
        return way.facing(-travel_angle(library, only))
    return way.facing(own_facing(motion, way) - way.looks)


def _parts(library: Library, segments: Sequence[Segment], num_frames: int) -> tuple[FoundPart, ...]:
    parts: list[FoundPart] = []
    first = 0
    for segment in segments:
        end = min(first + segment.frames, num_frames)
        caption = library.captions_of(segment.clip)[0]
        name = library.names[segment.clip]
        parts.append(FoundPart(name, caption, first, end, segment.start, segment.tempo, segment.mirror))
        first = end
    return tuple(part for part in parts if part.end > part.first)
