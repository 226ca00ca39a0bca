# SPDX-License-Identifier: GPL-3.0-or-later
"""When ankles and toes are in contact with the ground, and where: from the motion's own contacts to points in the world
that do not move.

The model's contacts only say, loosely, that a joint is slow; here a joint is in contact while the model says so and it
is truly slow, with a lower speed to begin than to go on, and for three frames at least.

T model frames, K scene frames. The four columns are ``CONTACT_JOINTS``: left ankle, left toe, right ankle, right toe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.features import foot_contacts
from ...shared.series import runs
from ...shared.skeleton import CONTACT_JOINTS, FPS, SKELETON
from ...shared.space import scene_to_model_frame


@dataclass(frozen=True)
class ContactParams:
    """Speeds and lengths are those of the model's body.

    ``max_slide_m`` is the distance from the middle of a stance: what slides farther is two stances, with
    ``slip_frames`` scene frames on each side of where one becomes two.
    """

    begin_speed_m_s: float = 0.2
    stay_speed_m_s: float = 0.3
    min_frames: int = 3  # model frames
    max_gap_frames: int = 1  # model frames for which a joint in contact may seem to move
    max_slide_m: float = 0.08
    slip_frames: int = 2


_PARAMS = ContactParams()


@dataclass(frozen=True, eq=False)
class Stance:
    """One joint stays at ``position`` (3,), world, from the ``first`` of the scene's frames to before its ``end``,
    counted from the first frame of the motion.
    """

    first: int
    end: int
    position: np.ndarray

    @property
    def span(self) -> slice:
        return slice(self.first, self.end)


def contact_mask(joints: np.ndarray, contacts: np.ndarray | None = None) -> np.ndarray:
    """(T, 4) bool: which joints are in contact in which frames of ``joints`` (T, 22, 3), metres.

    ``contacts`` (T, 4): what the model believes, 0..1; None takes it from the joints' speed.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if len(joints) < 2:
        return np.ones((len(joints), len(CONTACT_JOINTS)), dtype=bool)
    believed = foot_contacts(joints) if contacts is None else np.asarray(contacts)
    feet = joints[:, SKELETON.indices(*CONTACT_JOINTS)]
    speed = np.linalg.norm(np.gradient(feet, axis=0), axis=-1) * FPS
    # A contact is about the step to the next frame: the frame where that ends is in contact, too.
    predicted = believed >= 0.5
    predicted[1:] |= predicted[:-1]
    slow, slower = predicted & (speed < _PARAMS.stay_speed_m_s), predicted & (speed < _PARAMS.begin_speed_m_s)
    in_contact = np.zeros_like(slow)
    for column in range(slow.shape[1]):
        slow_runs = [(first, end) for first, end in runs(slow[:, column]) if slower[first:end, column].any()]
        for first, end in _joined(slow_runs):
            if end - first >= _PARAMS.min_frames:
                in_contact[first:end, column] = True
    return in_contact


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """``spans`` (first, end) with those that are hardly apart as one."""
    joined: list[tuple[int, int]] = []
    for first, end in spans:
        if joined and first - joined[-1][1] <= _PARAMS.max_gap_frames:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


def at_scene_frames(in_contact: np.ndarray, frames: np.ndarray, start_frame: float, fps: float) -> np.ndarray:
    """``in_contact`` (T, 4) at the scene frames ``frames`` (K,): those that lie within a stance, (K, 4)."""
    times = np.asarray(scene_to_model_frame(np.asarray(frames, dtype=np.float64), start_frame, fps))
    found = np.zeros((len(frames), in_contact.shape[1]), dtype=bool)
    for column in range(in_contact.shape[1]):
        for first, end in runs(in_contact[:, column]):
            # The motion is held beyond its ends, and so is a stance there.
            earliest = -np.inf if first == 0 else first
            latest = np.inf if end == len(in_contact) else end - 1
            found[:, column] |= (times >= earliest - 1e-6) & (times <= latest + 1e-6)
    return found


def stances(in_contact: np.ndarray, points: np.ndarray, model_points: np.ndarray) -> list[Stance]:
    """The stances of a joint at ``points`` (K, 3), one for each run of ``in_contact`` (K,), in the middle of where it
    is. ``model_points`` (K, 3): where it is in the model's motion, metres.

    A run in which the model slides far is cut in two, with a slip between; how far proportions or hips of another
    width make the same foot of an armature slide does not matter.
    """
    found: list[Stance] = []
    open_runs = runs(in_contact)[::-1]
    while open_runs:
        first, end = open_runs.pop()
        during = model_points[first:end]
        if np.linalg.norm(during - (during.min(0) + during.max(0)) / 2, axis=-1).max() <= _PARAMS.max_slide_m:
            place = points[first:end]
            found.append(Stance(first, end, (place.min(0) + place.max(0)) / 2))
        elif end - 1 - first > 4 * _PARAMS.slip_frames:
            middle = (first + end - 1) // 2
            open_runs += [(middle + _PARAMS.slip_frames, end), (first, middle - _PARAMS.slip_frames + 1)]
    return found
