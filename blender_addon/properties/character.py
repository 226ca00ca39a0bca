# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What belongs to one character: its bones, its T-pose, what of it is keyed. Kept with the armature's object."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, PointerProperty, StringProperty

LIMB_ITEMS = [
    ("BOTH", "FK, with IK alike", "FK plays; the IK controls are keyed to the same pose, to switch over at any frame"),
    ("FK", "FK only", "Only the FK controls are keyed, and the switches set to FK"),
    ("IK", "IK, with FK alike", "IK plays, the FK controls are keyed to the same pose"),
]


CARRIER_ITEMS = [
    ("HIPS", "Hips", "The hips carry the whole motion; root and object stay where they are"),
    ("BONE", "Root bone", "A bone on the ground goes along below the hips, which keep what is left of the motion"),
    ("OBJECT", "Object", "The armature's object goes along below the hips, which keep what is left of the motion"),
]


class GaitwayBone(bpy.types.PropertyGroup):
    """One joint, by its ``name``, and the bone that it is on this armature."""

    bone: StringProperty(name="Bone", description="Bone whose head is this joint; empty for none")


class GaitwayRig(bpy.types.PropertyGroup):
    """How Gaitway sees one armature."""

    bones: CollectionProperty(type=GaitwayBone)
    t_pose: StringProperty(
        name="T-Pose", description="The pose in which this armature stands as the model does in its T-pose"
    )
    limbs: EnumProperty(
        items=LIMB_ITEMS,
        name="Limbs",
        default="BOTH",
        description="Which controls of arms and legs are keyed, on rigs that have both kinds",
    )
    carrier: EnumProperty(
        items=CARRIER_ITEMS, name="Root Motion", default="HIPS", description="What carries the character along its way"
    )
    root_bone: StringProperty(name="Root Bone", description="Bone that carries the body; empty to find it by name")
    in_place: BoolProperty(
        name="In Place", default=False, description="Leave the way out: the character walks where it starts"
    )


CLASSES = (GaitwayBone, GaitwayRig)


def add() -> None:
    """Give every object the settings; only armatures' are used."""
    bpy.types.Object.gaitway_rig = PointerProperty(type=GaitwayRig, override={"LIBRARY_OVERRIDABLE"})


def remove() -> None:
    """Undo :func:`add`; what files hold stays in them."""
    del bpy.types.Object.gaitway_rig
