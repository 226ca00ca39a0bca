# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at takes, keep them, throw them away, make them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..app.generation import GENERATION
from ..shared.errors import GaitwayError
from ..takes import history as takes

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake


class _OnTake:
    """An operator on the take of the list at ``index``, on the active one when that is -1."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if GENERATION.busy:
            cls.poll_message_set("A motion is being made")
            return False
        if takes.active(context.scene) is None:
            cls.poll_message_set("There is no take yet: generate a motion")
            return False
        return True

    def take(self, context: bpy.types.Context) -> GaitwayTake | None:
        """The take that is meant, None when there is none at the index."""
        items = context.scene.gaitway.takes.items
        index = context.scene.gaitway.takes.active if self.index < 0 else self.index
        return items[index] if index < len(items) else None

    def execute(self, context: bpy.types.Context) -> set[str]:
        take = self.take(context)
        if take is None:
            self.report({"WARNING"}, "There is no such take")
            return {"CANCELLED"}
        try:
            self.run(context, take)
        except GaitwayError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class GAITWAY_OT_take_show(_OnTake, bpy.types.Operator):
    """Let the character play this take"""

    bl_idname = "gaitway.take_show"
    bl_label = "Show Take"

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        takes.show(context.scene, take)


class GAITWAY_OT_take_accept(_OnTake, bpy.types.Operator):
    """Keep the take that is shown for good"""

    bl_idname = "gaitway.take_accept"
    bl_label = "Accept Take"

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    to_nla: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Push Down to NLA",
        default=False,
        options={"SKIP_SAVE"},
        description="Make the take a strip of the character's NLA tracks, so that the next one comes on top",
    )

    into_action: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Into the Action",
        default=False,
        options={"SKIP_SAVE"},
        description="Put the keys into the Action that the character played before; only those of the bones in motion, "
        "at the frames of the take, are replaced",
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """Its buttons lie side by side and must tell themselves apart."""
        if properties.to_nla:
            return "Keep the take as a strip of the character's NLA tracks, so that the next one comes on top"
        if properties.into_action:
            return (
                "Keep the take by putting its keys into the Action that the character had before; only keys of the "
                "bones in motion, at the frames of the take, are replaced"
            )
        return "Keep the take as the Action that the character plays"

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        if self.into_action:
            takes.accept_into_action(take)
        else:
            takes.accept(context.scene, take, self.to_nla)


class GAITWAY_OT_take_discard(_OnTake, bpy.types.Operator):
    """Throw this take and the other variations of the same press away; the character has what it had before, to the
    key
    """

    bl_idname = "gaitway.take_discard"
    bl_label = "Discard Take"

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        takes.discard(context.scene, take)
        GENERATION.forget()


class GAITWAY_OT_take_remove(_OnTake, bpy.types.Operator):
    """Delete this one take and its Action"""

    bl_idname = "gaitway.take_remove"
    bl_label = "Remove Take"

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        takes.remove(context.scene, [take])


class GAITWAY_OT_take_restore(_OnTake, bpy.types.Operator):
    """Set prompt, seed, controls and options to those this take was made with"""

    bl_idname = "gaitway.take_restore"
    bl_label = "Restore Settings"

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        missing = takes.restore_settings(context.scene, take)
        if missing:
            self.report({"WARNING"}, f"No longer in the file: {', '.join(missing)}")


class GAITWAY_OT_take_repeat(_OnTake, bpy.types.Operator):
    """Make this take again exactly as it was made, whatever is set now"""

    bl_idname = "gaitway.take_repeat"
    bl_label = "Repeat Take"
    bl_options = {"REGISTER"}  # the keys come later, with an undo step of their own

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        GENERATION.repeat(context, take)


class GAITWAY_OT_take_regenerate(_OnTake, bpy.types.Operator):
    """Make the frames of the range anew and keep all others, as a take of its own; change the prompt or the seed for
    another motion
    """

    bl_idname = "gaitway.take_regenerate"
    bl_label = "Regenerate Range"
    bl_options = {"REGISTER"}  # the keys come later, with an undo step of their own

    index: bpy.props.IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        takes.show(context.scene, take)
        history = context.scene.gaitway.takes
        GENERATION.regenerate(context, take, history.range_start, history.range_end)


CLASSES = (
    GAITWAY_OT_take_show,
    GAITWAY_OT_take_accept,
    GAITWAY_OT_take_discard,
    GAITWAY_OT_take_remove,
    GAITWAY_OT_take_restore,
    GAITWAY_OT_take_repeat,
    GAITWAY_OT_take_regenerate,
)
