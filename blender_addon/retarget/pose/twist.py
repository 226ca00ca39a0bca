# SPDX-License-Identifier: GPL-3.0-or-later
"""Twist bones: skin at a shoulder or hip must not turn as far about the limb as the skin at elbow or knee does.

Rigs share the twist of an upper arm or thigh out in two ways. *In line*, the limb is a chain of pieces: the first
turns with the shoulder, the last with the elbow. *Beside it*, bones called twist or roll hang on the upper bone and
are turned back, the more the nearer they are to its root. Forearms and shins have no twist of their own here, because
nothing is known of how hands turn.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ...shared import quat
from ...shared.limbs import LIMBS, Limb, signed_angle
from ...shared.skeleton import SKELETON
from ...shared.space import model_to_blender
from ..bone_map.detect import canonical
from ..bone_map.mapping import BoneMap
from ..rig import Rig

TWIST_WORDS = ("twist", "roll")
# Of the limb's length: how far off its line a piece of it, and a bone beside it, may begin.
IN_LINE_MAX_RATIO, BESIDE_MAX_RATIO = 0.02, 0.15
MAX_SHARE = 0.95  # of the way down the limb: what begins farther down belongs to the next joint

TwistShares = dict[str, tuple[str, float]]
"""Bone -> the joint whose segment it turns with, and its share of that segment's twist."""


def twist_shares(rig: Rig, bone_map: BoneMap, constrained: Collection[str] = ()) -> TwistShares:
    """The twist bones of ``rig``; those in ``constrained`` are left to their constraints and drivers."""
    found: TwistShares = {}
    for limb in LIMBS:
        found |= _in_line(rig, bone_map, limb) or _beside(rig, bone_map, limb)
    return {bone: share for bone, share in found.items() if bone not in constrained}


def _in_line(rig: Rig, bone_map: BoneMap, limb: Limb) -> TwistShares:
    upper, lower = bone_map[limb.upper], bone_map[limb.middle]
    line = rig.ancestors(lower)
    pieces = line[: line.index(upper) + 1][::-1] if upper in line else []
    pieces = [piece for piece in pieces if _share_along(rig, upper, lower, piece, IN_LINE_MAX_RATIO) < MAX_SHARE]
    last = len(pieces) - 1
    return {piece: (limb.upper, number / last) for number, piece in enumerate(pieces)} if last > 0 else {}


def _beside(rig: Rig, bone_map: BoneMap, limb: Limb) -> TwistShares:
    upper, lower = bone_map[limb.upper], bone_map[limb.middle]
    taken = set(bone_map.bones.values())
    children = [bone.name for bone in rig.bones if bone.parent == upper and bone.name not in taken]
    named = [name for name in children if any(word in canonical(name) for word in TWIST_WORDS)]
    along = {name: _share_along(rig, upper, lower, name, BESIDE_MAX_RATIO) for name in named}
    return {name: (limb.upper, float(max(share, 0.0))) for name, share in along.items() if share < MAX_SHARE}


def _share_along(rig: Rig, upper: str, lower: str, bone: str, off_line: float) -> float:
    """Where between the heads of ``upper`` and ``lower`` that of ``bone`` lies, 0..1; infinite for one off the line."""
    start, end, point = (np.asarray(rig.by_name[name].head, dtype=np.float64) for name in (upper, lower, bone))
    along = end - start
    share = float((point - start) @ along / (along @ along))
    off = np.linalg.norm(point - start - share * along) / np.linalg.norm(along)
    return share if off < off_line and share > -off_line else np.inf


def untwisted(rotations: np.ndarray, joint: str, bone_map: BoneMap, share: float) -> np.ndarray:
    """Segment ``joint``'s rotation (T, 4) with ``share`` of its twist; ``rotations`` (T, 22, 4) are the segments',
    Blender axes.

    The twist is what goes beyond the shortest arc from where the parent segment leaves the limb.
    """
    index = SKELETON.index(joint)
    limb = next(limb for limb in LIMBS if limb.upper == joint)
    parent = SKELETON.parents[index]
    while SKELETON.names[parent] not in bone_map:
        parent = SKELETON.parents[parent]
    offset = model_to_blender(SKELETON.offsets[SKELETON.children[index][0]].astype(np.float64))
    hinge = model_to_blender(np.array(limb.hinge))
    direction = quat.normalize(quat.rotate(rotations[:, index], offset))
    swing = quat.multiply(quat.between(quat.rotate(rotations[:, parent], offset), direction), rotations[:, parent])
    angles = signed_angle(direction, quat.rotate(swing, hinge), quat.rotate(rotations[:, index], hinge))
    angles = np.unwrap(angles)
    angles -= 2 * np.pi * np.round((np.median(angles) - limb.usual_twist) / (2 * np.pi))
    return quat.multiply(quat.from_axis_angle(direction, share * angles), swing)
