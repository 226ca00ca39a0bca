# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures of many makes, built bone by bone: what animators bring, without anyone's files. Needs bpy and numpy only.

All stand on the ground at the origin, facing Blender's front (-Y), about 1.75 m tall, unless their name says otherwise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import radians
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from . import armatures

# One side and the middle; the other side is its mirror image. Own measurements of a 1.75 m figure, metres, Blender
# axes.
MIDDLE = {
    "pelvis": (0, 0.00, 0.98), "spine1": (0, 0.01, 1.08), "spine2": (0, 0.015, 1.20), "spine3": (0, 0.02, 1.31),
    "neck": (0, 0.03, 1.47), "head": (0, 0.01, 1.56), "top": (0, 0.01, 1.75),
}  # fmt: skip
LEFT = {
    "hip": (0.09, 0.005, 0.92), "knee": (0.09, 0.0, 0.50), "ankle": (0.09, 0.025, 0.09), "foot": (0.095, -0.10, 0.02),
    "toe": (0.095, -0.17, 0.01), "collar": (0.025, 0.02, 1.42), "shoulder": (0.17, 0.03, 1.43),
    "elbow": (0.445, 0.032, 1.43), "wrist": (0.70, 0.03, 1.43), "hand": (0.79, 0.03, 1.43),
    "finger": (0.80, 0.01, 1.43), "tip": (0.86, 0.01, 1.43), "thumb": (0.73, 0.0, 1.42),
    "thumbtip": (0.77, -0.04, 1.40),
}  # fmt: skip

Points = dict[str, np.ndarray]
Row = tuple[str, str | None, str, str]  # name, parent, joint of the head, joint of the tail


def t_pose() -> Points:
    """Named points of the figure, both sides."""
    points = {name: np.array(place, float) for name, place in MIDDLE.items()}
    for name, place in LEFT.items():
        points[f"left_{name}"] = np.array(place, float)
        points[f"right_{name}"] = np.array(place, float) * (-1, 1, 1)
    return points


def a_pose(arms: float = 50, elbows: float = 20, legs: float = 6) -> Points:
    """The figure with lowered arms, bent elbows and legs apart, in degrees."""
    points = t_pose()
    for side, sign in (("left", 1), ("right", -1)):
        _turn(
            points, side, "shoulder", ("elbow", "wrist", "hand", "finger", "tip", "thumb", "thumbtip"), "Y", sign * arms
        )
        # The elbow flexes forward about an axis that has been lowered with the arm.
        axis = Matrix.Rotation(radians(sign * arms), 3, "Y") @ Vector((0, 0, -sign))
        _turn(points, side, "elbow", ("wrist", "hand", "finger", "tip", "thumb", "thumbtip"), axis, elbows)
        _turn(points, side, "hip", ("knee", "ankle"), "Y", -sign * legs)
        shift = points[f"{side}_ankle"] - t_pose()[f"{side}_ankle"]
        for part in ("foot", "toe"):
            points[f"{side}_{part}"] += shift
    return points


def _turn(points: Points, side: str, pivot: str, parts: Sequence[str], axis: str | Vector, degrees: float) -> None:
    turn = np.array(Matrix.Rotation(radians(degrees), 3, axis))
    centre = points[f"{side}_{pivot}"]
    for part in parts:
        points[f"{side}_{part}"] = centre + turn @ (points[f"{side}_{part}"] - centre)


def build(
    name: str,
    rows: Sequence[Row],
    points: Mapping[str, np.ndarray],
    *,
    roll: Callable[[str], float] | None = None,
    connect: Sequence[str] = (),
    place: Matrix | None = None,
) -> bpy.types.Object:
    """An armature object in the scene with the bones ``rows``. ``roll``: bone name -> radians; ``place``: its
    object's matrix.

    The points are in world space: bones are laid out so that they come to stand there under ``place``.
    """
    bones = (
        armatures.Bone(
            bone, parent, points[start], points[end], roll=roll(bone) if roll else 0.0, connected=bone in connect
        )
        for bone, parent, start, end in rows
    )
    return armatures.build(name, bones, place)


def _sided(rows: Sequence[Row], words: tuple[str, str]) -> list[Row]:
    """Rows written with ``{s}`` for the side in bone names and ``side_`` before the points of a side, for both
    sides."""
    found: list[Row] = []
    for word, side in zip(words, ("left", "right"), strict=True):
        for bone, parent, start, end in rows:
            ends = (point.replace("side_", f"{side}_") for point in (start, end))
            found.append((bone.format(s=word), parent.format(s=word) if parent else None, *ends))
    return found


def mixamo_rows(prefix: str = "mixamorig:") -> list[Row]:
    """Bones of a Mixamo download, with two fingers a hand."""
    middle = [
        ("Hips", None, "pelvis", "spine1"), ("Spine", "Hips", "spine1", "spine2"),
        ("Spine1", "Spine", "spine2", "spine3"),
        ("Spine2", "Spine1", "spine3", "neck"), ("Neck", "Spine2", "neck", "head"), ("Head", "Neck", "head", "top"),
    ]  # fmt: skip
    sides = [
        ("{s}Shoulder", "Spine2", "side_collar", "side_shoulder"),
        ("{s}Arm", "{s}Shoulder", "side_shoulder", "side_elbow"),
        ("{s}ForeArm", "{s}Arm", "side_elbow", "side_wrist"), ("{s}Hand", "{s}ForeArm", "side_wrist", "side_hand"),
        ("{s}HandIndex1", "{s}Hand", "side_finger", "side_tip"),
        ("{s}HandThumb1", "{s}Hand", "side_thumb", "side_thumbtip"),
        ("{s}UpLeg", "Hips", "side_hip", "side_knee"), ("{s}Leg", "{s}UpLeg", "side_knee", "side_ankle"),
        ("{s}Foot", "{s}Leg", "side_ankle", "side_foot"), ("{s}ToeBase", "{s}Foot", "side_foot", "side_toe"),
    ]  # fmt: skip
    rows = middle + _sided(sides, ("Left", "Right"))
    return [(prefix + bone, prefix + parent if parent else None, start, end) for bone, parent, start, end in rows]


def mixamo(name: str = "Mixamo") -> bpy.types.Object:
    """Mixamo names in a T-pose."""
    return build(name, mixamo_rows(), t_pose())


def mixamo_scaled() -> bpy.types.Object:
    """Mixamo as an FBX brings it: bones in centimetres with Y up, the object scaled to 0.01, turned and moved."""
    place = Matrix.Translation((1.5, -2.0, 0.0)) @ Matrix.Rotation(radians(37), 4, "Z")
    place = place @ Matrix.Rotation(radians(90), 4, "X") @ Matrix.Diagonal((0.01, 0.01, 0.01, 1))
    # The figure stands turned and moved with its object.
    points = {key: np.array(place @ Vector((p[0] * 100, p[2] * 100, -p[1] * 100))) for key, p in t_pose().items()}
    return build("Mixamo at 0.01", mixamo_rows("mixamorig4:"), points, place=place)


def mixamo_rolled() -> bpy.types.Object:
    """Mixamo names, every bone rolled by another angle about its own axis."""
    rows = mixamo_rows("")
    angles = dict(
        zip([row[0] for row in rows], np.random.default_rng(7).uniform(-np.pi, np.pi, len(rows)), strict=True)
    )
    return build("Rolled", rows, t_pose(), roll=lambda bone: float(angles[bone]))


def mixamo_euler() -> bpy.types.Object:
    """Mixamo names, the bones in every Euler order and in axis and angle."""
    armature = build("Euler", mixamo_rows(), t_pose())
    modes = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")
    for place, bone in enumerate(armature.pose.bones):
        bone.rotation_mode = modes[place % len(modes)]
    return armature


def unreal() -> bpy.types.Object:
    """Unreal names in an A-pose: a root on the ground, five spine bones, two of the neck, twist bones beside and
    in line."""
    points = a_pose()
    for place in range(1, 5):
        share = place / 5
        points[f"back{place}"] = points["spine1"] * (1 - share) + points["neck"] * share
    points["halfneck"] = (points["neck"] + points["head"]) / 2
    points["ground"], points["front"] = np.zeros(3), np.array([0.0, -0.2, 0.0])
    for side in ("left", "right"):
        points[f"{side}_half"] = (points[f"{side}_elbow"] + points[f"{side}_wrist"]) / 2
    spine = ["spine1", "back1", "back2", "back3", "back4", "neck"]
    middle: list[Row] = [("root", None, "ground", "front"), ("pelvis", "root", "pelvis", "spine1")]
    for number, (start, end) in enumerate(pairwise(spine), start=1):
        middle.append((f"spine_0{number}", f"spine_0{number - 1}" if number > 1 else "pelvis", start, end))
    middle += [
        ("neck_01", "spine_05", "neck", "halfneck"), ("neck_02", "neck_01", "halfneck", "head"),
        ("head", "neck_02", "head", "top")
    ]  # fmt: skip
    sides = [
        ("clavicle_{s}", "spine_05", "side_collar", "side_shoulder"),
        ("upperarm_{s}", "clavicle_{s}", "side_shoulder", "side_elbow"),
        ("lowerarm_{s}", "upperarm_{s}", "side_elbow", "side_wrist"),
        ("lowerarm_twist_01_{s}", "lowerarm_{s}", "side_half", "side_wrist"),
        ("hand_{s}", "lowerarm_{s}", "side_wrist", "side_hand"),
        ("index_01_{s}", "hand_{s}", "side_finger", "side_tip"),
        ("thigh_{s}", "pelvis", "side_hip", "side_knee"), ("calf_{s}", "thigh_{s}", "side_knee", "side_ankle"),
        ("foot_{s}", "calf_{s}", "side_ankle", "side_foot"), ("ball_{s}", "foot_{s}", "side_foot", "side_toe"),
    ]  # fmt: skip
    return build("Unreal", middle + _sided(sides, ("l", "r")), points)


def smpl() -> bpy.types.Object:
    """SMPL names; all bones short and upright, as importers make them from joints without directions."""
    points = t_pose()
    rows: list[Row] = []
    above = {
        "pelvis": None, "spine1": "pelvis", "spine2": "spine1", "spine3": "spine2", "neck": "spine3", "head": "neck",
    }  # fmt: skip
    for side in ("left", "right"):
        chain = {"hip": "pelvis", "collar": "spine3"}
        order = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")
        for previous, part in zip((None, *order), order, strict=False):
            above[f"{side}_{part}"] = chain.get(part) or f"{side}_{previous}"
    for joint, parent in above.items():
        points[f"{joint} end"] = points[joint] + np.array([0, 0, 0.05])
        rows.append((joint, parent, joint, f"{joint} end"))
    return build("SMPL", rows, points)


def oddly_named() -> bpy.types.Object:
    """A human without collars, toes or a third spine bone, whose bones are called Knochen.001 and so on."""
    points = a_pose(arms=35, elbows=0, legs=0)
    rows: list[Row] = [
        ("Becken", None, "pelvis", "spine2"), ("Rumpf", "Becken", "spine2", "spine3"),
        ("Brust", "Rumpf", "spine3", "neck"),
        ("Hals", "Brust", "neck", "head"), ("Kopf", "Hals", "head", "top"),
    ]  # fmt: skip
    sides = [
        ("oben{s}", "Brust", "side_shoulder", "side_elbow"), ("unten{s}", "oben{s}", "side_elbow", "side_wrist"),
        ("pfote{s}", "unten{s}", "side_wrist", "side_hand"), ("bein{s}", "Becken", "side_hip", "side_knee"),
        ("wade{s}", "bein{s}", "side_knee", "side_ankle"), ("fuss{s}", "wade{s}", "side_ankle", "side_toe"),
    ]  # fmt: skip
    rows += _sided(sides, (" A", " B"))
    numbers = {row[0]: f"Knochen.{number:03d}" for number, row in enumerate(rows)}
    return build("Odd", [(numbers[bone], numbers.get(parent), start, end) for bone, parent, start, end in rows], points)


def connected() -> bpy.types.Object:
    """Mixamo names; hips connected to a root bone, bones that do not inherit rotation or use the armature's axes,
    a posed root."""
    points = t_pose() | {"ground": np.array([0.0, 0.3, 0.9])}
    rows = [("Root", None, "ground", "pelvis"), *mixamo_rows("")]
    rows = [(bone, "Root" if bone == "Hips" else parent, start, end) for bone, parent, start, end in rows]
    armature = build("Connected", rows, points, connect=("Hips", "Spine", "Spine1", "Spine2", "Neck", "LeftLeg"))
    armature.data.bones["Head"].use_inherit_rotation = False
    armature.data.bones["LeftArm"].use_inherit_rotation = False
    armature.data.bones["Root"].use_local_location = False
    armature.data.bones["RightUpLeg"].inherit_scale = "NONE"
    root = armature.pose.bones["Root"]
    root.rotation_mode = "XYZ"
    root.rotation_euler = Euler((0.2, -0.4, 0.3))
    root.scale = (1.1, 1.1, 1.1)
    bpy.context.view_layer.update()
    return armature


def rigify_metarig() -> bpy.types.Object:
    """Rigify's human metarig, 159 bones with face and fingers."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    return bpy.context.object


@cache
def _generated_file() -> Path:
    """A file with a rig that Rigify has generated from the human metarig, made once: it takes some seconds."""
    metarig = rigify_metarig()
    bpy.ops.pose.rigify_generate()
    generated = next(found for found in bpy.data.objects if found.type == "ARMATURE" and found != metarig)
    generated.name = "Generated"
    path = Path(tempfile.mkdtemp(prefix="gaitway-")) / "generated.blend"
    bpy.data.libraries.write(str(path), {generated})
    for left in (metarig, generated):
        bpy.data.objects.remove(left)
    return path


def rigify_generated() -> bpy.types.Object:
    """The rig that Rigify generates, 706 bones: controls, mechanism and deform bones, IK switched on as it comes."""
    with bpy.data.libraries.load(str(_generated_file())) as (_, wanted):
        wanted.objects = ["Generated"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    bpy.context.view_layer.update()
    return wanted.objects[0]


def vrm() -> bpy.types.Object:
    """A VRoid export: bones behind J_Bip, a root on the ground, skirt and hair beside the body."""
    points = t_pose() | {"ground": np.zeros(3), "front": np.array([0.0, -0.2, 0.0])}
    middle: list[Row] = [
        ("Root", None, "ground", "front"), ("J_Bip_C_Hips", "Root", "pelvis", "spine1"),
        ("J_Bip_C_Spine", "J_Bip_C_Hips", "spine1", "spine2"), ("J_Bip_C_Chest", "J_Bip_C_Spine", "spine2", "spine3"),
        ("J_Bip_C_UpperChest", "J_Bip_C_Chest", "spine3", "neck"),
        ("J_Bip_C_Neck", "J_Bip_C_UpperChest", "neck", "head"), ("J_Bip_C_Head", "J_Bip_C_Neck", "head", "top"),
        ("J_Sec_Hair1_01", "J_Bip_C_Head", "top", "head"), ("J_Sec_Hair2_01", "J_Sec_Hair1_01", "head", "neck"),
    ]  # fmt: skip
    sides = [
        ("J_Bip_{s}_Shoulder", "J_Bip_C_UpperChest", "side_collar", "side_shoulder"),
        ("J_Bip_{s}_UpperArm", "J_Bip_{s}_Shoulder", "side_shoulder", "side_elbow"),
        ("J_Bip_{s}_LowerArm", "J_Bip_{s}_UpperArm", "side_elbow", "side_wrist"),
        ("J_Bip_{s}_Hand", "J_Bip_{s}_LowerArm", "side_wrist", "side_hand"),
        ("J_Bip_{s}_Index1", "J_Bip_{s}_Hand", "side_finger", "side_tip"),
        ("J_Bip_{s}_Thumb1", "J_Bip_{s}_Hand", "side_thumb", "side_thumbtip"),
        ("J_Bip_{s}_UpperLeg", "J_Bip_C_Hips", "side_hip", "side_knee"),
        ("J_Sec_{s}_Skirt", "J_Bip_{s}_UpperLeg", "side_hip", "side_knee"),
        ("J_Bip_{s}_LowerLeg", "J_Bip_{s}_UpperLeg", "side_knee", "side_ankle"),
        ("J_Bip_{s}_Foot", "J_Bip_{s}_LowerLeg", "side_ankle", "side_foot"),
        ("J_Bip_{s}_ToeBase", "J_Bip_{s}_Foot", "side_foot", "side_toe"),
    ]  # fmt: skip
    return build("VRM", middle + _sided(sides, ("L", "R")), points)


def auto_rig_pro() -> bpy.types.Object:
    """Controls by Auto-Rig Pro's names, FK and IK, on mechanism bones; deform bones follow either by a switch:
    built the way such rigs are, not a copy of one."""
    points = a_pose(arms=45, elbows=20, legs=4) | {"ground": np.zeros(3), "front": np.array([0.0, -0.3, 0.0])}
    for side in ("left", "right"):
        points[f"{side}_knee"] += np.array([0, -0.04, 0])
        for pole, joint, way in (("kneepole", "knee", -0.6), ("elbowpole", "elbow", 0.6)):
            points[f"{side}_{pole}"] = points[f"{side}_{joint}"] + np.array([0, way, 0])
            points[f"{side}_{pole} end"] = points[f"{side}_{pole}"] + np.array([0, 0, 0.1])
    middle: list[Row] = [
        ("c_traj", None, "ground", "front"), ("c_root_master.x", "c_traj", "pelvis", "spine1"),
        ("c_spine_01.x", "c_root_master.x", "spine1", "spine2"), ("c_spine_02.x", "c_spine_01.x", "spine2", "spine3"),
        ("c_spine_03.x", "c_spine_02.x", "spine3", "neck"), ("c_neck.x", "c_spine_03.x", "neck", "head"),
        ("head_follow.x", "c_neck.x", "head", "top"), ("c_head.x", "head_follow.x", "head", "top"),
    ]  # fmt: skip
    sides: list[Row] = [("c_shoulder.{s}", "c_spine_03.x", "side_collar", "side_shoulder"),
                        ("arm_follow.{s}", "c_shoulder.{s}", "side_shoulder", "side_elbow")]  # fmt: skip
    for kind, arm, leg in (("_fk", "arm_follow.{s}", "c_root_master.x"), ("_ik", "c_shoulder.{s}", "c_root_master.x"),
                           ("_stretch", "c_shoulder.{s}", "c_root_master.x")):  # fmt: skip
        prefix = "c_" if kind == "_fk" else ""
        upper, lower, thigh, calf = (f"{prefix}{part}{kind}.{{s}}" for part in ("arm", "forearm", "thigh", "leg"))
        sides += [(upper, arm, "side_shoulder", "side_elbow"), (lower, upper, "side_elbow", "side_wrist"),
                  (thigh, leg, "side_hip", "side_knee"), (calf, thigh, "side_knee", "side_ankle")]  # fmt: skip
    sides += [
        ("c_hand_fk.{s}", "c_forearm_fk.{s}", "side_wrist", "side_hand"),
        ("c_foot_fk.{s}", "c_leg_fk.{s}", "side_ankle", "side_foot"),
        ("c_toes_fk.{s}", "c_foot_fk.{s}", "side_foot", "side_toe"),
        ("c_hand_ik.{s}", "c_traj", "side_wrist", "side_hand"), ("c_foot_ik.{s}", "c_traj", "side_ankle", "side_toe"),
        ("c_arms_pole.{s}", "c_traj", "side_elbowpole", "side_elbowpole end"),
        ("c_leg_pole.{s}", "c_traj", "side_kneepole", "side_kneepole end"),
    ]  # fmt: skip
    armature = build("Auto-Rig Pro", middle + _sided(sides, ("l", "r")), points)
    follow = armature.pose.bones["head_follow.x"].constraints.new("COPY_ROTATION")
    follow.target, follow.subtarget, follow.influence = armature, "c_root_master.x", 0.7
    for side in "lr":
        follow = armature.pose.bones[f"arm_follow.{side}"].constraints.new("COPY_ROTATION")
        follow.target, follow.subtarget, follow.influence = armature, "c_root_master.x", 0.4
        for end, pole, upper, lower in (("hand", "arms", "arm", "forearm"), ("foot", "leg", "thigh", "leg")):
            armature.pose.bones[f"c_{end}_ik.{side}"]["ik_fk_switch"] = 0.0
            _add_ik(armature, f"{upper}_ik.{side}", f"{lower}_ik.{side}", f"c_{end}_ik.{side}", f"c_{pole}_pole.{side}")
            for part in (upper, lower):
                _add_switched(armature, f"{part}_stretch.{side}", f"c_{part}_fk.{side}", f"{part}_ik.{side}",
                              f"c_{end}_ik.{side}")  # fmt: skip
    bpy.context.view_layer.update()
    return armature


def _add_ik(armature: bpy.types.Object, upper: str, lower: str, target: str, pole: str) -> None:
    """IK of two bones that leaves them where they rest."""
    constraint = armature.pose.bones[lower].constraints.new("IK")
    constraint.target = constraint.pole_target = armature
    constraint.subtarget, constraint.pole_subtarget, constraint.chain_count = target, pole, 2
    bones = armature.data.bones
    x, y, z = bones[upper].matrix_local.to_3x3().col
    way = bones[pole].head_local - bones[upper].head_local
    way -= way.dot(y) * y
    constraint.pole_angle = float(np.arctan2(way.dot(z), way.dot(x)))


def _add_switched(armature: bpy.types.Object, bone: str, fk: str, ik: str, switch: str) -> None:
    """A deform bone that follows ``fk``, or ``ik`` while the switch is 0."""
    for source in (fk, ik):
        constraint = armature.pose.bones[bone].constraints.new("COPY_TRANSFORMS")
        constraint.target, constraint.subtarget = armature, source
    driver = constraint.driver_add("influence").driver
    variable = driver.variables.new()
    variable.name = "fk"
    variable.targets[0].id = armature
    variable.targets[0].data_path = f'pose.bones["{switch}"]["ik_fk_switch"]'
    driver.expression = "1 - fk"


def _divided(points: Points) -> Points:
    """``points`` with the quarters of back, nape and limbs between: back1, left_upper2, right_calf3, ..."""
    points = dict(points) | {"ground": np.zeros(3), "front": np.array([0.0, -0.3, 0.0])}
    ends = {"back": ("pelvis", "neck"), "nape": ("neck", "head")}
    for side in ("left", "right"):
        for name, start, end in (("upper", "shoulder", "elbow"), ("lower", "elbow", "wrist"),
                                 ("thigh", "hip", "knee"), ("calf", "knee", "ankle")):  # fmt: skip
            ends[f"{side}_{name}"] = (f"{side}_{start}", f"{side}_{end}")
    for name, (start, end) in ends.items():
        for quarter in (1, 2, 3):
            points[f"{name}{quarter}"] = points[start] + quarter / 4 * (points[end] - points[start])
    return points


def daz() -> bpy.types.Object:
    """Genesis 8: a pelvis below the hip, bend and twist bones in line in arms and thighs."""
    middle: list[Row] = [
        ("hip", None, "pelvis", "back1"), ("pelvis", "hip", "pelvis", "left_hip"),
        ("abdomenLower", "hip", "back1", "spine2"), ("abdomenUpper", "abdomenLower", "spine2", "back2"),
        ("chestLower", "abdomenUpper", "back2", "back3"), ("chestUpper", "chestLower", "back3", "neck"),
        ("neckLower", "chestUpper", "neck", "nape2"), ("neckUpper", "neckLower", "nape2", "head"),
        ("head", "neckUpper", "head", "top"),
    ]  # fmt: skip
    sides: list[Row] = [
        ("{s}Collar", "chestUpper", "side_collar", "side_shoulder"),
        ("{s}ShldrBend", "{s}Collar", "side_shoulder", "side_upper2"),
        ("{s}ShldrTwist", "{s}ShldrBend", "side_upper2", "side_elbow"),
        ("{s}ForearmBend", "{s}ShldrTwist", "side_elbow", "side_lower2"),
        ("{s}ForearmTwist", "{s}ForearmBend", "side_lower2", "side_wrist"),
        ("{s}Hand", "{s}ForearmTwist", "side_wrist", "side_hand"),
        ("{s}Thumb1", "{s}Hand", "side_thumb", "side_thumbtip"),
        ("{s}ThighBend", "pelvis", "side_hip", "side_thigh2"),
        ("{s}ThighTwist", "{s}ThighBend", "side_thigh2", "side_knee"),
        ("{s}Shin", "{s}ThighTwist", "side_knee", "side_ankle"), ("{s}Foot", "{s}Shin", "side_ankle", "side_foot"),
        ("{s}Metatarsals", "{s}Foot", "side_ankle", "side_foot"), ("{s}Toe", "{s}Metatarsals", "side_foot", "side_toe"),
    ]  # fmt: skip
    return build("Daz", middle + _sided(sides, ("l", "r")), _divided(a_pose(arms=30, elbows=5, legs=4)))


def character_creator() -> bpy.types.Object:
    """Character Creator: a root, a pelvis beside the waist, twist bones beside the limbs."""
    middle: list[Row] = [
        ("RL_BoneRoot", None, "ground", "front"), ("CC_Base_Hip", "RL_BoneRoot", "pelvis", "back1"),
        ("CC_Base_Pelvis", "CC_Base_Hip", "pelvis", "left_hip"), ("CC_Base_Waist", "CC_Base_Hip", "back1", "back2"),
        ("CC_Base_Spine01", "CC_Base_Waist", "back2", "back3"), ("CC_Base_Spine02", "CC_Base_Spine01", "back3", "neck"),
        ("CC_Base_NeckTwist01", "CC_Base_Spine02", "neck", "nape2"),
        ("CC_Base_NeckTwist02", "CC_Base_NeckTwist01", "nape2", "head"),
        ("CC_Base_Head", "CC_Base_NeckTwist02", "head", "top"),
    ]  # fmt: skip
    sides: list[Row] = [
        ("CC_Base_{s}_Clavicle", "CC_Base_Spine02", "side_collar", "side_shoulder"),
        ("CC_Base_{s}_Upperarm", "CC_Base_{s}_Clavicle", "side_shoulder", "side_elbow"),
        ("CC_Base_{s}_UpperarmTwist01", "CC_Base_{s}_Upperarm", "side_shoulder", "side_upper2"),
        ("CC_Base_{s}_UpperarmTwist02", "CC_Base_{s}_Upperarm", "side_upper2", "side_elbow"),
        ("CC_Base_{s}_Forearm", "CC_Base_{s}_Upperarm", "side_elbow", "side_wrist"),
        ("CC_Base_{s}_ForearmTwist01", "CC_Base_{s}_Forearm", "side_elbow", "side_lower2"),
        ("CC_Base_{s}_Hand", "CC_Base_{s}_Forearm", "side_wrist", "side_hand"),
        ("CC_Base_{s}_Thigh", "CC_Base_Pelvis", "side_hip", "side_knee"),
        ("CC_Base_{s}_ThighTwist01", "CC_Base_{s}_Thigh", "side_hip", "side_thigh2"),
        ("CC_Base_{s}_Calf", "CC_Base_{s}_Thigh", "side_knee", "side_ankle"),
        ("CC_Base_{s}_Foot", "CC_Base_{s}_Calf", "side_ankle", "side_foot"),
        ("CC_Base_{s}_ToeBase", "CC_Base_{s}_Foot", "side_foot", "side_toe"),
    ]  # fmt: skip
    return build("Character Creator", middle + _sided(sides, ("L", "R")), _divided(a_pose(arms=45, elbows=8, legs=3)))


def make_human() -> bpy.types.Object:
    """MPFB's default rig: limbs of two pieces, two bones of the shoulder, a spine counted from the top."""
    spine = ("root", "spine05", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "head")
    heads = ("pelvis", "spine1", "back1", "back2", "back3", "spine3", "neck", "nape2", "head", "top")
    middle: list[Row] = [
        (bone, above, start, end)
        for bone, above, (start, end) in zip(spine, (None, *spine), pairwise(heads), strict=False)
    ]
    sides: list[Row] = [
        ("clavicle.{s}", "spine01", "side_collar", "side_shoulder"),
        ("shoulder01.{s}", "clavicle.{s}", "side_shoulder", "side_upper1"),
        ("upperarm01.{s}", "shoulder01.{s}", "side_shoulder", "side_upper2"),
        ("upperarm02.{s}", "upperarm01.{s}", "side_upper2", "side_elbow"),
        ("lowerarm01.{s}", "upperarm02.{s}", "side_elbow", "side_lower2"),
        ("lowerarm02.{s}", "lowerarm01.{s}", "side_lower2", "side_wrist"),
        ("wrist.{s}", "lowerarm02.{s}", "side_wrist", "side_hand"),
        ("finger1-1.{s}", "wrist.{s}", "side_thumb", "side_thumbtip"),
        ("pelvis.{s}", "root", "pelvis", "side_hip"), ("upperleg01.{s}", "pelvis.{s}", "side_hip", "side_thigh2"),
        ("upperleg02.{s}", "upperleg01.{s}", "side_thigh2", "side_knee"),
        ("lowerleg01.{s}", "upperleg02.{s}", "side_knee", "side_calf2"),
        ("lowerleg02.{s}", "lowerleg01.{s}", "side_calf2", "side_ankle"),
        ("foot.{s}", "lowerleg02.{s}", "side_ankle", "side_foot"), ("toe1-1.{s}", "foot.{s}", "side_foot", "side_toe"),
    ]  # fmt: skip
    return build("MakeHuman", middle + _sided(sides, ("L", "R")), _divided(a_pose(arms=40, elbows=12, legs=5)))


ALL: dict[str, Callable[[], bpy.types.Object]] = {
    "Mixamo T-pose": mixamo,
    "Mixamo FBX, 0.01, turned": mixamo_scaled,
    "Rigify metarig": rigify_metarig,
    "Rigify generated": rigify_generated,
    "Auto-Rig Pro": auto_rig_pro,
    "VRM": vrm,
    "SMPL": smpl,
    "Unreal A-pose": unreal,
    "Daz": daz,
    "Character Creator": character_creator,
    "MakeHuman": make_human,
    "oddly named": oddly_named,
    "rolled bones": mixamo_rolled,
    "Euler modes": mixamo_euler,
    "connected hips": connected,
}
