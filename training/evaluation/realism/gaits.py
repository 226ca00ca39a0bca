# SPDX-License-Identifier: GPL-3.0-or-later
"""Straight walks and runs by speed, beside captured ones that are as fast.

Shapes: T frames, J = 22 joints, P pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.pipeline import Pipeline

from ..metric_table import CM, Metric, measured
from .kinematics import KINEMATICS, piece_numbers
from .motions import LIBRARY, NETWORK, answered, path_request
from .strides import Strikes, standing_slides

SPEEDS = (0.8, 1.2, 1.6, 2.0, 2.7, 4.0)
RUNS_FROM = 1.9  # m/s
LIKE = 0.12  # of the speed, by which a captured piece may go faster or slower
STRAIGHT = 0.975  # of the way that a straight piece of motion covers lies in one direction
STEADY = 0.15  # of the speed, by which it may change from the first half to the second
AHEAD = 0.9  # of the speed goes where the body faces
WALK_FRAMES, RUN_FRAMES = 60, 24  # of a piece; captured runs are short
HOP_FRAMES = 6  # from one captured piece to the next
FRAMES, LEFT_OUT = 141, 20  # of what is asked for; frames at its start and end, where people set off and stop
SEEDS = (0, 1, 2)
_CAPTIONS = {"walks": r"\bwalk", "runs": r"\b(run|jog|sprint)"}
_PELVIS = SKELETON.index("pelvis")


@dataclass(frozen=True, eq=False)
class Gait:
    """Pieces (P, T, J, 3) of straight ways at one speed."""

    pieces: np.ndarray
    strikes: list[Strikes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "strikes", [Strikes.of(piece) for piece in self.pieces])

    @cached_property
    def numbers(self) -> np.ndarray:
        return piece_numbers(self.pieces)

    def median(self, name: str) -> float:
        return float(np.median(self.numbers[:, KINEMATICS.index(name)]))

    def of_strikes(self, name: str) -> float | None:
        values = [getattr(strikes, name) for strikes in self.strikes]
        return None if np.isnan(values).all() else float(np.nanmedian(values))

    @property
    def slide_cm(self) -> float:
        """Of standing feet, cm/s: mean of the contacts."""
        return CM * float(np.mean(np.concatenate([standing_slides(piece) for piece in self.pieces])))

    @cached_property
    def hip_swing(self) -> float:
        """Range of the pelvis across its way, less a drift (median of the pieces, m)."""
        ranges = []
        for piece in self.pieces:
            ground = piece[:, _PELVIS][:, [0, 2]]
            way = ground[-1] - ground[0]
            across = ground @ np.array([way[1], -way[0]]) / max(float(np.linalg.norm(way)), 1e-9)
            time = np.linspace(-1, 1, len(across))
            ranges.append(float(np.ptp(across - np.polyval(np.polyfit(time, across, 2), time))))
        return float(np.median(ranges))


GAITS: tuple[Metric[Gait], ...] = (
    Metric("cadence", "steps/s", 2, lambda g: g.of_strikes("cadence")),
    Metric("step_m", "step m", 2, lambda g: g.of_strikes("step_length")),
    Metric("stride_variation", "stride cv", 2, lambda g: g.of_strikes("stride_variation")),
    Metric("ankles_cm", "ankles cm", 1, lambda g: CM * g.median("stance_width")),
    Metric("hip_swing_cm", "swing cm", 1, lambda g: CM * g.hip_swing),
    Metric("hip_bounce_cm", "bounce cm", 1, lambda g: CM * g.median("hip_bounce")),
    Metric("arm_swing_cm", "arms cm", 0, lambda g: CM * g.median("arm_swing")),
    Metric("head_acceleration", "head m/s²", 1, lambda g: g.median("head_acceleration")),
    Metric("knee_range_deg", "knee deg", 0, lambda g: float(np.degrees(g.median("knee_range")))),
    Metric("facing_deg", "facing", 0, lambda g: float(np.degrees(g.median("facing")))),
    Metric("slide_cm", "slide cm/s", 1, lambda g: g.slide_cm),
    Metric("pieces", "pieces", 0, lambda g: float(len(g.pieces))),
)
"""Medians over the pieces."""


def frames_at(speed: float) -> int:
    """Of a piece."""
    return RUN_FRAMES if speed > RUNS_FROM else WALK_FRAMES


def captured_pieces(clips: Iterable[tuple[str, np.ndarray]]) -> dict[float, np.ndarray]:
    """For each of ``SPEEDS`` the pieces (P, T, J, 3) of captured clips (caption and joints) that go straight, steadily
    and ahead at about that speed, and whose caption says that somebody walks, or runs.
    """
    pieces: dict[float, list[np.ndarray]] = {speed: [] for speed in SPEEDS}
    for caption, joints in clips:
        for speed in SPEEDS:
            frames = frames_at(speed)
            verb = "runs" if speed > RUNS_FROM else "walks"
            if re.search(_CAPTIONS[verb], caption) and len(joints) >= frames:
                starts = range(0, len(joints) - frames + 1, HOP_FRAMES)
                cut = np.stack([joints[start : start + frames] for start in starts])
                pieces[speed] += list(cut[_goes_straight(cut, speed)])
    return {speed: np.stack(own) for speed, own in pieces.items() if own}


def _goes_straight(pieces: np.ndarray, speed: float) -> np.ndarray:
    """(P,) bool."""
    ground = pieces[:, :, _PELVIS][..., [0, 2]].astype(np.float64)
    half, seconds = pieces.shape[1] // 2, (pieces.shape[1] - 1) / FPS
    whole = np.linalg.norm(ground[:, -1] - ground[:, 0], axis=-1)
    first = np.linalg.norm(ground[:, half] - ground[:, 0], axis=-1)
    second = np.linalg.norm(ground[:, -1] - ground[:, half], axis=-1)
    steady = np.abs(first / half - second / (pieces.shape[1] - 1 - half)) * FPS < STEADY * speed
    like = np.abs(whole / seconds - speed) < LIKE * speed
    straight = whole > STRAIGHT * (first + second)
    fit = like & steady & straight
    if fit.any():
        fit[fit] = piece_numbers(pieces[fit])[:, KINEMATICS.index("forward")] > AHEAD * speed
    return fit


def straight_way(speed: float, frames: int = FRAMES) -> ControlSignal:
    """The pelvis along +Z at ``speed``, its height left to the engine."""
    places = np.zeros((frames, 2))
    places[:, 1] = speed * np.arange(frames) / FPS
    return way_of_pelvis(places)


def way_of_pelvis(places: np.ndarray) -> ControlSignal:
    """The pelvis at ``places`` (T, 2), x and z, in every frame, its height left to the engine."""
    signal = ControlSignal.empty(len(places))
    signal.hint[:, _PELVIS, [0, 2]] = places
    signal.hint[:, _PELVIS, 1] = SKELETON.standing_height
    signal.hint_mask[:, _PELVIS] = True
    return ControlSignal(signal.hint, signal.hint_mask, free_height=True)


def gait_rows(
    pipeline: Pipeline,
    captured: dict[float, np.ndarray],
    seeds: Sequence[int] = SEEDS,
    advance: Callable[[str], None] = lambda doing: None,
) -> list[dict]:
    """For each speed a row of captured pieces and one for each way to answer."""
    ways = {"network": NETWORK} | ({} if pipeline.sentences is None else {"default": LIBRARY})
    rows = []
    for speed in SPEEDS:
        label = f"{'runs' if speed > RUNS_FROM else 'walks'} {speed} m/s"
        if speed in captured:
            rows.append({"way": label, "motion": "captured"} | measured(GAITS, Gait(captured[speed])))
        for name, closeness in ways.items():
            pieces = []
            for seed in seeds:
                advance(f"{label}: {name}")
                signal = straight_way(speed)
                verb = "runs" if speed > RUNS_FROM else "walks"
                request = path_request(f"a person {verb}", signal, seed=seed, closeness=closeness)
                joints = answered(pipeline, request, signal).joints[LEFT_OUT:-LEFT_OUT]
                frames = frames_at(speed)
                pieces += [joints[at : at + frames] for at in range(0, len(joints) - frames + 1, frames // 2)]
            rows.append({"way": label, "motion": name} | measured(GAITS, Gait(np.stack(pieces))))
    return rows
