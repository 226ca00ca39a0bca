# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a bone map can be played at all: what would tear the mesh or walk backward is refused with the bone's name
and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from ...shared.errors import RetargetError
from ...shared.limbs import LIMBS
from ...shared.skeleton import SKELETON, joint_label
from ..rig import BoneRest
from .mapping import SIDES, TRUNK_JOINTS, BoneMap
from .tree import BoneTree
from .wiring import check_wiring

CHOOSE = "Choose another bone for it under Bones."
SWAP = "Choose the bones on the character's own left for left, as seen from behind, or press Detect under Bones."
MIN_PART_RATIO = 1e-4  # of the armature's extent: shorter parts of a limb have no direction
TOES_SHOWN_RATIO = 0.02  # of the leg's length by which toes must lie before the ankles to tell the front


def check_map(bones: Sequence[BoneRest], bone_map: BoneMap, tree: BoneTree | None = None) -> None:
    """Raise RetargetError for a map that no body can have: a thigh on an arm, left and right swapped, parts of a limb
    without length, a bone that would have to move and cannot."""
    tree = tree or BoneTree(bones)
    _check_carriers(tree, bone_map)
    _check_lengths(tree, bone_map)
    _check_sides(tree, bone_map)
    check_wiring(bones, bone_map)


def _check_carriers(tree: BoneTree, bone_map: BoneMap) -> None:
    """No bone hangs on one of another limb, nor on one that is farther out in its own."""
    joint_of = {bone: joint for joint, bone in bone_map.bones.items()}
    for joint, bone in bone_map.bones.items():
        carrier = next((joint_of[above] for above in tree.path_up(bone)[1:] if above in joint_of), None)
        if carrier is not None and carrier not in TRUNK_JOINTS and carrier not in _joints_above(joint):
            raise RetargetError(
                f"The bone '{bone}' cannot be the {joint_label(joint)}: it hangs on '{bone_map[carrier]}', "
                f"the {joint_label(carrier)}.",
                CHOOSE,
            )


def _joints_above(joint: str) -> Iterator[str]:
    index = SKELETON.parents[SKELETON.index(joint)]
    while index >= 0:
        yield SKELETON.names[index]
        index = SKELETON.parents[index]


def _check_lengths(tree: BoneTree, bone_map: BoneMap) -> None:
    for limb in LIMBS:
        parts = [bone_map[joint] for joint in (limb.upper, limb.middle, limb.end) if joint in bone_map]
        for one, other in pairwise(parts):
            if tree.step(one, other) < MIN_PART_RATIO * tree.extent:
                raise RetargetError(
                    f"The bones '{one}' and '{other}' begin at the same point, so they are not two parts of a limb.",
                    "Choose another bone for one of them under Bones.",
                )


def _check_sides(tree: BoneTree, bone_map: BoneMap) -> None:
    hips, shoulders = (
        tree.heads[bone_map[f"left_{part}"]] - tree.heads[bone_map[f"right_{part}"]] for part in ("hip", "shoulder")
    )
    if hips @ shoulders < 0:
        raise RetargetError(
            f"Left and right are swapped in the arms or the legs: '{bone_map['left_hip']}' is on the same side as "
            f"'{bone_map['right_shoulder']}'.",
            SWAP,
        )
    wrong = [
        joint
        for joint, bone in bone_map.bones.items()
        if (side := tree.words[bone].side) and joint.startswith(("left_", "right_")) and not joint.startswith(side)
    ]
    sided = [joint for joint in bone_map.bones if joint not in TRUNK_JOINTS and tree.words[bone_map[joint]].side]
    if wrong and 2 * len(wrong) > len(sided) and not _toes_agree(tree, bone_map, hips):
        joint = wrong[0]
        raise RetargetError(
            f"Left and right are swapped: '{bone_map[joint]}' is chosen for the {joint_label(joint)}.", SWAP
        )


def _toes_agree(tree: BoneTree, bone_map: BoneMap, left: np.ndarray) -> bool:
    """Whether the toes lie before the ankles of a figure whose left is at ``left`` (3,)."""
    if any(f"{side}_{part}" not in bone_map for side in SIDES for part in ("ankle", "foot")):
        return False
    feet = sum(tree.heads[bone_map[f"{side}_foot"]] - tree.heads[bone_map[f"{side}_ankle"]] for side in SIDES)
    up = sum(tree.heads[bone_map[f"{side}_shoulder"]] - tree.heads[bone_map[f"{side}_hip"]] for side in SIDES)
    front = np.cross(left, up)
    front = front / max(float(np.linalg.norm(front)), 1e-12)
    leg = tree.step(bone_map["left_hip"], bone_map["left_ankle"])
    return bool(feet @ front > TOES_SHOWN_RATIO * leg)
