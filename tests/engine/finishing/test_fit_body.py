# SPDX-License-Identifier: GPL-3.0-or-later
"""The exact hit: hints of any joints are met, bones keep their lengths, feet stand, the rest hardly moves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, Obstacle, PromptBlock, RelativeTarget
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.solids import penetration
from engine.finishing.body import LENGTHS_M, Body, DegreesOfFreedom
from engine.finishing.finish import finish
from engine.metrics import foot_skating_ratio
from engine.validate import order_of

from ..helpers.walking import FRAMES, gliding, stepping

NO_BELIEF = np.zeros((FRAMES, 4))
RANDOM = np.random.default_rng(0)


def finished(request: Generate, *arguments):
    """What the generator returns in the end."""
    work = finish(order_of(request), *arguments)
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def ask(points: dict[str, dict[int, np.ndarray]], **options) -> tuple[Generate, ControlSignal]:
    """A request for joints at frames."""
    signal = ControlSignal.empty(FRAMES)
    for name, keys in points.items():
        for frame, point in keys.items():
            signal.hint[frame, SKELETON.index(name)] = point
            signal.hint_mask[frame, SKELETON.index(name)] = True
    signal = dataclasses.replace(signal, free_height=options.get("free_height", False))
    block = PromptBlock("a person walks", 0, FRAMES)
    return Generate("x", (block,), FRAMES, signal.hint, signal.hint_mask, **options), signal


def lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints[:, 1:] - joints[:, list(SKELETON.parents[1:])], axis=-1)


def test_joints_move_as_their_derivative_says() -> None:
    body = Body.of(stepping())
    concerned = SKELETON.indices("pelvis", "left_foot", "right_wrist", "head", "right_hip")
    freedom = DegreesOfFreedom.of(concerned)
    change = 1e-5 * RANDOM.normal(size=(FRAMES, freedom.size))
    up, down = (body.moved(*freedom.split(sign * change)).joints[:, concerned] for sign in (1, -1))
    expected = (freedom.derivative(body.joints, concerned) @ change[..., None])[..., 0]
    np.testing.assert_allclose((up - down).reshape(FRAMES, -1) / 2, expected, atol=1e-9)


@pytest.mark.parametrize("name", SKELETON.names)
@pytest.mark.parametrize("every", [1, 23])
def test_each_joint_hits_its_hints_to_a_millimetre_and_bones_keep_their_lengths(name: str, every: int) -> None:
    joints = stepping()
    wave = 0.03 * np.sin(np.arange(FRAMES) / 9)[:, None] * RANDOM.normal(size=3)
    keys = {frame: joints[frame, SKELETON.index(name)] + wave[frame] for frame in range(0, FRAMES, every)}
    request, signal = ask({name: keys})
    done, _ = finished(request, joints, NO_BELIEF)
    missed = np.linalg.norm(done - signal.hint, axis=-1)[signal.hint_mask]
    assert missed.max() < 1e-3
    np.testing.assert_allclose(lengths(done), np.broadcast_to(LENGTHS_M[1:], (FRAMES, 21)), atol=1e-6)


def test_several_joints_at_once_and_feet_that_stand_meanwhile() -> None:
    joints = stepping()
    place = {name: joints[50, SKELETON.index(name)] for name in ("left_wrist", "right_wrist", "head", "pelvis")}
    request, signal = ask(
        {
            "left_wrist": {50: place["left_wrist"] + [0.05, 0.15, 0.1]},
            "right_wrist": {
                50: place["right_wrist"] + [0.1, -0.1, 0.15],
                90: joints[90, SKELETON.index("right_wrist")],
            },
            "head": {50: place["head"] + [0.03, -0.05, 0.05]},
            "pelvis": {frame: joints[frame, 0] for frame in range(0, FRAMES, 10)},
        }
    )
    done, stands = finished(request, joints, NO_BELIEF)
    assert np.linalg.norm(done - signal.hint, axis=-1)[signal.hint_mask].max() < 1e-3
    assert foot_skating_ratio(done) <= 0.05 and stands[:, 1::2].any(1).mean() > 0.8
    assert np.linalg.norm(np.diff(done, n=3, axis=0), axis=-1).max() < 0.13  # no jolt at a key


def test_dragged_feet_leave_without_sliding_under_hips_that_keep_to_their_path() -> None:
    for radius in (None, 1.2):
        joints = gliding(radius=radius)
        request, _ = ask({"pelvis": dict(enumerate(joints[:, 0]))}, free_height=True)
        done, _ = finished(request, joints, NO_BELIEF)
        assert foot_skating_ratio(joints) > 0.9 and foot_skating_ratio(done) < 0.05
        np.testing.assert_allclose(done[:, 0][:, [0, 2]], joints[:, 0][:, [0, 2]], atol=1e-3)
        assert abs(done[:, 0, 1] - joints[:, 0, 1]).max() < 0.1


def test_knees_bend_forward() -> None:
    joints = gliding()
    request, _ = ask({"pelvis": dict(enumerate(joints[:, 0]))}, free_height=True)
    done, _ = finished(request, joints, NO_BELIEF)
    for side in ("left", "right"):
        hip, knee, ankle = (done[:, SKELETON.index(f"{side}_{part}")] for part in ("hip", "knee", "ankle"))
        bend = np.cross(knee - hip, ankle - knee)[:, 0]  # the figure looks along Z all the time
        assert (bend > -1e-3).all()


def test_tolerance_is_room_and_without_exact_nobody_is_moved_on() -> None:
    joints = stepping()
    wrist = SKELETON.index("left_wrist")
    far = {"left_wrist": {50: joints[50, wrist] + [0.0, 0.2, 0.0]}}
    tolerance = np.full((FRAMES, 22), 0.05, np.float32)
    request, signal = ask(far, tolerance=tolerance)
    done, _ = finished(request, joints, NO_BELIEF)
    assert np.linalg.norm(done[50, wrist] - signal.hint[50, wrist]) == pytest.approx(0.05, abs=2e-3)
    request, signal = ask(far, exact=False)
    done, _ = finished(request, joints, NO_BELIEF)
    np.testing.assert_allclose(done[50, wrist], joints[50, wrist], atol=1e-3)
    request, signal = ask(far, exact=False, plant_feet=False)
    done, _ = finished(request, joints, NO_BELIEF)
    np.testing.assert_allclose(done[50, wrist], joints[50, wrist], atol=1e-3)


def test_a_hand_stays_on_the_hip_and_out_of_a_box() -> None:
    joints = gliding(radius=1.2)
    held = RelativeTarget("right_wrist", "right_hip", (-0.12, 0.05, 0.03), 20, 60)
    request, _ = ask({}, relative=(held,))
    done, _ = finished(request, joints, NO_BELIEF)
    wrist, hip = SKELETON.indices("right_wrist", "right_hip")
    way = done[20:80, wrist] - done[20:80, hip]
    assert np.abs(np.linalg.norm(way, axis=-1) - np.linalg.norm(held.offset)).max() < 0.01
    box = Obstacle("box", tuple(joints[50, wrist].tolist()), (0.1, 0.1, 0.1), margin=0.02)
    request, _ = ask({}, obstacles=(box,))
    done, _ = finished(request, joints, NO_BELIEF)
    assert penetration(box, joints)[0].max() > 0.1 and penetration(box, done)[0].max() < 0.005


@pytest.mark.parametrize(("yaw", "x", "z"), [(2.0, 5.0, -3.0), (-0.7, 0.4, 7.9), (3.0, -6.1, 0.0), (0.1, -2.2, 1.3)])
def test_it_does_not_matter_where_on_the_ground_a_motion_is_finished(yaw: float, x: float, z: float) -> None:
    joints = stepping()
    turn, way = quat.from_yaw(np.asarray(yaw)), np.array([x, 0.0, z])
    request, signal = ask({"left_wrist": {50: joints[50, SKELETON.index("left_wrist")] + [0.1, 0.1, 0.1]}})
    here, _ = finished(request, joints, NO_BELIEF, range(8, FRAMES, 8))
    moved = np.where(signal.hint_mask[..., None], quat.rotate(turn, signal.hint) + way, 0)
    request = dataclasses.replace(request, hint=moved.astype(np.float32))
    there, _ = finished(request, quat.rotate(turn, joints) + way, NO_BELIEF, range(8, FRAMES, 8))
    np.testing.assert_allclose(there, quat.rotate(turn, here) + way, atol=1e-4)


def test_jumps_between_patches_go_and_kept_frames_stay() -> None:
    joints = stepping()
    jumping = joints.copy()
    for patch in range(0, FRAMES, 8):
        jumping[patch : patch + 8, SKELETON.index("left_wrist")] += 0.05 * RANDOM.normal(size=3)
    request, _ = ask({}, plant_feet=False, exact=False)
    smooth, _ = finished(request, jumping, NO_BELIEF, range(8, FRAMES, 8))

    def jerk(motion: np.ndarray) -> float:
        return float(np.linalg.norm(np.diff(motion[:, SKELETON.index("left_wrist")], 3, axis=0), axis=-1).max())

    assert jerk(smooth) < 0.2 * jerk(jumping)
    assert np.abs(smooth - jumping).max() < 0.2
    kept = np.arange(FRAMES) < 30
    request, _ = ask({"head": {60: joints[60, SKELETON.index("head")] + 0.05}})
    done, _ = finished(request, Body.of(joints).joints, NO_BELIEF, (), kept)
    np.testing.assert_allclose(done[kept], Body.of(joints).joints[kept], atol=1e-5)
    bends = np.linalg.norm(np.diff(done, n=2, axis=0), axis=-1).max(1)
    assert bends[26:33].max() < 1.2 * bends[40:].max()


def test_who_is_led_low_does_not_sink_into_the_floor() -> None:
    joints = gliding(0.0)
    joints[..., 1] -= joints[:, :1, 1] - 0.35  # as if sitting on the floor, with legs that stick in it
    joints[..., 1] = np.maximum(joints[..., 1], 0.0)
    request, _ = ask({"pelvis": {frame: joints[frame, 0] - [0.0, 0.12, 0.0] for frame in range(FRAMES)}})
    done, _ = finished(request, joints, NO_BELIEF)
    assert np.abs(done[:, 0, 1] - joints[:, 0, 1] + 0.12).max() < 1e-3
    assert done[..., 1].min() > -0.05
