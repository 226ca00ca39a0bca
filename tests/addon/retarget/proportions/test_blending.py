# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections between the frames that ask for them, contacts in time, and fewer keys: arithmetic without Blender."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.retarget.keys.spline_fit import Channel, every, thin
from blender_addon.retarget.pose import rotation_modes
from blender_addon.retarget.proportions import contacts
from blender_addon.retarget.proportions.adapt import sparse_rows
from blender_addon.retarget.proportions.blending import fade, spread
from blender_addon.retarget.proportions.effectors import Target
from blender_addon.retarget.proportions.leg import held_envelope
from blender_addon.shared import pose, quat
from blender_addon.shared.series import runs
from blender_addon.time_slices import run_to_end

FRAMES = np.arange(1, 401)
WAVE = np.sin(FRAMES / 9) + 0.3 * np.sin(FRAMES / 4 + 1)


def test_a_correction_is_met_where_it_is_known_and_dies_away_between():
    known = np.zeros(100, dtype=bool)
    known[[20, 21, 22, 60]] = True
    values = np.zeros((100, 1))
    values[known] = [[1.0], [1.2], [1.1], [-2.0]]
    led = spread(known, values, 10)
    assert np.allclose(led[known], values[known])
    assert np.allclose(led[:10], 0) and np.allclose(led[33:50], 0) and np.allclose(led[71:], 0)
    assert led.max() <= 1.2 + 1e-9 and led.min() >= -2 - 1e-9
    assert np.abs(np.diff(led[23:, 0], n=2)).max() < 0.13  # it comes and goes without a jolt


def test_known_frames_near_each_other_are_joined_without_a_dip():
    known = np.zeros(60, dtype=bool)
    known[[20, 32]] = True
    assert np.allclose(fade(known, 10)[20:33], 1.0)
    assert fade(known, 10).max() <= 1.0 and fade(known, 10)[0] == 0.0


def test_nothing_known_changes_nothing():
    assert not spread(np.zeros(5, dtype=bool), np.ones((5, 3)), 3).any()


def test_the_envelope_covers_every_need_smoothly():
    needed = np.zeros(80)
    needed[[30, 33, 60]] = 1.0, 2.0, 0.5
    line = held_envelope(needed, 6)
    assert len(line) == 80 and (line >= needed - 1e-12).all() and line[0] == line[-1] == 0
    assert np.abs(np.diff(line)).max() < 0.5


def walking_foot() -> tuple[np.ndarray, np.ndarray]:
    """Joints (60, 22, 3) whose left foot stands in frames 10-30 and moves at 2 m/s otherwise; all contacts are said."""
    speed = np.full(60, 0.1)
    speed[10:30] = 0.001
    joints = np.repeat(pose.T_POSE[None], 60, axis=0)
    joints[..., 2] += np.concatenate([[0], np.cumsum(speed)[:-1]])[:, None]
    return joints, np.ones((60, 4))


def test_a_contact_counts_only_while_the_joint_is_slow():
    joints, said = walking_foot()
    in_contact = contacts.contact_mask(joints, said)
    assert runs(in_contact[:, 0]) == [(11, 30)]
    said[15] = 0  # a frame that is not said is a gap, not an end
    said[20:] = 0
    assert runs(contacts.contact_mask(joints, said)[:, 0]) == [(11, 21)]


def test_stances_go_over_to_scene_frames_within_their_time():
    in_contact = np.zeros((60, 4), dtype=bool)
    in_contact[11:30, 0] = True
    frames = np.arange(1, 145)
    found = contacts.at_scene_frames(in_contact, frames, 1.0, 48.0)
    model = (frames[found[:, 0]] - 1) * 20 / 48
    assert model.min() >= 11 and model.max() <= 29 and len(model) == 43 and not found[:, 1:].any()


def test_a_foot_that_slides_far_has_two_stances():
    points = np.stack([np.linspace(0, 0.3, 40), np.zeros(40), np.zeros(40)], -1)
    found = contacts.stances(np.ones(40, dtype=bool), points, points)
    assert len(found) >= 2
    assert all(np.linalg.norm(points[stance.span] - stance.position, axis=-1).max() <= 0.08 for stance in found)


def test_a_foot_that_slides_on_an_armature_alone_has_one_stance():
    points = np.stack([np.linspace(0, 0.3, 40), np.zeros(40), np.zeros(40)], -1)
    assert len(contacts.stances(np.ones(40, dtype=bool), points, 0 * points)) == 1


@pytest.mark.parametrize("near", [0.2, 0.02, 0.001])
def test_few_keys_stay_near_in_every_frame(near):
    channel = Channel(FRAMES, WAVE)
    fewer = run_to_end(thin(channel, np.full(len(FRAMES), near)))
    assert np.abs(fewer.at(FRAMES) - WAVE).max() <= near
    assert len(fewer.frames) < {0.2: 40, 0.02: 100, 0.001: 200}[near]
    assert fewer.frames[0] == 1 and fewer.frames[-1] == 400


def test_keys_that_must_be_are_there_and_met():
    fewer = run_to_end(thin(Channel(FRAMES, WAVE), np.full(len(FRAMES), 0.3), must=[100, 101, 250]))
    rows = np.searchsorted(fewer.frames, FRAMES[[100, 101, 250]])
    assert (fewer.frames[rows] == FRAMES[[100, 101, 250]]).all()
    assert np.abs(fewer.values[rows] - WAVE[[100, 101, 250]]).max() < 1e-3


def test_a_constant_channel_has_two_keys():
    assert (
        len(run_to_end(thin(Channel(FRAMES, np.full(400, 3.0)), np.full(400, 1e-4))).frames) == 3
    )  # one more where it is cut
    assert len(run_to_end(thin(Channel(FRAMES[:200], np.full(200, 3.0)), np.full(200, 1e-4))).frames) == 2


def test_a_key_every_few_frames_stands_on_the_motion():
    fewer = every(Channel(FRAMES, WAVE), 5, must=[7])
    assert set(fewer.frames) == {*range(1, 400, 5), 8, 400}
    assert np.abs(fewer.values - WAVE[fewer.frames - 1]).max() < 1e-3
    assert np.abs(fewer.at(FRAMES) - WAVE).max() < 0.01


@pytest.mark.parametrize("mode", ["QUATERNION", "AXIS_ANGLE", *rotation_modes.EULER_MODES])
def test_channels_are_read_as_they_were_written(mode):
    turns = quat.normalize(np.random.default_rng(1).normal(size=(50, 4)))
    back = rotation_modes.channel_rotations(rotation_modes.rotation_channels(turns, mode)[1], mode)
    assert np.allclose(np.abs((back * turns).sum(-1)), 1.0)


def test_points_that_stand_alone_get_keys_and_dense_ones_do_not():
    alone = Target("left_wrist", np.array([20.0, 35.5]), np.zeros((2, 3)))
    dense = Target("pelvis", np.arange(1, 61, 1.2), np.zeros((50, 3)))
    assert sparse_rows([alone, dense], np.arange(1, 61), 24.0) == [19, 34, 35]
