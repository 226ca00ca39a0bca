# SPDX-License-Identifier: GPL-3.0-or-later
"""Humanoids by chance, the same for the same number: of many proportions, rest poses, wirings, tails and names, as
large as a toy or a tower. Each could be somebody's character, and none has to be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..armatures import Bone, build, human, lowest_of_feet, renamed, without
from ..rigs import Points, t_pose

SIDES = ("left", "right")
LEG = ("knee", "ankle", "foot", "toe")
ARM = ("elbow", "wrist", "hand", "finger", "tip", "thumb", "thumbtip")
PARTS = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Chest", "neck": "Neck", "head": "Head",
    "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot", "foot": "Toes", "collar": "Shoulder",
    "shoulder": "UpperArm", "elbow": "LowerArm", "wrist": "Hand",
}  # fmt: skip
GERMAN = {
    "pelvis": "Becken", "spine1": "Bauch", "spine2": "Ruecken", "spine3": "Brust", "neck": "Hals", "head": "Kopf",
    "hip": "Oberschenkel", "knee": "Unterschenkel", "ankle": "Fuss", "foot": "Zehen", "collar": "Schulter",
    "shoulder": "Oberarm", "elbow": "Unterarm", "wrist": "Hand",
}  # fmt: skip


def characters(number: int) -> dict[str, Callable[[], bpy.types.Object]]:
    """So many of them by name."""
    return {f"by chance {seed}": partial(character, seed) for seed in range(number)}


def character(seed: int) -> bpy.types.Object:
    """The armature with this number, and its body."""
    dice = np.random.default_rng([12, seed])
    points = _posed(_shaped(dice), dice)
    lowest = lowest_of_feet(points, float(points["top"][2] - points["left_toe"][2]) / 1.74)
    for point in points.values():
        point[2] -= lowest
    bones = human(points, skin=dice.random() < 0.8)
    style = int(dice.integers(len(STYLES)))
    bones = _without_some(bones, dice, keep_toes=style == NUMBERED)
    bones = _wired(bones, points, dice)
    bones = renamed(bones, STYLES[style](bones))
    bones = _with_tails(bones, dice)
    return _placed(bones, dice, seed)


# ---- the figure


def _shaped(dice: np.random.Generator) -> Points:
    """A T-pose of other proportions: legs, arms, trunk, hips, shoulders, feet."""
    points = t_pose()
    leg, arm, trunk = dice.uniform(0.65, 1.3), dice.uniform(0.75, 1.3), dice.uniform(0.8, 1.25)
    hips, shoulders, foot = dice.uniform(0.7, 2.2), dice.uniform(0.8, 1.4), dice.uniform(0.8, 1.6)
    thigh = dice.uniform(0.88, 1.12)
    new = {name: point.copy() for name, point in points.items()}
    for side in SIDES:
        socket, ankle = points[f"{side}_hip"], points[f"{side}_ankle"]
        knee = points[f"{side}_knee"] + (0, 0, (1 - thigh) * 0.4)
        x = socket[0] * hips
        for name, point in (("hip", socket), ("knee", knee), ("ankle", ankle)):
            new[f"{side}_{name}"] = np.array([x, point[1], ankle[2] + leg * (point[2] - ankle[2])])
        for name in ("foot", "toe"):
            ahead = foot * (points[f"{side}_{name}"] - ankle)
            new[f"{side}_{name}"] = np.array([x + ahead[0], ankle[1] + ahead[1], points[f"{side}_{name}"][2]])
    lift = new["left_hip"][2] - points["left_hip"][2]
    base = points["pelvis"][2]
    middle = ("pelvis", "spine1", "spine2", "spine3", "neck", "head", "top")
    for name in middle:
        new[name] = points[name] * (1, 1, 0) + np.array([0, 0, base + lift + trunk * (points[name][2] - base)])
    for side in SIDES:
        shoulder = points[f"{side}_shoulder"] * (shoulders, 1, 1)
        height = base + lift + trunk * (shoulder[2] - base)
        new[f"{side}_collar"] = points[f"{side}_collar"] * (1, 1, 0) + (0, 0, height - 0.01)
        for name in ("shoulder", *ARM):
            offset = arm * (points[f"{side}_{name}"] - points[f"{side}_shoulder"])
            new[f"{side}_{name}"] = shoulder * (1, 1, 0) + (0, 0, height) + offset
    return new


def _turn(points: Points, pivot: str, names: tuple[str, ...], axis: tuple[float, ...], degrees: float) -> None:
    turn = np.array(Matrix.Rotation(np.radians(degrees), 3, Vector(axis)))
    for name in names:
        points[name] = points[pivot] + turn @ (points[name] - points[pivot])


def _posed(points: Points, dice: np.random.Generator) -> Points:
    """At rest with its arms out, lowered or down, elbows and knees a little bent; some in mid-stride."""
    arms = float(dice.choice([0.0, 35.0, 50.0, 75.0]))
    elbows, knees, apart = dice.uniform(0, 25), dice.uniform(0, 8), dice.uniform(0, 6)
    stride = 25.0 if dice.random() < 0.15 else 0.0
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _turn(points, f"{side}_shoulder", tuple(f"{side}_{name}" for name in ARM), (0, 1, 0), sign * arms)
        axis = Matrix.Rotation(np.radians(sign * arms), 3, "Y") @ Vector((0, 0, -sign))
        _turn(points, f"{side}_elbow", tuple(f"{side}_{name}" for name in ARM[1:]), tuple(axis), elbows)
        leg, below = tuple(f"{side}_{name}" for name in LEG), tuple(f"{side}_{name}" for name in LEG[1:])
        _turn(points, f"{side}_hip", leg, (0, 1, 0), -sign * apart)
        _turn(points, f"{side}_hip", leg, (1, 0, 0), -knees / 2 - sign * stride)
        _turn(points, f"{side}_knee", below, (1, 0, 0), knees + (stride if sign < 0 else 0.0))
        foot = tuple(f"{side}_{name}" for name in LEG[2:])
        if not stride:
            _turn(points, f"{side}_ankle", foot, (1, 0, 0), -knees / 2)
            _turn(points, f"{side}_ankle", foot, (0, 1, 0), sign * apart)
    return points


# ---- its bones


def _without_some(bones: dict[str, Bone], dice: np.random.Generator, keep_toes: bool) -> dict[str, Bone]:
    """Some have no collars, neck, toes, hands or a shorter spine; their skin stays on the bone above."""
    gone: list[str] = []
    for share, names in ((0.3, ("left_collar", "right_collar")), (0.2, ("neck",)), (0.3, ("spine2",)),
                         (0.2, ("left_wrist", "right_wrist"))):  # fmt: skip
        gone += names if dice.random() < share else ()
    if dice.random() < 0.35 and not keep_toes:
        for side in SIDES:
            heel, toes = bones[f"{side}_ankle"], bones[f"{side}_foot"]
            if heel.box is not None and toes.box is not None:
                corners = np.array([*heel.box, *toes.box])
                bones[f"{side}_ankle"] = replace(heel, end=toes.end, box=(corners.min(0), corners.max(0)))
            gone.append(f"{side}_foot")
    return without(bones, *gone)


def _wired(bones: dict[str, Bone], points: Points, dice: np.random.Generator) -> dict[str, Bone]:
    """A root on the ground, thighs or feet on it; twist bones, fingers, IK bones and a prop beside."""
    kind, has_root = dice.random(), dice.random() < 0.6
    if kind < 0.4 or has_root:
        ground, up = np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.3])
        root = Bone("Root", None, ground, up, deform=False)
        bones = {"root": root, **bones}
        bones["pelvis"] = replace(bones["pelvis"], parent="Root")
    hung = "hip" if kind < 0.2 else "ankle" if kind < 0.35 else ""
    for side in SIDES if hung else ():
        bones[f"{side}_{hung}"] = replace(bones[f"{side}_{hung}"], parent="Root")
    if "root" in bones and not hung and dice.random() < 0.4:
        for side in SIDES:
            for joint in ("ankle", "wrist"):
                at = points[f"{side}_{joint}"]
                bones[f"{side} ik {joint}"] = Bone(f"ik {side} {joint}", "Root", at, at - (0, 0.1, 0), deform=False)
    if dice.random() < 0.3:
        for side in SIDES:
            for joint, end in (("shoulder", "elbow"), ("hip", "knee")):
                middle = (points[f"{side}_{joint}"] + points[f"{side}_{end}"]) / 2
                bones[f"{side} twist {joint}"] = Bone(
                    f"twist {side} {joint}", f"{side}_{joint}", middle, points[f"{side}_{end}"]
                )
    if "left_wrist" in bones and dice.random() < 0.5:
        for side in SIDES:
            for name, start, end in (("index", "finger", "tip"), ("thumb", "thumb", "thumbtip")):
                bones[f"{side} {name}"] = Bone(
                    f"{name} {side}", f"{side}_wrist", points[f"{side}_{start}"], points[f"{side}_{end}"]
                )
    if dice.random() < 0.2:
        above = "right_wrist" if "right_wrist" in bones else "right_elbow"
        bones["prop"] = Bone("prop", above, points["right_hand"], points["right_hand"] - (0, 0.8, -0.1))
    return bones


def _with_tails(bones: Mapping[str, Bone], dice: np.random.Generator) -> dict[str, Bone]:
    """Tails where limbs end, or where an importer puts them: upwards and short, anywhere, or far below the feet."""
    kind, lengths = dice.random(), np.exp(dice.uniform(np.log(0.005), np.log(1.0), len(bones)))
    directions = dice.normal(size=(len(bones), 3))
    rolled = dice.random() < 0.5
    rolls = dice.uniform(-np.pi, np.pi, len(bones)) * rolled
    found = {}
    for place, (key, bone) in enumerate(bones.items()):
        head = np.asarray(bone.head, float)
        tail = np.asarray(bone.end, float)
        if kind < 0.2:
            tail = head + np.array([0.0, 0.0, 0.005])
        elif kind < 0.45:
            tail = head + lengths[place] * directions[place] / np.linalg.norm(directions[place])
        elif kind < 0.6 and key.endswith(("_ankle", "_foot")):
            tail = head - np.array([0.0, 0.0, 14.0])
        found[key] = replace(bone, tail=tail, roll=float(rolls[place]))
    return found


# ---- its names


def _named(pattern: str, words: tuple[str, str], parts: Mapping[str, str], bones: Mapping[str, Bone]) -> dict[str, str]:
    """Key -> name: sided joints by ``pattern``, middle ones by their part alone."""
    names = {}
    for key in bones:
        side, _, joint = key.partition("_")
        if side in SIDES and joint in parts:
            names[key] = pattern.format(s=words[SIDES.index(side)], part=parts[joint])
        elif key in parts:
            names[key] = pattern.format(s="", part=parts[key]).strip("._ ") if "{s}" in pattern else parts[key]
    return names


def _numbered(bones: Mapping[str, Bone]) -> dict[str, str]:
    return {key: f"Bone.{number:03d}" for number, key in enumerate(bones)}


STYLES: tuple[Callable[[Mapping[str, Bone]], dict[str, str]], ...] = (
    partial(_named, "{part}.{s}", ("L", "R"), PARTS),
    partial(_named, "{s}{part}", ("Left", "Right"), PARTS),
    partial(_named, "{s}_{part}", ("l", "r"), PARTS),
    partial(_named, "{s} {part}", ("left", "right"), {key: part.lower() for key, part in PARTS.items()}),
    partial(_named, "{part}_{s}", ("links", "rechts"), GERMAN),
    _numbered,
)
NUMBERED = len(STYLES) - 1


# ---- where it stands


def _placed(bones: Mapping[str, Bone], dice: np.random.Generator, seed: int) -> bpy.types.Object:
    """The armature in its size, turned and moved; some rest elsewhere and stand here by their pose."""
    size = float(np.exp(dice.uniform(np.log(0.2), np.log(8.0))))
    yaw = float(dice.uniform(-np.pi, np.pi)) if dice.random() < 0.6 else 0.0
    at = dice.uniform(-3, 3, 3) * (dice.random() < 0.5)
    standing = Matrix.Translation(Vector(at)) @ Matrix.Rotation(yaw, 4, "Z") @ Matrix.Scale(size, 4)
    resting = standing
    if dice.random() < 0.2:  # it rests under the floor, turned round
        resting = Matrix.Translation((0.3, -0.4, -3.0 * size)) @ standing @ Matrix.Rotation(np.pi, 4, "Z")
    unit = float(dice.choice([1.0, 0.01, 100.0]))
    place = Matrix.Scale(unit, 4)
    if dice.random() < 0.4:
        place = place @ Matrix.Rotation(np.pi / 2, 4, "X")
    armature = build(f"By chance {seed}", {key: _moved(bone, resting, size) for key, bone in bones.items()}, place)
    if resting is not standing:
        change = place.inverted() @ standing @ resting.inverted() @ place
        for bone in armature.pose.bones:
            if bone.parent is None:
                bone.matrix = change @ bone.bone.matrix_local
        bpy.context.view_layer.update()
    armature["ground"] = float(at[2])
    return armature


def _moved(bone: Bone, place: Matrix, size: float) -> Bone:
    """The bone where ``place`` brings it."""

    def put(point: np.ndarray) -> np.ndarray:
        return np.array(place @ Vector(point))

    corners = None if bone.box is None else tuple(np.asarray(corner, float) for corner in bone.box)
    return replace(
        bone, head=put(bone.head), end=put(bone.end), tail=None if bone.tail is None else put(bone.tail),
        girth=bone.girth * size, box=corners,
        box_place=place @ (bone.box_place or Matrix()),
    )  # fmt: skip
