# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion matching: which stretches of which clips, one after another, go along a path.

Every half second the search may go on in a clip or jump to another frame of any candidate, at one of three tempos, as
it is or mirrored. A row is one such beginning: what it costs says how it will go against the path, how well its clip
fits the sentence, and, for a jump, how far its pose is from the one before. The cheapest sequence is looked for with a
beam (after Clavet, "Motion Matching", GDC 2016, with a search over the whole path in place of the next step).

Shapes: B frames of the candidate clips, R rows, S rows that can begin a window, W windows, G = 8 numbers of the way
ahead, Q = 30 numbers of a pose. Metres, radians, 20 fps; x to the left, z ahead.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blender_addon.shared.skeleton import FPS, SKELETON

from .library import SPEED_WEIGHT, Library
from .motion import BodyMotion


@dataclass(frozen=True)
class MatchingParams:
    """The numbers of the search. Costs are sums over windows; ``_cost`` what one window or jump costs."""

    window_frames: int = 10
    row_frames: int = 2  # between two beginnings; divides a window
    tempos: tuple[float, ...] = (0.87, 1.0, 1.15)
    candidate_frames: int = 12_000  # of the clips that fit the sentence best; their mirror images come on top
    rows_per_window: int = 3000
    beams: int = 12
    bucket_frames: int = 4  # at most one beam a clip within so many frames
    shortlist: int = 400  # of the cheapest continuations, from which the beams are taken

    ahead_frames: tuple[int, ...] = (5, 10, 20)
    ahead_m: tuple[float, ...] = (0.05, 0.08, 0.18)  # usual deviations then
    turn_frames: tuple[int, ...] = (10, 20)
    turn_rad: tuple[float, ...] = (0.15, 0.25)
    path_cost: float = 0.25

    score_step: float = 0.15  # of a sentence's score, that costs
    score_cost: float = 3.0
    score_steps_max: float = 4.0
    tempo_cost: float = 0.15  # of a clip that is not played as it was captured
    tempo_change_cost: float = 0.1
    pose_cost: float = 3.2  # of a mean square of one in the pose
    jump_cost: float = 0.35
    performer_cost: float = 0.2  # of a jump to another person or to the other side: who limps has one bad leg
    variety: float = 0.5  # largest random addition to a row's cost, when another take is asked for

    feet_m: float = 0.07
    feet_mps: float = 0.6
    wrists_m: float = 0.16
    head_m: float = 0.10
    pelvis_m: float = 0.05
    pelvis_mps: float = 0.3


PARAMS = MatchingParams()
_FEET = SKELETON.indices("left_ankle", "left_foot", "right_ankle", "right_foot")
_JOINTS = [*_FEET, *SKELETON.indices("left_wrist", "right_wrist", "head")]
_SWAPPED = [2, 3, 0, 1, 5, 4, 6]  # of _JOINTS in a mirror
_FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
_ROW_NUMBERS = np.r_[0:4, (4 + 3 * (np.array(_JOINTS)[:, None] - 1) + np.arange(3)).ravel()]


@dataclass(frozen=True)
class Segment:
    """``frames`` frames of a clip from its frame ``start`` (a fraction between two) on, played at ``tempo``."""

    clip: int
    start: float
    frames: int
    tempo: float = 1.0
    mirror: bool = False

    @property
    def end(self) -> float:
        """The clip's frame at which it is left."""
        return self.start + self.frames * self.tempo


@dataclass(frozen=True, eq=False)
class Rows:
    """Beginnings in the candidate clips, those of one clip, tempo and side one after another. ``pose`` (R, Q) and
    ``ahead`` (R, G), in usual deviations; ``can_begin`` (R,): a whole window follows in the clip. ``clip``, ``time``
    (its frame), ``tempo``, ``mirror`` and ``performer`` (another in the mirror): (R,) each.
    """

    pose: np.ndarray
    ahead: np.ndarray
    can_begin: np.ndarray
    clip: np.ndarray
    time: np.ndarray
    tempo: np.ndarray
    mirror: np.ndarray
    performer: np.ndarray


def candidates(scores: np.ndarray, frames: np.ndarray, params: MatchingParams = PARAMS) -> np.ndarray:
    """The best-scored clips, in their order in the library, until they hold enough; ``scores`` (2, K) of the clips and
    their mirror images, ``frames`` (K,) their lengths.
    """
    best = scores.max(0)
    shortest = params.window_frames * max(params.tempos) + 2
    order = np.argsort(-np.where(frames > shortest, best, -np.inf), kind="stable")
    enough = int(np.searchsorted(np.cumsum(frames[order]), params.candidate_frames)) + 1
    kept = order[:enough]
    return np.sort(kept[np.isfinite(best[kept]) & (frames[kept] > shortest)])


def make_rows(library: Library, clips: np.ndarray, params: MatchingParams = PARAMS) -> Generator[None, None, Rows]:
    """The rows of ``clips`` (n,)."""
    patches, begins = library.patches_of(clips)
    numbers = library.codes.decode(patches, _ROW_NUMBERS)
    yield
    last = begins[:-1] + library.frames[clips] - 1
    source = _Source(numbers, begins[:-1], last)
    parts: list[Rows] = []
    for tempo in params.tempos:
        straight = _at_tempo(source, library, clips, tempo, params)
        parts += [straight, _mirrored(straight)]
        yield
    names = vars(parts[0])
    return Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


class _Source:
    """Candidate clips frame by frame: ``track`` (B, 3) x, z, heading over all; ``velocity`` (B, 3) a frame;
    ``pose`` (B, Q) with speeds a frame; each clip lies between ``first`` and ``last`` (n,)."""

    def __init__(self, numbers: np.ndarray, first: np.ndarray, last: np.ndarray) -> None:
        speeds = numbers[:, :3] / np.float32(SPEED_WEIGHT)
        facing = np.concatenate([[0.0], np.cumsum(speeds[:-1, 2], dtype=np.float64)])
        sine, cosine = np.sin(facing), np.cos(facing)
        left, ahead = speeds[:, 0], speeds[:, 1]
        velocity = np.stack([cosine * left + sine * ahead, cosine * ahead - sine * left], -1)
        places = np.concatenate([np.zeros((1, 2)), np.cumsum(velocity[:-1], 0)])
        self.track = np.concatenate([places, facing[:, None]], 1)
        self.velocity, self.first, self.last = velocity, first, last
        joints = numbers[:, 4:].reshape(len(numbers), -1, 3)
        ankles = joints[:, [0, 2]]
        moved = np.diff(ankles, axis=0, append=ankles[-1:])
        moved[last] = moved[np.maximum(last - 1, 0)]
        moved[..., 0] += left[:, None] + speeds[:, 2:] * ankles[..., 2]
        moved[..., 2] += ahead[:, None] - speeds[:, 2:] * ankles[..., 0]
        self.pose = _pose_numbers(joints, numbers[:, 3], moved, speeds[:, :2])


def _pose_numbers(joints: np.ndarray, height: np.ndarray, moved: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(n, Q): joints (n, 7, 3), ankles' speeds ``moved`` (n, 2, 3), pelvis height (n,) and ``step`` (n, 2)."""
    count = len(joints)
    parts = [joints.reshape(count, -1), height[:, None], moved.reshape(count, -1), step]
    return np.concatenate(parts, 1).astype(np.float32)


def _pose_scale(tempo: float, params: MatchingParams) -> np.ndarray:
    """(Q,): from metres and metres a frame to usual deviations."""
    mps = FPS * tempo
    return np.float32(1) / np.array(
        [params.feet_m] * 12
        + [params.wrists_m] * 6
        + [params.head_m] * 3
        + [params.pelvis_m]
        + [params.feet_mps / mps] * 6
        + [params.pelvis_mps / mps] * 2,
        np.float32,
    )


def pose_after(known: BodyMotion, params: MatchingParams = PARAMS) -> np.ndarray:
    """(Q,): the pose, in usual deviations, in which a motion would be a frame after the last one of ``known``."""
    joints = known.pose[-2:][:, _JOINTS]
    next_joints = 2 * joints[-1] - joints[0]
    ankles = joints[:, [0, 2]]
    moved = ankles[-1] - ankles[0]
    moved[:, 0] += known.step[-1, 0] + known.turn[-1] * ankles[-1, :, 2]
    moved[:, 2] += known.step[-1, 1] - known.turn[-1] * ankles[-1, :, 0]
    height = 2 * known.pose[-1:, 0, 1] - known.pose[-2:-1, 0, 1]
    return (_pose_numbers(next_joints[None], height, moved[None], known.step[-1:]) * _pose_scale(1.0, params))[0]


def _at_tempo(source: _Source, library: Library, clips: np.ndarray, tempo: float, params: MatchingParams) -> Rows:
    spacing = tempo * params.row_frames
    counts = ((source.last - source.first) / spacing).astype(int) + 1
    owner = np.repeat(np.arange(len(clips)), counts)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    time = number * spacing
    begin, end = source.first[owner], source.last[owner]
    here = _between(source.track, begin + time)
    return Rows(
        pose=_between(source.pose, begin + time).astype(np.float32) * _pose_scale(tempo, params),
        ahead=_ahead(source, here, begin + time, end, tempo, params),
        can_begin=number + params.window_frames // params.row_frames < counts[owner],
        clip=clips[owner],
        time=time,
        tempo=np.full(len(owner), tempo),
        mirror=np.zeros(len(owner), bool),
        performer=2 * library.performers[clips][owner],
    )


def _ahead(
    source: _Source, here: np.ndarray, at: np.ndarray, end: np.ndarray, tempo: float, params: MatchingParams
) -> np.ndarray:
    """(R, G): places in the axes of each row, and headings, frames later; after its end a clip goes straight on."""
    sine, cosine = np.sin(here[:, 2]), np.cos(here[:, 2])
    columns: list[np.ndarray] = []
    for frames, usual in zip(params.ahead_frames, params.ahead_m, strict=True):
        then = at + frames * tempo
        held = np.minimum(then, end)
        moved = _between(source.track[:, :2], held) - here[:, :2] + (then - held)[:, None] * source.velocity[end]
        columns += [
            (cosine * moved[:, 0] - sine * moved[:, 1]) / usual,
            (sine * moved[:, 0] + cosine * moved[:, 1]) / usual,
        ]
    for frames, usual in zip(params.turn_frames, params.turn_rad, strict=True):
        turned = _between(source.track[:, 2:], np.minimum(at + frames * tempo, end))[:, 0] - here[:, 2]
        columns.append(turned / usual)
    return np.stack(columns, -1).astype(np.float32)


def _between(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``values`` (B, C) at fractions of frames (n,)."""
    first = at.astype(int)
    u = (at - first)[:, None].astype(values.dtype)
    return values[first] * (1 - u) + values[np.minimum(first + 1, len(values) - 1)] * u


def _mirrored(rows: Rows) -> Rows:
    ahead = rows.ahead.copy()
    ahead[:, 0:6:2] *= -1
    ahead[:, 6:] *= -1
    pose = rows.pose.copy()
    count = len(pose)
    pose[:, :21] = (pose[:, :21].reshape(count, 7, 3)[:, _SWAPPED] * _FLIP).reshape(count, -1)
    pose[:, 22:28] = (pose[:, 22:28].reshape(count, 2, 3)[:, ::-1] * _FLIP).reshape(count, -1)
    pose[:, 28] *= -1
    return Rows(**vars(rows) | {"ahead": ahead, "pose": pose, "mirror": ~rows.mirror, "performer": rows.performer + 1})


def goals_along(
    path: np.ndarray, facing: np.ndarray, known: np.ndarray, params: MatchingParams = PARAMS
) -> tuple[np.ndarray, np.ndarray]:
    """What each window is to do, (W, G), and how much each number counts, (W, G) 0 or 1: along ``path`` (T, 2) facing
    ``facing`` (T,), where it is ``known`` (T,). Beyond its end the path goes straight on.
    """
    frames = len(path)
    begins = np.arange(0, frames, params.window_frames)
    reach = max(params.ahead_frames) + 1
    beyond = np.arange(1, reach + 1)[:, None] * (path[-1] - path[-2])
    path, facing = np.concatenate([path, path[-1] + beyond]), np.pad(facing, (0, reach), mode="edge")
    known = np.pad(known, (0, reach), mode="edge")
    sine, cosine = np.sin(facing[begins]), np.cos(facing[begins])
    goals, counts = [], []
    for ahead, usual in zip(params.ahead_frames, params.ahead_m, strict=True):
        moved = path[begins + ahead] - path[begins]
        goals += [
            (cosine * moved[:, 0] - sine * moved[:, 1]) / usual,
            (sine * moved[:, 0] + cosine * moved[:, 1]) / usual,
        ]
        counts += [known[begins + ahead] & known[begins]] * 2
    for ahead, usual in zip(params.turn_frames, params.turn_rad, strict=True):
        goals.append((facing[begins + ahead] - facing[begins]) / usual)
        counts.append(known[begins + ahead] & known[begins])
    return np.stack(goals, -1).astype(np.float32), np.stack(counts, -1).astype(np.float32)


def row_costs(rows: Rows, scores: np.ndarray, seed: int = 0, params: MatchingParams = PARAMS) -> np.ndarray:
    """(R,): what beginning a window costs whatever the path, by ``scores`` (2, K) and tempo; a ``seed`` other than 0
    adds chance.
    """
    own = scores[rows.mirror.astype(int), rows.clip]
    steps = np.minimum((own.max() - own) / params.score_step, params.score_steps_max)
    costs = params.score_cost * steps + params.tempo_cost * (rows.tempo != 1.0)
    if seed:
        costs = costs + params.variety * np.random.default_rng(seed).random(len(costs))
    return np.where(np.isfinite(own), costs, np.inf).astype(np.float32)


def search(
    rows: Rows,
    costs: np.ndarray,
    goals: tuple[np.ndarray, np.ndarray],
    start: np.ndarray | None = None,
    params: MatchingParams = PARAMS,
) -> Generator[None, None, list[Segment]]:
    """The cheapest way through all windows; may be abandoned wherever it yields.

    ``costs`` (R,): see :func:`row_costs`. ``goals``: as :func:`goals_along` gives them.
    ``start`` (Q,): the pose to go on from (see :func:`pose_after`).
    """
    begin = np.flatnonzero(rows.can_begin)
    ahead, (wanted, counts) = rows.ahead[begin], goals
    bucket = _buckets(rows, params)
    beam: _Beam | None = None
    history: list[tuple[np.ndarray, np.ndarray]] = []
    for goal, count in zip(wanted, counts, strict=True):
        along = np.full(len(rows.pose), np.inf, np.float32)
        along[begin] = (np.square(ahead - goal) @ count) * params.path_cost + costs[begin]
        few = min(params.rows_per_window, len(begin))
        chosen = begin[np.argpartition(along[begin], few - 1)[:few]]
        beam, parents = _advance(rows, beam, chosen, along, start, bucket, params)
        history.append((beam.rows, parents))
        yield
    return _segments(rows, _trace(history), params)


@dataclass(frozen=True, eq=False)
class _Beam:
    """The cheapest ways so far: ``costs`` (b,), and the ``rows`` (b,) of their last windows."""

    costs: np.ndarray
    rows: np.ndarray


def _advance(
    rows: Rows,
    beam: _Beam | None,
    chosen: np.ndarray,
    along: np.ndarray,
    start: np.ndarray | None,
    bucket: np.ndarray,
    params: MatchingParams,
) -> tuple[_Beam, np.ndarray]:
    """The beam a window later, and the parent (b,) of each of its ways."""
    if beam is None:
        totals = along[chosen]
        if start is not None:
            totals = totals + _distances(start[None], rows.pose[chosen], params)[0]
        return _kept(totals, chosen, np.zeros(len(chosen), int), bucket, params)
    at_end = beam.rows + params.window_frames // params.row_frames
    jumps = _distances(rows.pose[at_end], rows.pose[chosen], params) + params.jump_cost
    jumps += params.performer_cost * (rows.performer[at_end][:, None] != rows.performer[chosen])
    jumps += params.tempo_change_cost * (rows.tempo[at_end][:, None] != rows.tempo[chosen])
    jumps += beam.costs[:, None] + along[chosen]
    totals = np.concatenate([jumps.ravel(), beam.costs + along[at_end]])
    nexts = np.concatenate([np.tile(chosen, len(at_end)), at_end])
    parents = np.concatenate([np.repeat(np.arange(len(at_end)), len(chosen)), np.arange(len(at_end))])
    return _kept(totals, nexts, parents, bucket, params)


def _distances(poses: np.ndarray, others: np.ndarray, params: MatchingParams) -> np.ndarray:
    """Cost of the distance of each of ``poses`` (b, Q) from each of ``others`` (n, Q): (b, n)."""
    squares = (poses * poses).sum(-1)[:, None] + (others * others).sum(-1) - 2 * poses @ others.T
    return squares * (params.pose_cost / poses.shape[-1])


def _kept(
    totals: np.ndarray, nexts: np.ndarray, parents: np.ndarray, bucket: np.ndarray, params: MatchingParams
) -> tuple[_Beam, np.ndarray]:
    few = min(params.shortlist, len(totals))
    short = np.argpartition(totals, few - 1)[:few]
    short = short[np.argsort(totals[short], kind="stable")]
    short = short[np.isfinite(totals[short])]
    _, first = np.unique(bucket[nexts[short]], return_index=True)
    kept = short[np.sort(first)[: params.beams]]
    return _Beam(totals[kept], nexts[kept]), parents[kept]


def _buckets(rows: Rows, params: MatchingParams) -> np.ndarray:
    """(R,): the same number where two beams would be one."""
    inside = (rows.time / params.bucket_frames).astype(np.int64)
    return (rows.clip.astype(np.int64) * 2 + rows.mirror) * (int(inside.max(initial=0)) + 1) + inside


def _trace(history: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """The row of each window, along the parents of the cheapest last one, which is the first of its beam."""
    at, found = 0, []
    for rows, parents in reversed(history):
        found.append(int(rows[at]))
        at = int(parents[at])
    return found[::-1]


def _segments(rows: Rows, found: list[int], params: MatchingParams) -> list[Segment]:
    """The rows as stretches; windows that follow each other in a clip are one."""
    window = params.window_frames
    goes_on = [False, *(two == one + window // params.row_frames for one, two in pairwise(found))]
    segments: list[Segment] = []
    for row, same in zip(found, goes_on, strict=True):
        if same:
            old = segments.pop()
            segments.append(Segment(old.clip, old.start, old.frames + window, old.tempo, old.mirror))
        else:
            segments.append(
                Segment(
                    int(rows.clip[row]), float(rows.time[row]), window, float(rows.tempo[row]), bool(rows.mirror[row])
                )
            )
    return segments
