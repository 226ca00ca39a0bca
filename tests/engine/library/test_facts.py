# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of motions whose facts are known: a figure that is moved, turned, lifted and mirrored by the test."""

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.library.facts import FACT_NAMES, ClipFacts
from engine.library.measure_facts import clip_facts

FRAMES = 101
SECONDS = np.arange(FRAMES) / FPS


def standing() -> np.ndarray:
    """(FRAMES, 22, 3): the T-pose at rest, toes on the floor."""
    places = np.zeros((22, 3))
    for joint, parent in enumerate(SKELETON.parents[1:], start=1):
        places[joint] = places[parent] + SKELETON.offsets[joint]
    places[:, 1] -= places[:, 1].min()
    return np.tile(places, (FRAMES, 1, 1))


def moved(forward: float = 0.0, left: float = 0.0, up: float = 0.0) -> np.ndarray:
    velocity = np.array([left, up, forward])
    return standing() + SECONDS[:, None, None] * velocity


def test_way_and_direction():
    facts = clip_facts(moved(forward=-0.6, left=0.8))
    assert facts.speed == pytest.approx(1.0, abs=1e-6)
    assert facts.ahead == pytest.approx(-0.6, abs=0.01) and facts.left == pytest.approx(0.8, abs=0.01)
    assert facts.displacement == pytest.approx(5.0) and facts.seconds == 5.0


def test_facts_do_not_depend_on_where_it_faces():
    joints = moved(forward=1.0, left=0.3)
    turned = quat.rotate(quat.from_yaw(np.array(2.2)), joints) + np.array([3.0, 0.0, -7.0])
    assert np.allclose(clip_facts(joints).to_array(), clip_facts(turned).to_array(), atol=1e-5)


def test_turning_left_is_positive_and_whole_turns_count():
    angles = quat.from_yaw(np.linspace(0.0, 3 * np.pi, FRAMES))
    facts = clip_facts(quat.rotate(angles[:, None], standing()))
    assert facts.turn == pytest.approx(3 * np.pi, abs=0.02)
    assert facts.turn_rate == pytest.approx(3 * np.pi / 5, abs=0.02)


def test_heights_and_rise():
    facts = clip_facts(moved(up=0.2))
    assert facts.hips_end - facts.hips_start == pytest.approx(0.9, abs=0.06)
    assert facts.rise == pytest.approx(0.8, abs=0.02)


def test_steps_and_their_asymmetry():
    joints = standing()
    ankle = SKELETON.index("left_ankle")
    joints[:, ankle, 2] += 0.4 * np.sin(2 * np.pi * (SECONDS + 0.01))
    facts = clip_facts(joints)
    assert facts.step_rate == pytest.approx(2.0, abs=0.21) and facts.step_asymmetry < 0.1
    limping = standing()
    limping[:, ankle, 2] += np.where(SECONDS % 1.0 < 0.275, 0.3, -0.3)
    assert clip_facts(limping).step_asymmetry == pytest.approx(0.4, abs=0.05)


def test_flight_is_counted_from_the_ground_that_is_there():
    joints = standing()
    joints[..., 1] += 0.17 + 0.4 * np.maximum(0.0, np.sin(2 * np.pi * SECONDS))[:, None]
    facts = clip_facts(joints)
    assert facts.flights == pytest.approx(1.0, abs=0.05) and facts.flight_share == pytest.approx(0.45, abs=0.05)
    assert clip_facts(standing()).flight_share == 0.0


def test_hands_and_feet_of_one_side_and_of_the_mirror_image():
    joints = standing()
    joints[50:, SKELETON.index("right_wrist")] += [0.5, 0.7, 0.3]
    joints[30:60, SKELETON.indices("left_ankle", "left_foot")] += [0.0, 0.8, 0.0]
    facts = clip_facts(joints)
    assert facts.right_hand_overhead > 0.45 and facts.left_hand_overhead == 0.0
    assert facts.left_foot_high == pytest.approx(0.8, abs=0.02) and facts.left_foot_lifted == pytest.approx(
        0.3, abs=0.02
    )
    mirror = joints[:, SKELETON.mirror] * [-1, 1, 1]
    expected, seen = facts.mirrored().to_array(), clip_facts(mirror).to_array()
    assert np.allclose(expected, seen, atol=0.03)
    assert facts.mirrored().mirrored() == facts


def test_lean_is_forward_and_upside_down_is_seen():
    angle = np.full(FRAMES, 0.5)
    bowed = quat.rotate(quat.from_axis_angle(np.array([1.0, 0, 0]), angle)[:, None], standing())
    facts = clip_facts(bowed)
    assert facts.lean - clip_facts(standing()).lean == pytest.approx(0.5, abs=0.01)
    inverted = standing() * [1, -1, -1]
    assert clip_facts(inverted).tilt_most > 3.0


def test_heels_and_head():
    joints, still = standing(), clip_facts(standing())
    joints[:, SKELETON.indices("left_ankle", "right_ankle"), 1] += 0.08
    joints[:, SKELETON.index("head"), 1] -= 0.12
    facts = clip_facts(joints)
    assert facts.heels - still.heels == pytest.approx(0.08, abs=1e-6)
    assert still.head_bow < -0.5 and facts.head_bow > 0.3


def test_the_active_part_leaves_rest_out():
    joints = standing()
    joints[40:60, SKELETON.index("left_wrist"), 1] += np.sin(np.linspace(0, np.pi, 20))
    facts = clip_facts(joints)
    assert 25 <= facts.active_start <= 40 and 60 <= facts.active_end <= 75
    sinking = standing()
    sinking[..., 1] -= 0.5 / (1 + np.exp(-(SECONDS - 2.5) * 6))[:, None]
    facts = clip_facts(sinking)
    assert facts.active_start == pytest.approx(5, abs=3) and facts.active_end == pytest.approx(96, abs=3)


def test_many_clips_as_one():
    facts = [clip_facts(moved(forward=speed)) for speed in (0.5, 1.5)]
    table = np.stack([fact.to_array() for fact in facts])
    assert table.shape == (2, len(FACT_NAMES)) and np.isfinite(table).all()
    both = ClipFacts.from_array(table)
    assert np.allclose(both.speed, [0.5, 1.5], atol=1e-5)
    assert both.floats.tolist() == [False, False]
    assert np.allclose(both.mirrored().left, -both.left)


def test_two_frames_are_enough():
    assert np.isfinite(clip_facts(moved(forward=1.0)[:2]).to_array()).all()
