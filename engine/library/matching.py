# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion matching: which stretches of which clips, one after another, go along a path.

Every half second the search may go on in a clip or jump to another frame of any candidate, at one of three paces, as it
is or mirrored. A row is one such beginning: what it costs says how it will go against the path, how well its clip
fits the sentence, and, for a jump, how far its pose is from the one before. The cheapest sequence is looked for with a
beam (after Clavet, "Motion Matching", GDC 2016, with a search over the whole path in place of the next step).

Shapes: T frames, R rows, W windows, G = 8 numbers of the way ahead, Q = 30 numbers of a pose. Metres, radians, 20
fps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .params import PARAMS, MatchingParams
from .rows import Rows, distances, pose_distances

WINDOWS_AT_ONCE = 16  # whose costs are computed together


@dataclass(frozen=True)
class Segment:
    """``frames`` frames of a clip from its frame ``start`` (a fraction between two) on, played at ``tempo``; at 0
    its pose is held, below it is played backward.
    """

    clip: int
    start: float
    frames: int
    tempo: float = 1.0
    mirror: bool = False


def goals_along(
    path: np.ndarray, facing: np.ndarray, known: np.ndarray, params: MatchingParams = PARAMS
) -> tuple[np.ndarray, np.ndarray]:
    """What each window is to do, (W, G), and how much each number counts, (W, G) 0 to 1: along ``path`` (T, 2) facing
    ``facing`` (T,), where it is ``known`` (T,). Beyond its end the path goes straight on.
    """
    frames = len(path)
    begins = np.arange(0, frames, params.window_frames)
    reach = max(params.ahead_frames) + 1
    beyond = np.arange(1, reach + 1)[:, None] * (path[-1] - path[-2])
    path, facing = np.concatenate([path, path[-1] + beyond]), np.pad(facing, (0, reach), mode="edge")
    known = np.pad(known, (0, reach), mode="edge")
    sine, cosine = np.sin(facing[begins]), np.cos(facing[begins])
    far = np.linalg.norm(path[begins + params.ahead_frames[-1]] - path[begins], axis=-1)
    share = np.minimum(1.0, params.far_m / np.maximum(far, 1e-9)) ** 2
    goals, counts = [], []
    for ahead, usual in zip(params.ahead_frames, params.ahead_m, strict=True):
        moved = path[begins + ahead] - path[begins]
        goals += [
            (cosine * moved[:, 0] - sine * moved[:, 1]) / usual,
            (sine * moved[:, 0] + cosine * moved[:, 1]) / usual,
        ]
        counts += [share * (known[begins + ahead] & known[begins])] * 2
    for ahead, usual in zip(params.turn_frames, params.turn_rad, strict=True):
        goals.append((facing[begins + ahead] - facing[begins]) / usual)
        counts.append(known[begins + ahead] & known[begins])
    return np.stack(goals, -1).astype(np.float32), np.stack(counts, -1).astype(np.float32)


def row_costs(rows: Rows, scores: np.ndarray, seed: int = 0, params: MatchingParams = PARAMS) -> np.ndarray:
    """(R,): what beginning a window costs whatever the path, by ``scores`` (2, K) and pace; a ``seed`` other than 0
    adds chance.
    """
    own = scores[rows.mirror.astype(int), rows.clip]
    steps = np.minimum((own.max() - own) / params.score_step, params.score_steps_max)
    costs = params.score_cost * steps + params.pace_cost * (rows.pace != 1.0)
    costs = costs + params.cadence_cost * rows.misstep**2
    if seed:
        costs = costs + params.variety * np.random.default_rng(seed).random(len(costs))
    return np.where(np.isfinite(own), costs, np.inf).astype(np.float32)


@dataclass(frozen=True, eq=False)
class EndCosts:
    """What it costs to be in a row (R,) in the motion's frame ``frame``: where it begins, or comes to something."""

    frame: int
    costs: np.ndarray

    def of_window(self, rows: Rows, window: int, params: MatchingParams) -> np.ndarray | None:
        """(R,): what this costs those who are in a row at the begin of ``window``; None if it is another window."""
        here, later = divmod(self.frame, params.window_frames)
        if window != here:
            return None
        then = np.minimum(np.arange(len(rows.pose)) + round(later / params.row_frames), len(rows.pose) - 1)
        return self.costs[then]


def search(
    rows: Rows,
    costs: np.ndarray,
    goals: tuple[np.ndarray, np.ndarray],
    ends: Sequence[EndCosts] = (),
    params: MatchingParams = PARAMS,
) -> Generator[None, None, list[Segment]]:
    """The cheapest way through all windows; may be abandoned wherever it yields.

    ``costs`` (R,): see :func:`row_costs`. ``goals``: as :func:`goals_along` gives them. ``ends``: what poses cost where
    the motion begins and ends.
    """
    beam: _Beam | None = None
    beams: list[_Beam] = []
    for along, chosen in _along(rows, costs, goals, ends, params):
        beam = _first(rows, chosen, along, params) if beam is None else _next(rows, beam, chosen, along, params)
        beams.append(beam)
        yield
    return _segments(rows, _trace(beams), params)


def _along(
    rows: Rows,
    costs: np.ndarray,
    goals: tuple[np.ndarray, np.ndarray],
    ends: Sequence[EndCosts],
    params: MatchingParams,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every window the cost (R,) of all rows but for jumps to them, and the cheapest rows."""
    begin = np.flatnonzero(rows.can_begin)
    few = min(params.rows_per_window, len(begin))
    ahead, own = rows.ahead[begin], costs[begin]
    squares = ahead * ahead
    wanted, counts = goals
    far = np.linalg.norm(ahead[:, 4:6], axis=1)
    for some in np.array_split(np.arange(len(wanted)), -(-len(wanted) // WINDOWS_AT_ONCE)):
        goal, count = wanted[some], counts[some]
        crossed = (goal * count) @ ahead.T
        path = count @ squares.T - 2 * crossed + (goal * goal * count).sum(1)[:, None]
        for window, costs_here in zip(some, params.path_cost * path + own, strict=True):
            costs_here += _stays(far, wanted[window, 4:6] * (counts[window, 4:6] > 0), params)
            for end in ends:
                there = end.of_window(rows, int(window), params)
                costs_here += 0 if there is None else there[begin]
            along = np.full(len(rows.pose), np.inf, np.float32)
            along[begin] = costs_here
            yield along, begin[np.argpartition(costs_here, few - 1)[:few]]


def _stays(far: np.ndarray, goal: np.ndarray, params: MatchingParams) -> np.ndarray | float:
    """(R,): what rows that go ``far`` (R,) cost for staying behind a ``goal`` (2,), both in usual deviations: a body
    that is carried along floats.
    """
    wanted = float(np.linalg.norm(goal))
    if wanted * params.ahead_m[-1] < params.stays_m:
        return 0.0
    return np.float32(params.stays_cost) * np.maximum(0.5 - far / np.float32(wanted), 0.0)


@dataclass(frozen=True, eq=False)
class _Beam:
    """The cheapest ways so far: ``costs`` (b,), the ``rows`` (b,) of their last windows, and the place of each way in
    the beam before, ``parents`` (b,)."""

    costs: np.ndarray
    rows: np.ndarray
    parents: np.ndarray


def _first(rows: Rows, chosen: np.ndarray, along: np.ndarray, params: MatchingParams) -> _Beam:
    totals = along[chosen]
    kept = _cheapest(totals, lambda places: rows.bucket[chosen[places]], params)
    return _Beam(totals[kept], chosen[kept], np.zeros(len(kept), int))


def _next(rows: Rows, beam: _Beam, chosen: np.ndarray, along: np.ndarray, params: MatchingParams) -> _Beam:
    """The beam a window later: each way goes on in its clip or jumps to one of the ``chosen`` rows."""
    at_end = beam.rows + params.window_frames // params.row_frames
    jumps = pose_distances(rows.pose[at_end], rows.pose[chosen], params)
    other_manner = distances(rows.carriage[at_end], rows.carriage[chosen], params.manner_cost)
    jumps += np.minimum(other_manner, np.float32(params.manner_cost_max))
    jumps += beam.costs[:, None] + (along[chosen] + np.float32(params.jump_cost))
    for cost, kind in ((params.performer_cost, rows.performer), (params.pace_change_cost, rows.pace)):
        jumps += np.float32(cost) * (kind[at_end][:, None] != kind[chosen])
    totals = np.concatenate([jumps.ravel(), beam.costs + along[at_end]])

    def came_from(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and parent of each of ``places`` in ``totals``."""
        parent, row = np.divmod(places, len(chosen))
        stays = parent == len(at_end)
        parent = np.where(stays, row, parent)
        return np.where(stays, at_end[np.minimum(row, len(at_end) - 1)], chosen[row]), parent

    kept = _cheapest(totals, lambda places: rows.bucket[came_from(places)[0]], params)
    return _Beam(totals[kept], *came_from(kept))


def _cheapest(totals: np.ndarray, bucket_of: Callable[[np.ndarray], np.ndarray], params: MatchingParams) -> np.ndarray:
    """Places of the least ``totals``, in their order, at most one a bucket."""
    few = min(params.shortlist, len(totals))
    short = np.argpartition(totals, few - 1)[:few]
    short = short[np.argsort(totals[short], kind="stable")]
    short = short[np.isfinite(totals[short])]
    _, first = np.unique(bucket_of(short), return_index=True)
    return short[np.sort(first)[: params.beams]]


def _trace(beams: list[_Beam]) -> list[int]:
    """The row of each window, along the parents of the cheapest last one, which is the first of its beam."""
    at, found = 0, []
    for beam in reversed(beams):
        found.append(int(beam.rows[at]))
        at = int(beam.parents[at])
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
