# SPDX-License-Identifier: GPL-3.0-or-later
"""The viewport's overlay: requested and achieved paths, error ticks, footprints, ghosts.

Everything is computed where there is time, outside of drawing (``shapes.py``); the draw handler only sends to
the screen what lies ready, and stands in Blender's list only while there is something to be seen.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..capture.capture import CapturedScene, to_floor
from ..capture.obstacles import in_world
from ..shared import space
from ..shared.skeleton import CONTACT_JOINTS, FPS, SKELETON
from ..takes.observed import Observed
from . import shapes
from .shapes import EMPTY, Lines

WIDTHS_PX = {
    "requested": 2.0,
    "achieved": 2.5,
    "ticks": 3.0,
    "contacts": 2.5,
    "ghosts": 1.5,
    "obstacles": 1.0,
    "preview": 2.0,
}
TOGGLES = {
    "requested": "paths",
    "achieved": "paths",
    "ticks": "ticks",
    "contacts": "contacts",
    "ghosts": "ghosts",
    "obstacles": "obstacles",
    "preview": "ghosts",
}
"""Layer -> its switch in ``scene.gaitway.overlay``."""
TICK_HEIGHT_M = 0.06
FOOTPRINT_M = 0.04


class Overlay:
    """What is ready to be drawn, by layer."""

    def __init__(self) -> None:
        self.layers: dict[str, Lines] = dict.fromkeys(WIDTHS_PX, EMPTY)
        self._batches: dict[str, Any] = {}
        self._handler: Any = None

    def put(self, **layers: Lines) -> None:
        """Replace layers; what is not named stays."""
        for name, lines in layers.items():
            if len(lines) or len(self.layers[name]):
                self.layers[name] = lines
                self._batches.pop(name, None)

    def clear(self, *names: str) -> None:
        """Empty these layers, all without names."""
        self.put(**dict.fromkeys(names or WIDTHS_PX, EMPTY))

    def sync(self, scene: bpy.types.Scene) -> None:
        """Enter Blender's list of draw handlers, or leave it when nothing is to be drawn in ``scene``."""
        is_needed = any(self.visible(scene, name) for name in WIDTHS_PX)
        if is_needed and self._handler is None:
            self._handler = bpy.types.SpaceView3D.draw_handler_add(self._draw_now, (), "WINDOW", "POST_VIEW")
        elif not is_needed and self._handler is not None:
            self.leave()

    def leave(self) -> None:
        """Leave Blender's list of draw handlers."""
        if self._handler is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")
            self._handler = None

    @property
    def is_drawn(self) -> bool:
        """Whether Blender calls us at every redraw."""
        return self._handler is not None

    def visible(self, scene: bpy.types.Scene, name: str) -> bool:
        """Whether the layer holds something and is switched on; a preview is shown alone."""
        options = scene.gaitway.overlay
        if name != "preview" and len(self.layers["preview"]):
            return False
        return options.show and getattr(options, TOGGLES[name]) and len(self.layers[name]) > 0

    def _draw_now(self) -> None:
        """What Blender calls at every redraw of a viewport."""
        self.draw(bpy.context)

    def draw(self, context: bpy.types.Context) -> None:
        """Send what lies ready to the region that is being drawn."""
        import gpu

        if not context.space_data.overlay.show_overlays:
            return
        shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
        shader.bind()
        shader.uniform_float("viewportSize", (context.region.width, context.region.height))
        gpu.state.blend_set("ALPHA")
        gpu.state.depth_test_set("NONE" if context.scene.gaitway.overlay.in_front else "LESS_EQUAL")
        for name, width in WIDTHS_PX.items():
            if self.visible(context.scene, name):
                shader.uniform_float("lineWidth", width * context.preferences.system.ui_scale)
                self._batch(name, shader).draw(shader)
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")

    def _batch(self, name: str, shader: Any) -> Any:
        """The layer on the graphics card; sent there at its first drawing, for only then is there a card to send to."""
        from gpu_extras.batch import batch_for_shader

        if name not in self._batches:
            lines = self.layers[name]
            self._batches[name] = batch_for_shader(shader, "LINES", {"pos": lines.points, "color": lines.colours})
        return self._batches[name]


def layers_of(observed: Observed, captured: CapturedScene, fps: float, pending: bool) -> dict[str, Lines]:
    """All layers of a motion that was observed; ghosts only while it is ``pending``."""
    ground, unit = captured.body.ground, captured.unit_scale
    requested, achieved, ticks = [], [], []
    for track in observed.tracks:
        targets, came = track.points.copy(), observed.track(track.joint).copy()
        if track.on_ground:  # of a path on the floor no height was requested
            targets[:, 2] = came[:, 2] = ground
        _, errors = observed.errors[track.joint]
        rows = observed.frames.searchsorted(track.frames.round(4))
        requested.append(shapes.path(targets, shapes.REQUESTED))
        achieved.append(shapes.path(came, shapes.ACHIEVED))
        ticks.append(shapes.error_ticks(targets, came[rows], errors, TICK_HEIGHT_M / unit))
    prints = [
        shapes.footprints(observed.track(joint), observed.slides[:, column], ground, FOOTPRINT_M / unit)
        for column, joint in enumerate(CONTACT_JOINTS)
        if joint in observed.joints
    ]
    solids = [in_world(solid, captured.body, unit) for solid in captured.obstacles]
    return {
        "requested": shapes.join_lines(requested),
        "achieved": shapes.join_lines(achieved),
        "ticks": shapes.join_lines(ticks),
        "contacts": shapes.join_lines(prints),
        "obstacles": shapes.join_lines([shapes.outline(solid) for solid in solids]),
        "ghosts": shapes.ghosts(observed.frames, observed.positions, observed.joints, fps) if pending else EMPTY,
    }


def preview_lines(joints: np.ndarray, captured: CapturedScene) -> Lines:
    """Ghosts and the path of the hips for ``joints`` (T, 22, 3) as the engine gave them."""
    positions = space.model_to_blender(to_floor(joints, captured) * captured.body.scale, captured.unit_scale)
    frames = np.arange(len(joints), dtype=np.float64)
    path = shapes.path(positions[:, SKELETON.index("pelvis")], shapes.ACHIEVED)
    return shapes.join_lines([shapes.ghosts(frames, positions, SKELETON.names, FPS), path])
