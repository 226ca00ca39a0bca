# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures on the model's skeleton: there and back through .bvh, other units, axes and names, and real takes."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pytest

from blender_addon.retarget.rig import Rig
from blender_addon.shared import quat
from blender_addon.shared.errors import RetargetError
from blender_addon.shared.skeleton import SKELETON
from engine.export.bvh import write_bvh
from engine.export.clip import ExportClip
from training.prepare.bvh import read_bvh
from training.prepare.capture import Capture, rest_bone
from training.prepare.floor import on_floor
from training.prepare.retarget import calm_from, retarget

from ...benchmarks.prepare_reference import TAKES, align, distances, reference
from ...engine.helpers.motions import standing, walking_in_a_circle


@pytest.fixture
def capture_of(tmp_path):
    """A motion written as .bvh and read again."""

    def make(joints: np.ndarray, unit: str = "m", change=lambda text: text) -> Capture:
        path = tmp_path / "a.bvh"
        with path.open("wb") as stream:
            write_bvh(ExportClip(joints), stream, unit)
        path.write_text(change(path.read_text()))
        return read_bvh(path)

    return make


def apart(joints: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(align(joints, reference) - reference, axis=-1).mean())


@pytest.mark.parametrize("unit", ["m", "cm"])
def test_there_and_back_through_a_file(capture_of, unit):
    joints = walking_in_a_circle(60, swing=0.3)
    found, stretch = retarget(capture_of(joints, unit))
    assert found.shape == joints.shape and stretch.max() < 1e-4
    assert apart(found, joints) < 1e-3
    lengths = np.linalg.norm(found[:, 1:] - found[:, list(SKELETON.parents[1:])], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(np.linalg.norm(SKELETON.offsets[1:], axis=-1), (60, 1)), atol=1e-6)


def test_other_rates_are_sampled_at_twenty_frames_a_second(capture_of):
    joints = walking_in_a_circle(61, swing=0.3)
    change = {"30": 1 / 30, "20": 0.05}
    found = {
        rate: retarget(capture_of(joints, change=lambda text, t=t: text.replace("Time: 0.0500000", f"Time: {t:.9f}")))[
            0
        ]
        for rate, t in change.items()
    }
    assert len(found["30"]) == 41
    assert apart(found["30"][::2], found["20"][::3]) < 1e-6, "every second frame falls on every third"


def test_a_skeleton_of_other_axes_stands_up(capture_of):
    capture = capture_of(walking_in_a_circle(40, swing=0.3))
    plain, _ = retarget(capture)
    turn = quat.from_axis_angle(np.array([1.0, 0, 0]), np.float64(np.pi / 2))
    bones = [
        rest_bone(b.name, b.parent, quat.rotate(turn, np.asarray(b.head)), quat.rotate(turn, np.asarray(b.tail)))
        for b in capture.rig.bones
    ]
    z_up = Capture(
        Rig("z", bones),
        quat.multiply(quat.multiply(turn, capture.rotations), quat.conjugate(turn)),
        quat.rotate(turn, capture.heads),
        capture.fps,
    )
    np.testing.assert_allclose(retarget(z_up)[0], plain, atol=1e-6)
    # Drawn lying, moved standing: only the rest is turned.
    lying = dataclasses.replace(capture, rig=z_up.rig, rotations=quat.multiply(capture.rotations, quat.conjugate(turn)))
    assert apart(retarget(lying)[0], plain) < 1e-6


def folded(capture: Capture) -> Capture:
    """The same motion of a skeleton whose bones all lie along X at rest, each in axes of its own."""
    rest, bones, turns = {}, [], []
    for bone in capture.rig.bones:
        along = np.asarray(bone.tail, dtype=np.float64) - np.asarray(bone.head, dtype=np.float64)
        turns.append(quat.between(np.array([1.0, 0, 0]), along))
        rest[bone.name] = np.zeros(3)
        if bone.parent:
            parent = capture.rig.by_name[bone.parent]
            offset = np.asarray(bone.head, dtype=np.float64) - np.asarray(parent.head, dtype=np.float64)
            rest[bone.name] = rest[bone.parent] + quat.rotate(quat.conjugate(turns[capture.place(bone.parent)]), offset)
        head = rest[bone.name]
        bones.append(rest_bone(bone.name, bone.parent, head, head + np.linalg.norm(along) * np.eye(3)[0]))
    return dataclasses.replace(
        capture, rig=Rig("folded", bones), rotations=quat.multiply(capture.rotations, np.stack(turns))
    )


def test_a_skeleton_without_a_human_rest_pose(capture_of, shared_dir):
    joints = walking_in_a_circle(60, swing=0.15)
    joints[30:34] = standing(4) @ quat.to_matrix(quat.from_yaw(np.float64(-0.5))) + joints[30, :1] * [1, 0, 1]
    found, _ = retarget(folded(capture_of(joints)))
    assert apart(found, joints) < 0.02
    goal, _ = reference(shared_dir, "16_15")
    assert apart(retarget(folded(capture_of(goal)))[0], goal) < 0.03


def test_a_skeleton_with_other_names_is_known_by_its_structure(capture_of):
    joints = walking_in_a_circle(30, swing=0.3)

    def rename(text: str) -> str:
        numbers = itertools.count()
        return re.sub(r"(ROOT|JOINT) \w+", lambda match: f"{match[1]} b{next(numbers)}", text)

    # The lower back of the file cannot be told from a bone of the spine without its name.
    assert apart(retarget(capture_of(joints, change=rename))[0], joints) < 0.04


def test_no_human_no_motion():
    bones = [
        rest_bone(f"b{i}", f"b{i - 1}" if i else None, np.array([0, i, 0.0]), np.array([0, i + 1.0, 0]))
        for i in range(9)
    ]
    with pytest.raises(RetargetError, match="No human"):
        retarget(Capture(Rig("snake", bones), quat.identity((5, 9)), np.zeros((5, 9, 3)), 20.0))


def test_the_leap_out_of_a_rest_pose_is_left_out(capture_of):
    capture = capture_of(walking_in_a_circle(40, swing=0.1))
    assert calm_from(capture) == 0
    heads = capture.heads.copy()
    heads[0] += [0, 0, 30]
    assert calm_from(dataclasses.replace(capture, heads=heads)) == 1
    heads[20] += [0, 0, 30]
    assert calm_from(dataclasses.replace(capture, heads=heads)) == 1, "a glitch in the middle is no beginning"


def strides(slope: float) -> np.ndarray:
    """A figure that walks 4 m along +Z, rising by ``slope``, toes standing for 10 frames in turn."""
    joints = np.tile(walking_in_a_circle(1), (80, 1, 1)).astype(np.float64)
    joints[:, :, 2] += np.linspace(0, 4, 80)[:, None]
    joints[:, SKELETON.indices("left_foot", "right_foot")] = (0, 0, 0)
    for side, late in (("left_foot", 0), ("right_foot", 10)):
        joints[:, SKELETON.index(side), 2] = (np.arange(80) + late) // 20
    joints[..., 1] -= joints[..., 1].min()
    joints[..., 1] += slope * joints[..., 2]
    return joints


@pytest.mark.parametrize(("degrees", "levelled"), [(1.0, True), (-1.5, True), (10.0, False)])
def test_a_tilted_floor_is_levelled_and_a_ramp_is_not(degrees, levelled):
    slope = np.tan(np.radians(degrees))
    toes = on_floor(strides(slope))[:, SKELETON.indices("left_foot", "right_foot")]
    rise = np.polyfit(toes[..., 2].ravel(), toes[..., 1].ravel(), 1)[0]
    assert rise == pytest.approx(0 if levelled else slope, abs=1e-3)


def test_the_floor_is_at_zero_whatever_single_frames_do():
    joints = strides(0.0) + np.array([0.0, 0.7, 0.0])
    joints[7, 3, 1] = -5
    joints[9] = np.nan
    found = on_floor(joints)
    assert np.nanpercentile(found[..., 1].min(-1), 5) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("take", "centimetres"), [("02_01", 1.0), ("16_15", 1.0), ("cmu_daz_02_01", 4.0)])
def test_real_takes_come_near_their_reference(shared_dir, take, centimetres):
    if not (shared_dir / "data" / "raw_samples").is_dir():
        pytest.skip("needs the raw motion capture files")
    assert take in TAKES
    assert 100 * distances(shared_dir, take).mean() < centimetres
