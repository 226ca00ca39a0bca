# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens inside the real window: a character, a path, an empty, the sidebar tab, step by step. Run by ``run.py``.

A step ends with a file ``<step>.ready`` in this script's folder; the next begins when ``<step>.done`` lies beside it,
so that the one outside can look and type in between.
"""

from __future__ import annotations

import math
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy
from mathutils import Euler

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from rigs import mixamo  # noqa: E402  (lies beside this script in the folder that run.py fills)

WAIT = object()


def module(name: str = "") -> object:
    """A module of the installed add-on, whatever repository it was installed into."""
    addons = bpy.context.preferences.addons
    package = next(key for key, _ in addons.items() if key.endswith(".gaitway"))
    return sys.modules[f"{package}{name}"]


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    window = bpy.context.window_manager.windows[0]
    return window, next(area for area in window.screen.areas if area.type == "VIEW_3D")


def scene_with_a_path() -> None:
    scene = bpy.context.scene
    for member in list(bpy.data.objects):
        bpy.data.objects.remove(member)
    scene.render.fps = 24
    scene.frame_end = 120
    armature = mixamo()
    armature.name, armature.show_in_front = "Walker", True
    data = bpy.data.curves.new("Path", "CURVE")
    data.dimensions = "3D"
    data.bevel_depth = 0.012
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(2)
    for point, place in zip(spline.bezier_points, ((0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)), strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "AUTO"
    path = bpy.data.objects.new("Path", data)
    hand = bpy.data.objects.new("Hand.L", None)
    hand.empty_display_size = 0.15
    for member in (path, hand):
        scene.collection.objects.link(member)
    for frame, place in ((96, (0.9, -3.2, 1.5)), (108, (0.9, -3.4, 1.6))):
        hand.location = place
        hand.keyframe_insert("location", frame=frame)
    settings = scene.gaitway
    settings.character = armature
    settings.prompt = "a person walks forward and waves the left hand."
    for member in (path, hand):
        bpy.ops.object.select_all(action="DESELECT")
        member.select_set(True)
        bpy.ops.gaitway.control_add()
    settings.controls[0].frame_end = 108
    settings.active_control = 0


def open_tab() -> Iterator[None]:
    _, area = view()
    space = area.spaces.active
    space.show_region_ui = True
    space.overlay.show_extras = True
    yield
    region = next(region for region in area.regions if region.type == "UI")
    region.active_panel_category = "Gaitway"
    sight = space.region_3d
    sight.view_perspective = "PERSP"
    sight.view_rotation = Euler((math.radians(66), 0, math.radians(55))).to_quaternion()
    sight.view_location, sight.view_distance = (0.75, -1.7, 0.6), 6.3
    bpy.ops.object.select_all(action="DESELECT")
    area.tag_redraw()
    yield


def steps() -> Iterator[object]:
    """The whole visit; what is yielded is None (next timer tick) or the name of a step to show."""
    yield
    scene_with_a_path()
    yield from open_tab()
    yield "idle"
    if (FOLDER / "connection.json").exists():
        yield from with_an_engine()
    yield "end"


def with_an_engine() -> Iterator[object]:
    runtime = module(".runtime").RUNTIME
    preferences = bpy.context.preferences.addons[module().__name__].preferences
    preferences.connection_file = str(FOLDER / "connection.json")
    preferences.autostart = False
    settings = bpy.context.scene.gaitway
    prompt = settings.prompt
    settings.prompt = "slow walk of a person, who looks around."
    bpy.ops.gaitway.generate()
    while runtime.busy and runtime.fraction < 0.1:
        yield
    yield "running"  # the one outside presses Escape over the viewport
    while runtime.busy:
        yield
    print("after escape:", runtime.error)
    yield "cancelled"
    settings.prompt = prompt
    bpy.ops.ed.undo_push(message="Set the scene up")
    bpy.ops.gaitway.generate()
    while runtime.busy:
        yield
    bpy.context.scene.frame_set(60)
    print("generated:", runtime.report, runtime.error, f"longest tick {runtime.longest_tick * 1e3:.1f} ms")
    yield "generated"
    bpy.ops.ed.undo()
    animation = bpy.context.scene.gaitway.character.animation_data
    print("after one undo:", "no motion" if animation is None or animation.action is None else animation.action.name)
    yield "undone"


_steps = steps()
_shown = [""]


def pump() -> float | None:
    if _shown[0]:
        if not (FOLDER / f"{_shown[0]}.done").exists():
            return 0.1
        _shown[0] = ""
    try:
        # A timer has no window of its own, and operators want one.
        with bpy.context.temp_override(window=view()[0]):
            step = next(_steps)
    except StopIteration:
        bpy.ops.wm.quit_blender()
        return None
    except Exception:
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)
    if isinstance(step, str):
        _shown[0] = step
        (FOLDER / f"{step}.ready").touch()
    return 0.3


bpy.app.timers.register(pump, first_interval=1.0, persistent=True)
