# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones that hang elsewhere than the body's joints do: thighs on a root beside the hips or on the spine, feet that are
IK targets on the root, a head beside its neck.

Where such a bone is taken by its own parent is not where the body takes its joint. It is posed as if it hung on the
bone of the joint above, and keyed by its location, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...shared.errors import RetargetError
from ...shared.skeleton import joint_label
from ..rig import BoneRest, ancestors
from .mapping import TRUNK_JOINTS, BoneMap, body_parents

ARM_ROOTS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("collar", "shoulder"))
LEG_ROOTS = ("left_hip", "right_hip")


def rehung_bones(bones: Sequence[BoneRest], bone_map: BoneMap) -> dict[str, str | None]:
    """Bone -> the bone that it is posed under instead of its own parent, None for none at all.

    Bones that are connected to one that the body moves stay there, for Blender cannot move them; see
    :func:`check_wiring` for the others.
    """
    by_name = {bone.name: bone for bone in bones}
    wanted = body_parents(bone_map)
    joint_of = {bone: joint for joint, bone in bone_map.bones.items()}
    found: dict[str, str | None] = {}
    for bone, parent in wanted.items():
        if by_name[bone].is_tip:
            continue  # fixed to what it is a point of
        carrier = _carrier(by_name, wanted, bone)
        if carrier == parent or _may_hang(joint_of, bone, carrier, bone_map):
            continue
        if by_name[bone].connected and _is_carried(joint_of, bone, carrier, bone_map):
            continue
        found[bone] = parent if parent is not None else _above_all(by_name, wanted, bone)
    return found


def check_wiring(bones: Sequence[BoneRest], bone_map: BoneMap) -> None:
    """Raise RetargetError for a bone that would have to leave its parent and cannot, because it is connected to it."""
    by_name = {bone.name: bone for bone in bones}
    for bone in rehung_bones(bones, bone_map):
        if by_name[bone].connected:
            joint = next((joint for joint, name in bone_map.bones.items() if name == bone), "spine")
            raise RetargetError(
                f"The bone '{bone}' ({joint_label(joint)}) is connected to '{by_name[bone].parent}', which does not "
                "carry it in a body, so it cannot follow the motion.",
                f"In Edit Mode select '{bone}' and clear Connected (Bone properties, Relations), "
                "or choose another bone under Bones.",
            )


def _carrier(by_name: dict[str, BoneRest], posed: dict[str, str | None], bone: str) -> str | None:
    """The nearest bone above that the motion rotates."""
    return next((above for above in ancestors(by_name, bone) if above in posed), None)


def _may_hang(joint_of: dict[str, str], bone: str, carrier: str | None, bone_map: BoneMap) -> bool:
    """Whether ``bone`` goes well enough with ``carrier``: rigs branch in their own ways along the spine."""
    if carrier is None:
        return False
    joint, place = joint_of.get(bone), _height(joint_of, carrier, bone_map)
    if place is None or place <= 0.0:
        return False
    if joint in ARM_ROOTS:
        return place <= TRUNK_JOINTS.index("spine3")
    own = _height(joint_of, bone, bone_map)
    return own is not None and place < own


def _height(joint_of: dict[str, str], bone: str, bone_map: BoneMap) -> float | None:
    """How far up the trunk a bone is, 0 for the pelvis and 5 for the head; None for a bone of a limb."""
    if joint_of.get(bone) in TRUNK_JOINTS:
        return float(TRUNK_JOINTS.index(joint_of[bone]))
    if bone in bone_map.between:
        below, above, share = bone_map.between[bone]
        return TRUNK_JOINTS.index(below) + share * (TRUNK_JOINTS.index(above) - TRUNK_JOINTS.index(below))
    return None


def _is_carried(joint_of: dict[str, str], bone: str, carrier: str | None, bone_map: BoneMap) -> bool:
    """Whether the connected ``bone`` is taken along by the trunk, nearly as a body would take it."""
    if carrier is None or joint_of.get(bone) == "pelvis":
        return False
    if _height(joint_of, carrier, bone_map) is None:
        return False
    return joint_of.get(bone) in (*LEG_ROOTS, *ARM_ROOTS) or _height(joint_of, bone, bone_map) is not None


def _above_all(by_name: dict[str, BoneRest], posed: dict[str, str | None], bone: str) -> str | None:
    """The nearest bone above ``bone`` that no bone of the body carries."""
    line = ancestors(by_name, bone)
    last = max((index for index, above in enumerate(line) if above in posed), default=-1)
    return line[last + 1] if last + 1 < len(line) else None
