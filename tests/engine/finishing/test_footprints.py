# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps: those of a walk are found, dragged feet get new ones; places of standing feet are still and on the floor."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from blender_addon.shared.series import runs
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.finishing import footprints
from engine.finishing.footprints import FootPlan
from engine.finishing.gait import plan_steps
from engine.finishing.parameters import FOOT_PARAMS
from engine.finishing.step_costs import FeetMotion

from ..helpers.walking import FRAMES, gliding, stepping
from ..library.made import run_to_end

NOBODY = np.zeros((FRAMES, 22), bool)
NO_BELIEF = np.zeros((FRAMES, 4))
TOES, HIPS = SKELETON.indices("left_foot", "right_foot"), SKELETON.indices("left_hip", "right_hip")


def plan(joints: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:
    fixed = np.zeros((len(joints), 2), bool) if fixed is None else fixed
    belief, never = np.zeros((len(joints), 2)), np.zeros((len(joints), 2), bool)
    motion = FeetMotion(joints[:, TOES], joints[:, HIPS], belief, never[:, 0], fixed, never)
    return run_to_end(plan_steps(motion)) > 0.5


def place_feet(*asked, **more) -> FootPlan:
    return run_to_end(footprints.place_feet(*asked, **more))


def test_the_steps_of_a_walk_are_the_ones_that_are_there() -> None:
    stands = plan(stepping())
    phase = np.arange(FRAMES) % 20
    really = np.stack([phase < 11, (phase >= 10) | (phase == 0)], 1)
    assert (stands == really)[5:-5].mean() > 0.85
    assert 4 <= len(runs(stands[:, 0])) <= 6


@pytest.mark.parametrize("radius", [None, 1.2])
def test_dragged_feet_step_in_turn(radius: float | None) -> None:
    stands = plan(gliding(radius=radius))
    for foot in (0, 1):
        spans = runs(stands[:, foot])
        assert 3 <= len(spans) <= 10  # in five seconds
        assert all(later - end >= FOOT_PARAMS.swing_min_frames for (_, end), (later, _) in itertools.pairwise(spans))
    assert stands.any(1).mean() > 0.9


def test_who_stands_still_keeps_standing_and_what_others_hold_is_no_stance() -> None:
    still = np.repeat(gliding()[:1], FRAMES, 0)
    assert plan(still).all()
    long = np.repeat(still[:1], 3 * FOOT_PARAMS.stance_max_frames, 0)
    assert plan(long).mean() > 0.95
    fixed = np.zeros((FRAMES, 2), bool)
    fixed[30:60, 1] = True
    stands = plan(still, fixed)
    assert stands[:, 0].all() and not stands[32:58, 1].any() and stands[:25, 1].all()


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_a_few_frames_are_no_trouble(frames: int) -> None:
    joints = gliding()[:frames]
    feet = place_feet(joints, NO_BELIEF[:frames], NOBODY[:frames])
    assert feet.positions.shape == (frames, 4, 3) and np.isfinite(feet.positions).all()


@pytest.mark.parametrize("joints", [gliding(), gliding(radius=1.2), stepping()], ids=["line", "circle", "steps"])
def test_standing_toes_are_still_and_swinging_ones_clear_the_floor(joints: np.ndarray) -> None:
    joints[..., 1] += 0.03  # floats, as models do
    feet = place_feet(joints, NO_BELIEF, NOBODY)
    for foot in (0, 1):
        toe, stands = feet.positions[:, 2 * foot + 1], feet.in_contact[:, 2 * foot + 1]
        both = stands[1:] & stands[:-1]
        speed = np.linalg.norm(np.diff(toe, axis=0), axis=-1) * FPS
        assert speed[both].max() < 0.02
        assert np.ptp(toe[stands, 1]) < 0.01 and toe[stands, 1].max() < 0.035
        heights = [toe[end:start, 1].max() for (_, end), (start, _) in itertools.pairwise(runs(stands))]
        assert min(heights) > 0.9 * FOOT_PARAMS.clearance_m[0]
        assert speed.max() < 6


def test_a_foot_on_something_high_stays_up_there() -> None:
    still = np.repeat(gliding()[:1], FRAMES, 0)
    still[:, SKELETON.indices("left_ankle", "left_foot"), 1] += 0.4
    feet = place_feet(still, NO_BELIEF, NOBODY)
    np.testing.assert_allclose(feet.positions[:, 1, 1], still[:, TOES[0], 1])
    np.testing.assert_allclose(feet.positions[:, 3, 1], still[:, TOES[1], 1])
    assert still[0, TOES[0], 1] > FOOT_PARAMS.floor_toe_m


def test_a_foot_that_a_control_holds_follows_it() -> None:
    joints, held = gliding(), NOBODY.copy()
    held[40:60, TOES[0]] = True
    feet = place_feet(joints, NO_BELIEF, held)
    np.testing.assert_allclose(feet.positions[40:60, 1], joints[40:60, TOES[0]], atol=2e-3)
    assert not feet.in_contact[42:58, 1].any() and feet.in_contact[:, 3].any()


def test_a_stance_that_began_in_kept_frames_keeps_its_place() -> None:
    joints, kept = stepping(), np.arange(FRAMES) < 26
    feet = place_feet(joints, NO_BELIEF, NOBODY, kept)
    np.testing.assert_allclose(feet.positions[:24, [1, 3]], joints[:24, TOES], atol=2e-3)
    stands = feet.in_contact[:, 1]
    start, end = next(span for span in runs(stands) if span[0] < 26 <= span[1] - 1)
    np.testing.assert_allclose(
        feet.positions[26:end, 1, [0, 2]],
        joints[start:26, TOES[0]][:, [0, 2]].mean(0)[None].repeat(end - 26, 0),
        atol=5e-3,
    )


@pytest.mark.parametrize("speed", [2.6, 3.5])
def test_dragged_feet_of_who_runs_fly_and_are_lifted(speed: float) -> None:
    feet = place_feet(gliding(speed), NO_BELIEF, NOBODY)
    toes, stands = feet.positions[:, 1::2], feet.in_contact[:, 1::2]
    assert 0.15 < (~stands.any(1)).mean() < 0.6 and not stands.all(1)[10:-10].any()
    for foot in (0, 1):
        inner = itertools.pairwise(runs(stands[:, foot]))
        lifts = [toes[end:later, foot, 1].max() for (_, end), (later, _) in inner]
        assert len(lifts) > 3 and min(lifts) > 0.2
    jerk = np.linalg.norm(np.diff(toes, n=3, axis=0), axis=-1) * FPS**3
    assert np.percentile(jerk, 99) < 2500  # captured runs: 1000 over all joints


@pytest.mark.parametrize("speed", [0.8, 1.2])
def test_near_the_ends_feet_do_not_stay_behind(speed: float) -> None:
    """Stances that last to the last frame of who walks on, or from the first one, would leave the body leaning."""
    joints = gliding(speed)
    places = place_feet(joints, NO_BELIEF, NOBODY).positions
    behind = joints[:, 0, 2] - places[:, 1::2, 2].mean(1)
    usual = np.abs(behind - behind[20:-20].mean())
    assert usual[[0, 1, -2, -1]].max() < 1.3 * usual[20:-20].max()


@pytest.mark.parametrize("joint", ["left_foot", "left_ankle"])
def test_a_foot_that_is_pinned_to_the_floor_stands_there_for_its_stance(joint: str) -> None:
    joints, held = gliding(), NOBODY.copy()
    joints[50, SKELETON.indices("left_foot", "left_ankle")] += [0.1, 0.0, 0.05]  # brought there for one frame
    held[50, SKELETON.index(joint)] = True
    feet = place_feet(joints, NO_BELIEF, held)
    assert feet.in_contact[48:53, 1].all()
    np.testing.assert_allclose(feet.positions[48:53, 1, [0, 2]] - joints[50, TOES[0]][[0, 2]], 0, atol=2e-3)
    knee = NOBODY.copy()
    knee[50, SKELETON.index("left_knee")] = held[45:56, SKELETON.index("left_foot")] = True
    for other in (knee, held):  # somebody else's business
        assert not place_feet(joints, NO_BELIEF, other).in_contact[50, 1]


def test_who_stops_comes_to_stand_over_the_feet() -> None:
    joints = gliding(1.1)
    share = np.minimum(np.arange(FRAMES) / (FRAMES - 12), 1.0)
    way = 4.0 * (2 * share - share**2)  # slows down, and stands for half a second
    joints[..., 2] += (way - joints[:, 0, 2])[:, None]
    joints[..., 2] -= 0.25 * np.isin(np.arange(22), [1, 2, 4, 5, 7, 8, 10, 11])  # on legs that lag behind
    joints[:, [1, 2], 2] += 0.25
    places = place_feet(joints, NO_BELIEF, NOBODY).positions
    assert abs(joints[-1, 0, 2] - joints[-1, [7, 8, 10, 11], 2].mean()) > 0.15
    assert abs(joints[-1, 0, 2] - places[-1, :, 2].mean()) < 0.12
    last = np.linalg.norm(np.diff(places[-5:], axis=0), axis=-1).max()
    assert last < 0.005, "still moving"
    sitting = joints - [0.0, 0.3, 0.0]
    kept = np.arange(FRAMES) > FRAMES - 5
    for feet in (place_feet(sitting, NO_BELIEF, NOBODY), place_feet(joints, NO_BELIEF, NOBODY, kept)):
        assert abs(joints[-1, 0, 2] - feet.positions[-1, :, 2].mean()) > 0.12


def test_other_parameters_plan_other_steps() -> None:
    joints = gliding()
    usual = place_feet(joints, NO_BELIEF, NOBODY)
    others = dataclasses.replace(FOOT_PARAMS, clearance_m=(0.2, 0.25), stance_reach_m=(0.2, 0.2))
    feet = place_feet(joints, NO_BELIEF, NOBODY, params=others)
    steps = [len(runs(plan.in_contact[:, 1])) for plan in (usual, feet)]
    assert steps[1] > steps[0]
    assert feet.positions[:, 1, 1].max() > 0.18 > usual.positions[:, 1, 1].max()


def test_steps_that_stood_well_are_left_as_they_are() -> None:
    joints = stepping()
    feet = place_feet(joints, NO_BELIEF, NOBODY)
    moved = np.linalg.norm(feet.positions[8:-8, [1, 3]] - joints[8:-8, TOES], axis=-1)
    assert np.median(moved) < 0.005 and moved.max() < 0.06


@pytest.mark.parametrize("period", [13, 15])
def test_who_runs_keeps_every_step(period: int) -> None:
    """Short stances and swings, as at 2.7 to 4 m/s."""
    joints, phase = gliding(3.0), np.arange(FRAMES) % period
    stand, stride = 5, 3.0 / FPS * period
    for side, start in (("left", 0), ("right", period // 2)):
        into = (phase - start) % period
        swing = np.clip(into - stand, 0, None) / (period - stand)
        place = -3.0 / FPS * into + stride * (3 * swing**2 - 2 * swing**3) + 3.0 / FPS * stand / 2
        for joint in SKELETON.indices(f"{side}_ankle", f"{side}_foot"):
            joints[:, joint, 2] += place
            joints[:, joint, 1] += 0.3 * np.sin(np.pi * swing) ** 2
    feet = place_feet(joints, NO_BELIEF, NOBODY)
    for foot in (0, 1):
        spans = runs(feet.in_contact[10:-10, 2 * foot + 1])
        assert abs(len(spans) - (FRAMES - 20) / period) <= 1
        assert all(3 <= end - first <= 6 for first, end in spans[1:-1])
    assert (~feet.in_contact[10:-10, 1::2].any(1)).mean() > 0.15, "runs fly"
