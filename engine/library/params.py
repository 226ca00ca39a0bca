# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the search, in one place: a test or a tool passes others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MatchingParams:
    """The numbers of the search. Costs are sums over windows; ``_cost`` what one window or jump costs."""

    window_frames: int = 10
    row_frames: int = 2  # between two beginnings; divides a window
    paces: tuple[float, ...] = (0.87, 1.0, 1.15)
    candidate_frames: int = 12_000  # of the clips that fit the sentence best; their mirror images come on top
    rows_per_window: int = 3000
    beams: int = 12
    bucket_frames: int = 4  # at most one beam a clip within so many frames
    shortlist: int = 400  # of the cheapest continuations, from which the beams are taken

    ahead_frames: tuple[int, ...] = (5, 10, 20)
    ahead_m: tuple[float, ...] = (0.05, 0.08, 0.18)  # usual deviations then
    far_m: float = 1.2  # the path goes farther in the longest time, then deviations are larger, too
    turn_frames: tuple[int, ...] = (10, 20)
    turn_rad: tuple[float, ...] = (0.15, 0.25)
    path_cost: float = 0.25

    score_step: float = 0.15  # of a sentence's score, that costs
    score_cost: float = 3.0
    score_steps_max: float = 4.0
    pace_cost: float = 0.15  # of a clip that does not go as fast as it was captured
    cadence_cost: float = 60.0  # of steps e times as quick, or slow, as is usual at that speed
    stays_cost: float = 16.0  # of who goes nowhere while the path does: half of it; none from half as far on
    stays_m: float = 0.2  # the path goes as far in the longest time ahead, or it stands itself
    pace_change_cost: float = 0.1
    pose_cost: float = 3.2  # of a mean square of one in the pose
    jump_cost: float = 0.35
    stand_cost: float = 0.5  # where a motion begins from a stand or comes to one, for a square of one
    manner_cost: float = (
        0.6  # of a jump to a clip in which hands, head and hips are elsewhere, for a mean square of one
    )
    manner_cost_max: float = 6.0
    performer_cost: float = 0.2  # of a jump to another person or to the other side
    variety: float = 0.5  # largest random addition to a row's cost, when another take is asked for

    feet_m: float = 0.07
    feet_mps: float = 0.6
    wrists_m: float = 0.16
    head_m: float = 0.10
    pelvis_m: float = 0.05
    pelvis_mps: float = 0.3


PARAMS = MatchingParams()
