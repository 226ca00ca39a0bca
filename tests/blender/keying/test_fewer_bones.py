# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters without feet, hands or the like are moved as far as they go, and controls of what they lack are met."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.character.setup import read_character
from blender_addon.keying import apply
from blender_addon.retarget.pose import scale
from blender_addon.retarget.proportions import Constraints, Target
from blender_addon.shared.limbs import LIMBS, bend_angle
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender

from ..helpers import measure
from ..helpers.characters.fewer_bones import GONE, fewer


@pytest.fixture(scope="module")
def walk(shared_dir):
    return measure.cmu_motions(shared_dir, {"walk": measure.CLIPS["walk"]})["walk"][:40]


def joints_of(armature: bpy.types.Object, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Joint -> world points (K, 3), those without a bone of their own at the end of the limb."""
    rest, found = read_character(armature)
    points = {}
    for joint, bone in found.bones.items():
        carrier = rest.carrier(bone)
        heads, turns = measure.evaluated_heads(armature, [carrier], frames)
        points[joint] = heads[:, 0]
        if rest.by_name[bone].is_tip:
            offset = np.array(rest.point_of_tip(bone))
            points[joint] = heads[:, 0] + measure.quat.rotate(turns[:, 0], offset[None])
    return points


@pytest.mark.parametrize("name", GONE)
def test_what_is_there_points_as_the_models_does(addon, name, walk):
    bpy.context.scene.render.fps = 20
    armature = fewer(name, GONE[name])
    rest, found = read_character(armature)
    apply.apply_motion(
        armature, walk, scale=scale.rig_scale(rest, found), start_frame=1, scene=bpy.context.scene, action_name="Take",
        constraints=Constraints(lock_feet=False),
    )  # fmt: skip
    points, wanted = joints_of(armature, np.arange(1.0, 41.0)), model_to_blender(walk)
    for limb in LIMBS:
        parts = ((limb.upper, limb.middle), (limb.middle, limb.end))
        for start, end in ((limb.upper, limb.end),) if "arms" in name and "shoulder" in limb.upper else parts:
            model = wanted[:, SKELETON.index(end)] - wanted[:, SKELETON.index(start)]
            assert np.degrees(bend_angle(points[end] - points[start], model)).max() < 1.0, (start, end)


def test_the_end_of_an_arm_without_a_hand_comes_to_its_control(addon, walk):
    bpy.context.scene.render.fps = 20
    armature = fewer("Handless", GONE["no hands, collars or toes"])
    rest, found = read_character(armature)
    factor = scale.rig_scale(rest, found)
    shoulder = model_to_blender(walk[20] * factor)[SKELETON.index("left_shoulder")]
    goal = shoulder + np.array([0.05, -0.3, -0.2])
    apply.apply_motion(
        armature, walk, scale=factor, start_frame=1, scene=bpy.context.scene, action_name="Take",
        constraints=Constraints(floor=0.0, targets=(Target("left_wrist", np.array([21.0]), goal[None]),)),
    )  # fmt: skip
    assert np.linalg.norm(joints_of(armature, np.array([21.0]))["left_wrist"] - goal) < 1e-3
