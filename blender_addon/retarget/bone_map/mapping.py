# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint, as plain data, and how these bones would hang if they hung as the body does."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...shared.skeleton import SKELETON

REQUIRED_JOINTS = ("pelvis", "left_hip", "right_hip", "left_knee", "right_knee", "left_shoulder", "right_shoulder")
"""Without them there is no human to move; where other limbs' ends have no bone, see :mod:`.tips`."""
LIMB_JOINTS = (*REQUIRED_JOINTS, "left_ankle", "right_ankle", "left_elbow", "right_elbow")
SIDES = ("left", "right")
TRUNK_JOINTS = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")


@dataclass(frozen=True)
class IkControls:
    """The IK controls of one limb by bone name; ``pole`` and ``toe`` are empty where there are none.

    ``switch``: (bone, custom property, value in FK, value in IK). ``pole_properties``: (bone, custom property, value)
    that make IK follow the pole.
    """

    end: str
    pole: str
    toe: str
    switch: tuple[str, str, float, float]
    pole_properties: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True)
class BoneMap:
    """Joint name -> bone name, and what else moves with the trunk.

    The head of the bone is the joint. ``between``: bones of the spine beyond the model's three, each with the two
    joints between whose rotations it stands and the share of the second. ``score``: 0..1, the part of the family's
    names that was found. ``limbs``: IK controls beside the bones, by the joint at the end of the limb, left_ankle.
    ``twists``: see :data:`.twist.TwistShares`. ``hang_on_constraints``: the bones are controls, wherever they hang.
    """

    bones: dict[str, str]
    family: str
    score: float
    between: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    limbs: dict[str, IkControls] = field(default_factory=dict)
    twists: dict[str, tuple[str, float]] = field(default_factory=dict)
    hang_on_constraints: bool = False

    @property
    def posed_bones(self) -> set[str]:
        """All bones that the motion rotates."""
        return {*self.bones.values(), *self.between, *self.twists}

    def __contains__(self, joint: str) -> bool:
        return joint in self.bones

    def __getitem__(self, joint: str) -> str:
        return self.bones[joint]


def body_parents(bone_map: BoneMap) -> dict[str, str | None]:
    """Bone -> the bone that carries it in a body, parents first: that of the next mapped joint above, or of the next
    piece of the spine.

    As the body's joints do: bones above a control tell little, because controls often hang on copies of each other.
    """
    heights = {bone_map[joint]: float(height) for height, joint in enumerate(TRUNK_JOINTS) if joint in bone_map}
    for bone, (below, above, share) in bone_map.between.items():
        heights[bone] = TRUNK_JOINTS.index(below) + share * (TRUNK_JOINTS.index(above) - TRUNK_JOINTS.index(below))
    trunk = sorted(heights, key=heights.__getitem__)
    parents: dict[str, str | None] = dict(zip(trunk, [None, *trunk], strict=False))
    for joint in SKELETON.names:
        if joint in bone_map and joint not in TRUNK_JOINTS:
            above = SKELETON.names[SKELETON.parents[SKELETON.index(joint)]]
            while above not in bone_map:
                above = SKELETON.names[SKELETON.parents[SKELETON.index(above)]]
            parents[bone_map[joint]] = bone_map[above]
    return parents
