# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of other makes, as far as their hierarchy or their names differ from what most have, with a body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..armatures import Bone, build, human, renamed, without
from ..rigs import a_pose, t_pose

SIDES = ("left", "right")


def _named(patterns: Mapping[str, str], words: tuple[str, str]) -> dict[str, str]:
    """Joint -> name from names by part, with {s} for the words of left and right."""
    found = {}
    for part, name in patterns.items():
        if "{s}" in name:
            found |= {f"{side}_{part}": name.format(s=word) for side, word in zip(SIDES, words, strict=True)}
        else:
            found[part] = name
    return found


def biped() -> bpy.types.Object:
    """3ds Max: thighs on the spine, collar bones on the neck, the centre of mass above the pelvis."""
    bones = without(human(a_pose(arms=50, elbows=15, legs=5)), "spine2")
    bones = renamed(bones, _named({
        "pelvis": "Bip001 Pelvis", "spine1": "Bip001 Spine", "spine3": "Bip001 Spine1", "neck": "Bip001 Neck",
        "head": "Bip001 Head", "collar": "Bip001 {s} Clavicle", "shoulder": "Bip001 {s} UpperArm",
        "elbow": "Bip001 {s} Forearm", "wrist": "Bip001 {s} Hand", "hip": "Bip001 {s} Thigh",
        "knee": "Bip001 {s} Calf", "ankle": "Bip001 {s} Foot", "foot": "Bip001 {s} Toe0",
    }, ("L", "R")))  # fmt: skip
    for side in SIDES:
        bones[f"{side}_hip"] = replace(bones[f"{side}_hip"], parent="Bip001 Spine")
        bones[f"{side}_collar"] = replace(bones[f"{side}_collar"], parent="Bip001 Neck")
    pelvis = bones["pelvis"]
    mass = Bone("Bip001", None, pelvis.head, np.add(pelvis.head, (0, 0.2, 0)))
    order = ("pelvis", "spine1", "spine3", "neck", "head")
    bones["pelvis"] = replace(pelvis, parent="Bip001")
    return build("Biped", {"mass": mass} | {key: bones[key] for key in (*order, *(k for k in bones if k not in order))})


def mmd() -> bpy.types.Object:
    """Japanese names; lower and upper body side by side on the centre, whose bone begins far below the hips."""
    bones = without(human(a_pose(arms=38, elbows=0, legs=0)), "spine2", "left_foot", "right_foot")
    bones = renamed(bones, _named({
        "pelvis": "下半身", "spine1": "上半身", "spine3": "上半身2", "neck": "首", "head": "頭", "collar": "{s}肩",
        "shoulder": "{s}腕", "elbow": "{s}ひじ", "wrist": "{s}手首", "hip": "{s}足", "knee": "{s}ひざ",
        "ankle": "{s}足首",
    }, ("左", "右")))  # fmt: skip
    root = Bone("全ての親", None, (0, 0, 0), (0, 0.2, 0))
    centre = Bone("センター", "全ての親", (0, 0, 0.72), (0, 0, 0.6))
    waist = bones["spine1"].head
    bones["pelvis"] = replace(bones["pelvis"], parent="センター", head=waist, end=bones["pelvis"].head)
    bones["spine1"] = replace(bones["spine1"], parent="センター")
    return build("MMD", {"root": root, "centre": centre, **bones})


def voxel() -> bpy.types.Object:
    """Faces away (+Y), no toes, foot bones that point straight up, all names in "Bone"."""
    bones = without(human(t_pose()), "spine1", "spine2", "left_foot", "right_foot")
    half = Matrix.Rotation(np.pi, 4, "Z")
    bones = renamed(bones, _named({
        "pelvis": "HipsBone", "spine3": "ChestBone", "neck": "NeckBone", "head": "HeadBone",
        "collar": "{s}ShoulderBone", "shoulder": "{s}UpperArmBone", "elbow": "{s}LowerArmBone", "wrist": "{s}HandBone",
        "hip": "{s}UpperLegBone", "knee": "{s}LowerLegBone", "ankle": "{s}FootBone",
    }, ("Left", "Right")))  # fmt: skip
    turned = {}
    for key, bone in bones.items():
        head, end = half @ Vector(bone.head), half @ Vector(bone.end)
        place = bone.box_place and half @ bone.box_place
        tail = np.add(head, (0, 0, 0.1)) if key.endswith("ankle") else None
        turned[key] = replace(bone, head=head, end=end, box_place=place, tail=tail)
    return build("Voxel", turned)


def cloud_rig() -> bpy.types.Object:
    """Blender Studio's way: FK controls hang below the root on bones that constraints carry along with the body."""
    bones = without(human(a_pose(arms=45, elbows=15, legs=4), skin=False), "spine2")
    bones = renamed(bones, _named({
        "pelvis": "MSTR-Spine_Torso", "spine1": "FK-Spine", "spine3": "FK-Chest", "neck": "FK-Neck", "head": "FK-Head",
        "collar": "FK-Shoulder.{s}", "shoulder": "FK-UpperArm.{s}", "elbow": "FK-Forearm.{s}", "wrist": "FK-Hand.{s}",
        "hip": "FK-Thigh.{s}", "knee": "FK-Knee.{s}", "ankle": "FK-Foot.{s}", "foot": "FK-Toes.{s}",
    }, ("L", "R")))  # fmt: skip
    carried = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    extra = {"root": Bone("root", None, (0, 0, 0), (0, 0.3, 0)),
             "switches": Bone("Properties_IKFK", "root", (0, 0.5, 0), (0, 0.5, 0.1))}  # fmt: skip
    bones["pelvis"] = replace(bones["pelvis"], parent="root")
    for key in carried:
        head, above = np.asarray(bones[key].head, float), bones[key].parent
        extra[f"hinge {key}"] = Bone(f"HNG-{bones[key].name}", "root", head, np.add(head, (0, 0, 0.1)))
        bones[f"socket {key}"] = Bone(f"P-{bones[key].name}", above, head, np.add(head, (0, 0, 0.1)))
        bones[key] = replace(bones[key], parent=f"HNG-{bones[key].name}")
    armature = build("CloudRig", extra | bones)
    for key in carried:
        follow = armature.pose.bones[f"HNG-{bones[key].name}"].constraints.new("COPY_LOCATION")
        follow.target, follow.subtarget = armature, f"P-{bones[key].name}"
    for side in SIDES:
        for limb in ("arm", "leg"):
            armature.pose.bones["Properties_IKFK"][f"ik_{limb}_{side}"] = 1.0
    bpy.context.view_layer.update()
    return armature


MAKES: dict[str, Callable[[], bpy.types.Object]] = {
    "3ds Max Biped": biped,
    "MMD": mmd,
    "Voxel facing away": voxel,
    "CloudRig": cloud_rig,
}
