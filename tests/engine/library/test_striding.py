# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is led slower than captured takes shorter steps, on feet that stand."""

import numpy as np

from blender_addon.shared.skeleton import FPS, SKELETON
from engine.library.motion import BodyMotion
from engine.library.striding import strided

_ANKLE, _TOE = SKELETON.indices("left_ankle", "left_foot")


def _stance(speed: float) -> BodyMotion:
    """Half a second in which the left foot stands and the body goes ahead over it."""
    frames = 11
    pose = np.tile(np.zeros((22, 3)), (frames, 1, 1))
    gone = speed / FPS * (np.arange(frames) - frames // 2)
    pose[:, _ANKLE, 2] = -gone
    pose[:, _TOE, 2] = 0.15 - gone
    step = np.tile([0.0, speed / FPS], (frames, 1))
    return BodyMotion(pose, step, np.zeros(frames), np.ones((frames, 4)))


def _led(speed: float, heading: float) -> np.ndarray:
    gone = speed / FPS * np.arange(11)
    return np.stack([gone * np.sin(heading), gone * np.cos(heading), np.full(11, heading)], -1)


def test_a_standing_foot_stands_at_another_speed_whichever_way() -> None:
    motion = _stance(1.5)
    for heading in (0.0, 2.0):
        track = _led(1.2, heading)
        before, after = (m.in_world(track)[:, _ANKLE] for m in (motion, strided(motion, track)))
        assert np.ptp(before, axis=0).max() > 0.1
        assert np.ptp(after, axis=0).max() < 1e-6


def test_a_foot_keeps_its_length_and_its_own_speed_its_stride() -> None:
    motion = _stance(1.5)
    shorter = strided(motion, _led(1.2, 0.0)).pose
    assert np.allclose(shorter[:, _TOE] - shorter[:, _ANKLE], motion.pose[:, _TOE] - motion.pose[:, _ANKLE])
    assert np.allclose(strided(motion, _led(1.5, 0.0)).pose, motion.pose)


def test_who_hardly_moves_has_no_stride() -> None:
    motion = _stance(0.1)
    assert np.allclose(strided(motion, _led(1.0, 0.0)).pose, motion.pose)
