# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a path on the ground or on objects, to be walked at the speed that the prompt implies."""

from __future__ import annotations

import bpy
import numpy as np

from ...capture import stroke
from ..sidebar import ReportingOperator
from . import under_mouse
from .walk_along import ground_of, leg_of, walk_along, walk_summary

PATH_NAME = "Walk path"
SMOOTHING_LEGS = 0.25
"""Leg lengths within which a drawn line is only shaky: no step is as short."""
TOLERANCE_LEGS = 0.03
"""Leg lengths by which the curve may deviate from the drawn line."""
UNEVEN_LEGS = 0.03
"""Leg lengths by which a drawn line goes up or down, above which the ground under it is not level."""


class GaitwayStrokePoint(bpy.types.PropertyGroup):
    """A point of a drawn line, in world space."""

    location: bpy.props.FloatVectorProperty(size=3)  # type: ignore[valid-type]


class GAITWAY_OT_path_draw(ReportingOperator, bpy.types.Operator):
    """Draw a path on the ground or on objects with the mouse; the character walks it at the speed the prompt implies"""

    bl_idname = "gaitway.path_draw"
    bl_label = "Draw Path"
    bl_options = {"REGISTER", "UNDO"}
    failure_level = "WARNING"

    stroke: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=GaitwayStrokePoint, options={"HIDDEN", "SKIP_SAVE"}
    )
    drawn_on: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.region is None or context.space_data is None or context.space_data.type != "VIEW_3D":
            self.report({"WARNING"}, "Draw in a 3D viewport")
            return {"CANCELLED"}
        self._window_region = next(region for region in context.area.regions if region.type == "WINDOW")
        self._ground = ground_of(context.scene)
        self._points: list[tuple[float, float, float]] = []
        self._objects: list[str] = []
        self._own = under_mouse.own_objects(context.scene)
        self._drawing = False
        self._handle = bpy.types.SpaceView3D.draw_handler_add(draw_line, (self._points,), "WINDOW", "POST_VIEW")
        context.window.cursor_modal_set("PAINT_CROSS")
        context.workspace.status_text_set("Hold the left mouse button and draw on the ground; Esc cancels")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type in {"ESC", "RIGHTMOUSE"}:
            self._leave(context)
            return {"CANCELLED"}
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            # The line begins with the first movement: the position of a press may arrive late.
            self._drawing = True
            return {"RUNNING_MODAL"}
        if self._drawing and event.type in {"LEFTMOUSE", "MOUSEMOVE", "INBETWEEN_MOUSEMOVE"}:
            self._extend_line(context, event)
            context.area.tag_redraw()
            if event.type == "LEFTMOUSE" and event.value == "RELEASE":
                self._leave(context)
                for point in self._points:
                    self.stroke.add().location = point
                self.drawn_on = under_mouse.same_object(self._objects)
                return self.execute(context)
            return {"RUNNING_MODAL"}
        return {"PASS_THROUGH"}  # the view may be rotated before the path is drawn

    def run(self, context: bpy.types.Context) -> str:
        scene = context.scene
        points = np.array([tuple(element.location) for element in self.stroke]).reshape(-1, 3)
        leg = leg_of(scene)
        knots = stroke.knots(points, TOLERANCE_LEGS * leg, SMOOTHING_LEGS * leg)
        control = walk_along(scene, new_path(context, knots))
        if np.ptp(points[:, 2]) > UNEVEN_LEGS * leg:
            control.height, control.ground = "FLOOR", scene.objects.get(self.drawn_on)
        return walk_summary(scene, control)

    def _extend_line(self, context: bpy.types.Context, event: bpy.types.Event) -> None:
        """Extend the line to where the mouse points on an object or on the ground; above the horizon it is ignored."""
        from bpy_extras import view3d_utils

        region = self._window_region
        view = region.data
        mouse = (event.mouse_x - region.x, event.mouse_y - region.y)
        origin = view3d_utils.region_2d_to_origin_3d(region, view, mouse)
        direction = view3d_utils.region_2d_to_vector_3d(region, view, mouse)
        point, name = under_mouse.nearest_surface(context.scene, np.array(origin), np.array(direction), self._own)
        if point is None:
            point = under_mouse.on_ground(np.array(origin), np.array(direction), self._ground)
        if point is not None:
            self._points.append(tuple(point))
            self._objects.append(name)

    def _leave(self, context: bpy.types.Context) -> None:
        bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        context.area.tag_redraw()


def new_path(context: bpy.types.Context, knots: np.ndarray) -> bpy.types.Object:
    """A Bezier curve through the knots (N, 3), in the scene, selected and active."""
    data = bpy.data.curves.new(PATH_NAME, "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(len(knots) - 1)
    for point, knot in zip(spline.bezier_points, knots, strict=True):
        point.co = knot
        point.handle_left_type = point.handle_right_type = "AUTO"
    path = bpy.data.objects.new(PATH_NAME, data)
    context.collection.objects.link(path)
    if context.mode == "OBJECT":
        for other in context.selected_objects:
            other.select_set(False)
        path.select_set(True)
        context.view_layer.objects.active = path
    return path


def draw_line(points: list[tuple[float, float, float]]) -> None:
    """The line as it is being drawn."""
    if len(points) < 2:
        return
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": points})
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", 3.0)
    shader.uniform_float("color", (1.0, 0.6, 0.1, 1.0))
    batch.draw(shader)


CLASSES = (GaitwayStrokePoint, GAITWAY_OT_path_draw)
