# SPDX-License-Identifier: GPL-3.0-or-later
"""When ankles and toes stand, and where: from the motion's own contacts to points in the world that do not move.

The model's contact says that a joint is slow, loosely; here a joint stands while it is said to and is truly slow, with
a lower speed to begin than to go on, and for three frames at least.

T model frames, K scene frames. The four columns are ``CONTACT_JOINTS``: left ankle, left toe, right ankle, right toe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.features import foot_contacts
from ...shared.skeleton import CONTACT_JOINTS, FPS, SKELETON
from ...shared.space import scene_to_model_frame

SLOW_TO_BEGIN, SLOW_TO_STAY = 0.2, 0.3  # metres a second, of the model's body
SHORTEST = 3  # model frames
LONGEST_GAP = 1  # model frames for which a joint that stands may seem to move
LARGEST_SLIDE = 0.08  # metres from the middle of a stand; what slides farther is two stands
SLIP = 2  # scene frames on each side of the place where one stand becomes two


@dataclass(frozen=True, eq=False)
class Stand:
    """One joint stands at ``place`` (3,), world, during the scene frames numbered ``first`` to ``last`` of the
    motion."""

    first: int
    last: int
    place: np.ndarray

    @property
    def span(self) -> slice:
        return slice(self.first, self.last + 1)


def standing(joints: np.ndarray, contacts: np.ndarray | None = None) -> np.ndarray:
    """(T, 4) bool: which joints stand in which frames of ``joints`` (T, 22, 3), metres.

    ``contacts`` (T, 4): what the model believes, 0..1; None takes it from the joints' speed.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if len(joints) < 2:
        return np.ones((len(joints), len(CONTACT_JOINTS)), dtype=bool)
    believed = foot_contacts(joints) if contacts is None else np.asarray(contacts)
    feet = joints[:, SKELETON.indices(*CONTACT_JOINTS)]
    speed = np.linalg.norm(np.gradient(feet, axis=0), axis=-1) * FPS
    # A contact speaks of the way to the next frame: the frame where that ends still stands.
    said = believed >= 0.5
    said[1:] |= said[:-1]
    slow, slower = said & (speed < SLOW_TO_STAY), said & (speed < SLOW_TO_BEGIN)
    stands = np.zeros_like(slow)
    for column in range(slow.shape[1]):
        kept = [run for run in runs(slow[:, column]) if slower[run[0] : run[1] + 1, column].any()]
        for first, last in _joined(kept):
            if last - first + 1 >= SHORTEST:
                stands[first : last + 1, column] = True
    return stands


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of every run of True in ``mask`` (K,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def _joined(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in found:
        if joined and first - joined[-1][1] - 1 <= LONGEST_GAP:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def at_scene_frames(stands: np.ndarray, frames: np.ndarray, start_frame: float, fps: float) -> np.ndarray:
    """``stands`` (T, 4) at the scene frames ``frames`` (K,): those that lie within a stand, (K, 4)."""
    times = np.asarray(scene_to_model_frame(np.asarray(frames, dtype=np.float64), start_frame, fps))
    found = np.zeros((len(frames), stands.shape[1]), dtype=bool)
    for column in range(stands.shape[1]):
        for first, last in runs(stands[:, column]):
            # The motion holds beyond its ends, so a stand there does as well.
            before = -np.inf if first == 0 else first
            after = np.inf if last == len(stands) - 1 else last
            found[:, column] |= (times >= before - 1e-6) & (times <= after + 1e-6)
    return found


def places(stands: np.ndarray, points: np.ndarray, metre: float) -> list[Stand]:
    """Where a joint at ``points`` (K, 3) stands in each run of ``stands`` (K,): in the middle of where it is.

    A run in which it slides far is cut in two, with a slip between.
    """
    found: list[Stand] = []
    open_runs = runs(stands)[::-1]
    while open_runs:
        first, last = open_runs.pop()
        during = points[first : last + 1]
        place = (during.min(0) + during.max(0)) / 2
        if np.linalg.norm(during - place, axis=-1).max() <= LARGEST_SLIDE * metre:
            found.append(Stand(first, last, place))
        elif last - first > 4 * SLIP:
            middle = (first + last) // 2
            open_runs += [(middle + SLIP, last), (first, middle - SLIP)]
    return found
