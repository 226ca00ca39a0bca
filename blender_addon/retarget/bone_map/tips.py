# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints that no bone begins at: the ankle of a leg whose foot is part of its shin, the wrist of an arm without a hand,
the elbow of an arm of one bone.

The body is given a bone there that Blender does not have, fixed to the limb: so the limb has the length that it shows,
and a control can ask for its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...shared.skeleton import SKELETON
from ..rig import BoneRest
from .mapping import SIDES, BoneMap
from .tree import BoneTree

LIMB_ENDS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
MIN_LOWER_RATIO, MAX_LOWER_RATIO = 0.4, 1.8  # of the upper part, between which what a tail says of the lower is likely
STRAIGHT_RAD = np.radians(75.0)  # a tail that leads farther off the limb is an importer's
FOOT_RATIO, ANKLE_RATIO = 0.3, 0.2  # of the lower leg, which ends in a sole: its foot, and how high its ankle is
HAND_RATIO = 0.3  # of the forearm


def with_tips(bones: list[BoneRest], bone_map: BoneMap) -> tuple[list[BoneRest], BoneMap]:
    """``bones`` and their map with a bone for every end of a limb that has none; the same where all have one."""
    made: dict[str, BoneRest] = {}
    if all(f"{side}_{end}" in bone_map for side in SIDES for _, _, end in LIMB_ENDS):
        return bones, bone_map
    tree = BoneTree(bones)
    for side in SIDES:
        for upper, middle, end in LIMB_ENDS:
            for joint, tip in _missing(tree, bone_map, *(f"{side}_{part}" for part in (upper, middle, end))):
                made[joint] = tip
    if not made:
        return bones, bone_map
    named = {joint: bone.name for joint, bone in made.items()}
    joints = {joint: (bone_map.bones | named)[joint] for joint in SKELETON.names if joint in bone_map.bones | named}
    return [*bones, *made.values()], replace(bone_map, bones=joints)


def _missing(tree: BoneTree, bone_map: BoneMap, upper: str, middle: str, end: str) -> Iterator[tuple[str, BoneRest]]:
    if upper not in bone_map or end in bone_map:
        return
    if middle not in bone_map:
        bone = bone_map[upper]
        tip = _end(tree, bone, None)
        half = (tree.heads[bone] + tip) / 2
        yield middle, _tip(tree, bone, middle, half, tip)
        yield end, _tip(tree, bone, end, tip, tip + (tip - half) / 2)
        return
    bone = bone_map[middle]
    place = _end(tree, bone, bone_map[upper])
    along = place - tree.heads[bone]
    if end.endswith("ankle"):
        toe = place + FOOT_RATIO * np.linalg.norm(along) * _forward(tree, bone_map)
        yield end, _tip(tree, bone, end, place - ANKLE_RATIO * along, toe)
    else:
        yield end, _tip(tree, bone, end, place, place + HAND_RATIO * along)


def _end(tree: BoneTree, bone: str, upper: str | None) -> np.ndarray:
    """Where the limb whose last bone is ``bone`` ends (3,): where its fingers begin, at its tail, or else as far on as
    its ``upper`` bone is long."""
    head, tail = tree.heads[bone], tree.tails[bone]
    along = tail - head if upper is None else head - tree.heads[upper]
    length = float(np.linalg.norm(along))

    def is_likely(point: np.ndarray) -> bool:
        off = float(np.linalg.norm(point - head))
        if upper is None:
            return off > 0
        turned = (point - head) @ along / max(off * length, 1e-12)
        return MIN_LOWER_RATIO * length < off < MAX_LOWER_RATIO * length and turned > np.cos(STRAIGHT_RAD)

    below = [tree.heads[child] for child in tree.children[bone] if not tree.words[child].aside]
    likely = [point for point in below if is_likely(point)]
    if likely:
        return np.asarray(np.mean(likely, axis=0))
    return tail if is_likely(tail) else head + along


def _forward(tree: BoneTree, bone_map: BoneMap) -> np.ndarray:
    """Direction (3,) that the figure faces, from where its hips and shoulders are."""
    left_hip, right_hip, left_shoulder, right_shoulder = (
        tree.heads[bone_map[joint]] for joint in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    )
    left = left_hip + left_shoulder - right_hip - right_shoulder
    forward = np.cross(left, left_shoulder + right_shoulder - left_hip - right_hip)
    return np.asarray(forward / max(float(np.linalg.norm(forward)), 1e-12))


def _tip(tree: BoneTree, bone: str, joint: str, place: np.ndarray, tail: np.ndarray) -> BoneRest:
    """A bone at ``place`` (3,) that hangs on ``bone`` and points as it does."""
    matrix = np.array(tree.bones[bone].matrix, dtype=np.float64)
    matrix[:3, 3] = place
    name = f"{bone} ({joint.replace('_', ' ')})"
    while name in tree.bones:
        name += "+"
    return BoneRest(name, bone, tuple(place), tuple(tail), matrix, is_tip=True)
