# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type"
"""What belongs to one character: its bones, how it stands, what of it is keyed. Kept with the armature's object."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, PointerProperty, StringProperty

LIMB_ITEMS = [
    (
        "BOTH",
        "FK, IK Matched",
        "FK is active; the IK controls are keyed to the same pose, so you can switch at any frame",
    ),
    ("FK", "FK Only", "Only the FK controls are keyed, and the switches are set to FK"),
    ("IK", "IK, FK Matched", "IK is active; the FK controls are keyed to the same pose"),
]


CARRIER_ITEMS = [
    ("HIPS", "Hips", "The hips carry the whole motion; the root bone and the object stay in place"),
    ("BONE", "Root Bone", "A bone on the ground follows below the hips; the hips keep the rest of the motion"),
    ("OBJECT", "Object", "The armature object follows below the hips; the hips keep the rest of the motion"),
]


STANDING_ITEMS = [
    ("AUTO", "Automatic", "The rest pose, placed where the character is seen; the current pose where it rests in none"),
    ("REST", "Rest Pose", "The character stands as and where its bones rest"),
    ("POSE", "As Set", "The character stands as it did when you clicked Set from Current Pose"),
]


class GaitwayBone(bpy.types.PropertyGroup):
    """One joint, by its ``name``, and its bone on this armature."""

    bone: StringProperty(name="Bone", description="Bone whose head is at this joint; empty for none")


class GaitwayRig(bpy.types.PropertyGroup):
    """How Gaitway reads and keys one armature."""

    bones: CollectionProperty(type=GaitwayBone)
    standing: EnumProperty(
        items=STANDING_ITEMS,
        name="Stands",
        default="AUTO",
        description="The pose in which the character stands upright: its ground, its place and its heading",
    )
    standing_pose: StringProperty(name="Standing Pose", options={"HIDDEN"})
    is_standing_known: BoolProperty(options={"HIDDEN"})
    limbs: EnumProperty(
        items=LIMB_ITEMS,
        name="Limbs",
        default="BOTH",
        description="Which arm and leg controls are keyed, on rigs with both FK and IK",
    )
    carrier: EnumProperty(
        items=CARRIER_ITEMS,
        name="Root Motion",
        default="HIPS",
        description="What moves the character through the scene",
    )
    root_bone: StringProperty(name="Root Bone", description="Bone that moves the character; empty to find it by name")
    in_place: BoolProperty(name="In Place", default=False, description="Remove root travel (walk in place)")


CLASSES = (GaitwayBone, GaitwayRig)


def add_to_objects() -> None:
    """Give every object the settings; only those of armatures are used."""
    bpy.types.Object.gaitway_rig = PointerProperty(type=GaitwayRig, override={"LIBRARY_OVERRIDABLE"})


def remove_from_objects() -> None:
    """Undo :func:`add_to_objects`; what files hold stays in them."""
    del bpy.types.Object.gaitway_rig
