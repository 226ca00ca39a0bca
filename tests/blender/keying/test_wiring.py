# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones that hang elsewhere than a body's joints do follow the body: the character moves as one that is wired well."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat
from blender_addon.character.read_rig import read_rig
from blender_addon.keying import apply
from blender_addon.retarget.bone_map import detect_bones
from blender_addon.retarget.keys.spline_fit import Spacing
from blender_addon.retarget.pose import scale
from blender_addon.retarget.proportions import Constraints

from ..helpers import measure
from ..helpers.armatures import true_joints
from ..helpers.characters.wiring import WIRINGS, rehung

FRAMES = np.arange(1.0, 41.0, 3.0)


@pytest.fixture(scope="module")
def walk(shared_dir):
    return measure.cmu_motions(shared_dir, {"walk": measure.CLIPS["walk"]})["walk"][:40]


def play(armature: bpy.types.Object, joints: np.ndarray, spacing: Spacing | None = None) -> np.ndarray:
    """Heads (K, J, 3) of the true bones while ``armature`` plays ``joints``, feet kept standing."""
    bpy.context.scene.render.fps = 20
    rest = read_rig(armature)
    factor = scale.rig_scale(rest, detect_bones(rest.bones))
    apply.apply_motion(
        armature, joints, scale=factor, start_frame=1, scene=bpy.context.scene, action_name="Take",
        constraints=Constraints(floor=0.0), spacing=spacing,
    )  # fmt: skip
    return measure.evaluated_heads(armature, sorted(true_joints(armature).values()), FRAMES)[0]


def located(armature: bpy.types.Object) -> set[str]:
    paths = {curve.data_path for curve in compat.played_bag(armature).fcurves}
    return {path.split('"')[1] for path in paths if path.startswith("pose") and path.endswith("].location")}


@pytest.mark.parametrize("name", WIRINGS)
def test_a_character_moves_as_one_that_is_wired_well(addon, name, walk):
    wanted = play(rehung({}, "Plain"), walk)
    armature = rehung(WIRINGS[name])
    assert detect_bones(read_rig(armature).bones).bones == true_joints(armature)
    assert np.abs(play(armature, walk) - wanted).max() < 1e-4
    assert located(armature) - {"pelvis"}


@pytest.mark.parametrize("kind", ["BONE", "OBJECT"])
def test_root_motion_leaves_it_where_it_was(addon, kind, walk):
    armature = rehung(WIRINGS["thighs beside the hips"])
    by_hips = play(armature, walk)
    armature.gaitway_rig.carrier = kind
    assert np.abs(play(armature, walk) - by_hips).max() < 1e-4
    assert ("root" in located(armature)) == (kind == "BONE")


def test_few_keys_stay_within_their_bound(addon, walk):
    armature = rehung(WIRINGS["feet on the root"])
    dense = play(armature, walk)
    sparse = play(armature, walk, Spacing("SPARSE", bound=0.005))
    assert np.linalg.norm(sparse - dense, axis=-1).max() < 0.006
    curves = compat.played_bag(armature).fcurves
    assert np.median([len(curve.keyframe_points) for curve in curves]) < 0.6 * len(walk)


def test_bones_that_inherit_otherwise_are_put_right_all_the_same(addon, walk):
    wanted = play(rehung({}, "Plain"), walk)
    armature = rehung(WIRINGS["feet on the root"])
    for bone, flag in (("left_ankle", "use_inherit_rotation"), ("right_ankle", "use_local_location")):
        setattr(armature.data.bones[bone], flag, False)
    armature.data.bones["left_foot"].inherit_scale = "NONE"
    assert np.abs(play(armature, walk) - wanted).max() < 1e-4
