# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk along a curve that is there, or other lines, at the speed the prompt implies."""

from __future__ import annotations

import bpy

from ... import offscreen
from ...capture import pace, prompts, stroke
from ...capture.curves import chosen_line
from ...capture.line_facts import check_walkable, length_text, num_lines
from ...capture.standing import standing_ends
from ...capture.timing import scene_fps
from ...character import CharacterBody, read_body
from ...properties.control import add_control
from ...shared import gaits
from ...shared.errors import BadControl, GaitwayError
from ...shared.skeleton import MAX_SECONDS, SKELETON
from ..sidebar import ReportingOperator

OTHER_SHAPES = {
    "FONT": "a text: convert it to a curve (Object > Convert > Curve)",
    "SURFACE": "a surface: a path is a curve",
    "MESH": "a mesh with faces: copy its edges into an object of their own (P in Edit Mode), or draw a curve",
    "META": "a metaball: a path is a curve",
}
"""Why nobody can walk along such an object."""
END_S = 5.0
"""Of the longest motion, left for coming to a stand."""


class GAITWAY_OT_walk_along(ReportingOperator, bpy.types.Operator):
    """Walk along the selected curve, stroke or edges from the start frame on, at the speed the prompt implies"""

    bl_idname = "gaitway.walk_along"
    bl_label = "Walk Along Curve"
    bl_options = {"REGISTER", "UNDO"}

    speed: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Speed",
        default=0.0,
        min=0.0,
        soft_max=5.0,
        unit="VELOCITY",
        options={"SKIP_SAVE"},
        description="Speed along the curve; 0 uses the usual speed for the prompt",
    )

    @classmethod
    def blocked(cls, context: bpy.types.Context) -> str | None:
        return None if chosen_path(context) is not None else why_no_path(context)

    def run(self, context: bpy.types.Context) -> str:
        scene = context.scene
        return walk_summary(scene, walk_along(scene, chosen_path(context), self.speed))


def _selected(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The selected objects, the active one first."""
    found = [context.active_object, *(context.selected_objects or ())]
    return [candidate for candidate in found if candidate is not None]


def chosen_path(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active object if somebody can walk along it, else the first selected one of which that is so."""
    return next((candidate for candidate in _selected(context) if offscreen.has_lines(candidate)), None)


def why_no_path(context: bpy.types.Context) -> str:
    """What to select instead of what is selected."""
    for candidate in _selected(context):
        if candidate.type in OTHER_SHAPES:
            return f"'{candidate.name}' is {OTHER_SHAPES[candidate.type]}"
    return "Select a curve, a grease pencil stroke or a mesh of edges to walk along"


def walk_along(scene: bpy.types.Scene, path: bpy.types.Object, speed: float = 0.0) -> bpy.types.PropertyGroup:
    """Make ``path`` the hips' path from the motion's start on, at ``speed`` scene units a second (0: as the prompt
    implies), and select its control. A path that is in the list already gets new times; other paths of the hips are
    switched off.

    Raises BadControl when the path has no length, is too short for a step, or takes longer than a motion may.
    """
    settings = scene.gaitway
    control = next((control for control in settings.controls if control.target == path and not control.bone), None)
    lines = offscreen.path_lines(path, settings.start_frame)
    line = chosen_line(f"'{path.name}'", lines, control.spline if control is not None else 0)
    length = stroke.length(line)
    if not length > 0:
        raise BadControl(
            f"'{path.name}' has fewer than two different points.", "Draw at least two points at different positions."
        )
    body = body_of(scene)
    check_walkable(path.name, length, body.scale if body is not None else 1.0, scene)
    speed = speed or scene_speed(scene) * pace.speed_on(line)
    _check_duration(path.name, length, speed, scene)
    if control is None:
        control = add_control(settings)
        control.target = path
    control.along_lines = True
    control.joint, control.enabled, control.pace = SKELETON.names[0], True, "EVEN"
    control.frame_start = settings.start_frame
    settings.length_mode = "CONTROLS"
    for number, other in enumerate(settings.controls):
        if other == control:
            settings.active_control = number
        elif other.joint == control.joint:
            other.enabled = False
    # What is slower at the ends takes longer: between them the speed is what it should be.
    unit = scene.unit_settings.scale_length
    seconds = pace.standing_duration(length * unit, speed * unit, standing_ends(control, scene))
    control.frame_end = settings.start_frame + max(1, round(seconds * scene_fps(scene)))
    return control


def _check_duration(name: str, length: float, speed: float, scene: bpy.types.Scene) -> None:
    if length / speed > MAX_SECONDS - END_S:
        raise BadControl(
            f"'{name}' is {length_text(scene, length)} long: at {length_text(scene, speed, 'VELOCITY')} it takes "
            f"{length / speed / 60:.0f} minutes, and a motion can last {MAX_SECONDS / 60:.0f}.",
            "Shorten it, write a faster prompt such as 'a person runs', or set a Speed.",
        )


def scene_speed(scene: bpy.types.Scene) -> float:
    """Scene units a second implied by the prompt, for the character's size: larger bodies take larger steps."""
    body = body_of(scene)
    size = body.scale if body is not None else 1.0
    return gaits.usual_speed(prompts.texts(scene.gaitway)) * size / scene.unit_settings.scale_length


def walk_summary(scene: bpy.types.Scene, control: bpy.types.PropertyGroup) -> str:
    """From when to when a path is walked, for the status line."""
    seconds = (control.frame_end - control.frame_start) / scene_fps(scene)
    many = num_lines(control.target) if control.spline == 0 else 1
    lines = f"{many} splines in order, " if many > 1 else ""
    return f"'{control.target.name}': {lines}frames {control.frame_start} to {control.frame_end}, {seconds:.1f} s"


def body_of(scene: bpy.types.Scene) -> CharacterBody | None:
    """The chosen character's body; None without a character, or when its bones are not recognised."""
    try:
        return read_body(scene.gaitway.character, scene)
    except GaitwayError:
        return None


def ground_of(scene: bpy.types.Scene) -> float:
    """Height of the ground under the character; 0 without one."""
    body = body_of(scene)
    return 0.0 if body is None else body.ground


def leg_of(scene: bpy.types.Scene) -> float:
    """Length of the character's leg in scene units; the model's without one."""
    body = body_of(scene)
    return SKELETON.leg_length / scene.unit_settings.scale_length if body is None else body.leg_length


CLASSES = (GAITWAY_OT_walk_along,)
