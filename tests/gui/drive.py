# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens inside the real window: a character, a drawn path, the sidebar tab, a dragged pin, step by step. Run by
``run.py``.

A step ends with a file ``<step>.ready`` in this script's folder; the next begins when ``<step>.done`` lies beside it,
so that the one outside can look, draw and type in between. What was seen goes to ``seen.json``.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Euler, Vector

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from mannequin import dress

from tests.blender.helpers.rigs import mixamo

DRAWN = [(0.8 * math.sin(4.5 * step / 40), -3.6 * step / 40, 0.0) for step in range(41)]
"""The path that the mouse draws, on the ground in front of the character."""
PULLED = [(0.5 + 0.9 * step / 40, -2.4 + 0.5 * math.sin(2.5 * step / 40), 0.0) for step in range(41)]
"""The way over the ground that the mouse takes a pin of the hips."""
PIN_FRAME = 73
_seen: dict[str, object] = {}


def module(name: str = "") -> object:
    """A module of the installed add-on, whatever repository it was installed into."""
    addons = bpy.context.preferences.addons
    package = next(key for key, _ in addons.items() if key.endswith(".gaitway"))
    return sys.modules[f"{package}{name}"]


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    window = bpy.context.window_manager.windows[0]
    return window, next(area for area in window.screen.areas if area.type == "VIEW_3D")


def region(kind: str) -> bpy.types.Region:
    return next(region for region in view()[1].regions if region.type == kind)


def scene_with_a_character() -> None:
    scene = bpy.context.scene
    for member in list(bpy.data.objects):
        bpy.data.objects.remove(member)
    scene.render.fps = 24
    scene.frame_end = 120
    armature = mixamo()
    armature.name = "Walker"
    skeleton = module(".shared.skeleton").SKELETON
    parents = {joint: skeleton.names[p] for joint, p in zip(skeleton.names, skeleton.parents, strict=True) if p >= 0}
    bones = module(".character.body").read_body(armature, scene).bones
    dress(armature, bones, parents, (0.85, 0.5, 0.3)).hide_select = True
    settings = scene.gaitway
    settings.character = armature
    settings.prompt = "a person walks forward."


def open_tab() -> Iterator[None]:
    _, area = view()
    space = area.spaces.active
    space.show_region_ui = True
    space.shading.color_type = "OBJECT"
    yield
    region("UI").active_panel_category = "Gaitway"
    sight = space.region_3d
    sight.view_perspective = "PERSP"
    sight.view_rotation = Euler((math.radians(62), 0, math.radians(55))).to_quaternion()
    sight.view_location, sight.view_distance = (0.7, -1.7, 0.45), 6.0
    bpy.ops.object.select_all(action="DESELECT")
    area.tag_redraw()
    yield


def scroll_tab(steps: int) -> None:
    """Down, or up when negative: the tab is longer than most windows are high."""
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=region("UI")):
        for _ in range(abs(steps)):
            (bpy.ops.view2d.scroll_down if steps > 0 else bpy.ops.view2d.scroll_up)()


def on_screen(points: list[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """Where world points are seen: pixels from the lower left of the screen."""
    window, area = view()
    main = region("WINDOW")
    found = (location_3d_to_region_2d(main, area.spaces.active.region_3d, Vector(point)) for point in points)
    return [(window.x + main.x + point.x, window.y + main.y + point.y) for point in found if point is not None]


def expect(name: str, held: bool, **more: object) -> None:
    _seen[name] = {"ok": bool(held), **more}
    (FOLDER / "seen.json").write_text(json.dumps(_seen, indent=1, default=str))


def steps() -> Iterator[object]:
    """The whole visit; what is yielded is None (next timer tick), or the name of a step to show and what the one
    outside needs for it.
    """
    yield
    tab = [name for name in dir(bpy.types) if name.startswith("GAITWAY_PT_")]
    expect("the add-on is registered", len(tab) >= 5, panels=tab)
    scene_with_a_character()
    yield from open_tab()
    yield "idle"
    yield from draw_a_path()
    if (FOLDER / "connection.json").exists():
        yield from with_an_engine()
    yield "end"


def draw_a_path() -> Iterator[object]:
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=region("WINDOW")):
        bpy.ops.gaitway.path_draw("INVOKE_DEFAULT")
    yield "draw", on_screen(DRAWN)
    for _ in range(20):
        if bpy.context.scene.gaitway.controls:
            break
        yield
    controls = bpy.context.scene.gaitway.controls
    if controls:
        line = controls[0].target.data.splines[0].bezier_points
        ends = [(controls[0].target.matrix_world @ line[index].co - Vector(DRAWN[index])).length for index in (0, -1)]
        expect("the mouse draws a path", max(ends) < 0.15, knots=len(line), metres_off_at_the_ends=ends)
    else:
        expect("the mouse draws a path", False)
    yield "drawn"


def with_an_engine() -> Iterator[object]:
    generation, engine = module(".app.generation").GENERATION, module(".app.engine").ENGINE
    takes = module(".takes.history")
    preferences = bpy.context.preferences.addons[module().__name__].preferences
    preferences.connection_file = str(FOLDER / "connection.json")
    preferences.autostart = False
    settings = bpy.context.scene.gaitway
    seconds = settings.length_mode, settings.seconds
    settings.length_mode, settings.seconds, settings.variations = "SECONDS", 120.0, 8  # long enough to be caught at it
    bpy.ops.gaitway.generate()
    while generation.busy and engine.state != "running":
        yield
    yield  # until the bar is drawn
    yield "running"  # the one outside presses Escape over the viewport
    while generation.busy:
        yield
    said = generation.error[0] if generation.error else ""
    expect("Escape cancels", said.startswith("Cancelled"), said=said, takes=len(settings.takes.items))
    yield "cancelled"
    (settings.length_mode, settings.seconds), settings.variations = seconds, 1
    bpy.ops.ed.undo_push(message="Set the scene up")
    bpy.ops.gaitway.generate()
    while generation.busy:
        yield
    for _ in range(10):  # the figures on the rig
        yield
    scene = bpy.context.scene
    scene.frame_set(scene.gaitway.controls[0].frame_end // 2 if scene.gaitway.controls else 30)
    action = scene.gaitway.character.animation_data and scene.gaitway.character.animation_data.action
    expect(
        "a motion is made",
        bool(action) and generation.error is None and len(takes.active(scene).clips) > 0,
        report=generation.report,
        error=generation.error,
        longest_tick_ms=round(generation.longest_tick_s * 1e3, 1),
        own_work_ms=round(generation.longest_work_s * 1e3, 1),
    )
    yield "generated"
    scroll_tab(40)
    yield "report"
    scroll_tab(-40)
    bpy.ops.gaitway.take_accept()
    shown = takes.shown(bpy.context.scene)
    expect("the take is kept", shown is not None and shown.accepted)
    yield "accepted"
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    animation = bpy.context.scene.gaitway.character.animation_data
    expect("undo takes it back", animation is None or animation.action is None)
    yield "undone"
    yield from live_drag()
    yield from around_a_post()


def live_drag() -> Iterator[object]:
    """Two pins of the hips, of which the mouse takes the second along while ghosts follow."""
    generation, live = module(".app.generation").GENERATION, module(".app.live").LIVE
    scene = bpy.context.scene
    settings = scene.gaitway
    if settings.controls:
        settings.controls[0].enabled = False  # the path
    height = settings.character.pose.bones["mixamorig:Hips"].head.z
    for frame, place in ((1, (0.0, 0.0, 0.0)), (PIN_FRAME, PULLED[0])):
        scene.frame_set(frame)
        scene.cursor.location = (place[0], place[1], height)
        bpy.ops.gaitway.pin_add(joint="pelvis")
    pin = settings.controls[settings.active_control].target
    bpy.ops.object.select_all(action="DESELECT")
    pin.select_set(True)
    bpy.context.view_layer.objects.active = pin
    settings.live.enabled = True
    for _ in range(4):
        yield
    live.latencies_s.clear()
    yield "pull", on_screen([(x, y, height) for x, y, _ in PULLED])
    while live.has_preview and not generation.busy:
        yield
    while generation.busy:
        yield
    for _ in range(10):
        yield
    asked = Vector((*PULLED[-1][:2], height))
    expect(
        "ghosts follow a dragged pin",
        len(live.latencies_s) > 1 and (pin.location - asked).length < 0.1 and generation.error is None,
        previews=len(live.latencies_s),
        latency_ms=[round(1e3 * value) for value in sorted(live.latencies_s)],
        metres_from_where_the_mouse_let_go=(pin.location - asked).length,
    )
    hips = settings.character.matrix_world @ settings.character.pose.bones["mixamorig:Hips"].head
    expect(
        "let go, the motion itself comes",
        len(settings.takes.items) == 1 and (hips - pin.location).length < 0.01,
        metres_between_hips_and_pin=(hips - pin.location).length,
        report=generation.report,
        longest_tick_ms=round(generation.longest_tick_s * 1e3, 1),
    )
    yield "let_go"


def around_a_post() -> Iterator[object]:
    """A straight path through a post, with a hand on the hip on the way."""
    generation, scene = module(".app.generation").GENERATION, bpy.context.scene
    settings = scene.gaitway
    settings.live.enabled = False
    settings.controls.clear()
    bpy.ops.gaitway.take_discard()
    bpy.ops.mesh.primitive_cylinder_add(radius=0.12, depth=1.5, location=(0.35, -2.2, 0.75))
    post = bpy.context.active_object
    obstacle = settings.obstacles.add()
    obstacle.target = post
    line = bpy.data.curves.new("Path", "CURVE")
    line.dimensions = "3D"
    line.splines.new("POLY").points.add(1)
    line.splines[0].points[1].co = (0.7, -4.4, 0.0, 1.0)
    path = bpy.data.objects.new("Path", line)
    scene.collection.objects.link(path)
    bpy.ops.object.select_all(action="DESELECT")
    path.select_set(True)
    bpy.context.view_layer.objects.active = path
    bpy.ops.gaitway.walk_along()
    hand = settings.controls.add()
    hand.joint, hand.relative_to, hand.frame_start, hand.frame_end = "right_wrist", "right_hip", 30, 90
    hand.offset = (-0.12, 0.02, 0.1)
    settings.active_control = 1
    path.select_set(False)
    bpy.ops.gaitway.generate()
    while generation.busy:
        yield
    for _ in range(10):
        yield
    scene.frame_set(settings.controls[0].frame_end // 2)
    expect("a path through a post goes around it", generation.error is None, report=generation.report)
    yield "around"


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
            if step is not None:  # a picture of what is, not of what was before a slow redraw
                bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    except StopIteration:
        bpy.ops.wm.quit_blender()
        return None
    except Exception:
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)
    if step is not None:
        _shown[0], message = step if isinstance(step, tuple) else (step, None)
        (FOLDER / f"{_shown[0]}.partial").write_text(json.dumps(message))
        (FOLDER / f"{_shown[0]}.partial").rename(FOLDER / f"{_shown[0]}.ready")
    return 0.3


bpy.app.timers.register(pump, first_interval=1.0, persistent=True)
