# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing a path, walking along a curve that is there, pinning a joint, toggling frames, and the list of prompts."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import offscreen
from blender_addon.capture import capture, pace
from blender_addon.capture.request import build_request
from blender_addon.ui.controls import (
    draw_path,
    operators,
    under_mouse,
)

from ..helpers import rigs, scenes


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


def drawn(points: np.ndarray) -> list[dict[str, object]]:
    return [{"name": "", "location": tuple(map(float, point))} for point in points]


def select(member: bpy.types.Object) -> None:
    bpy.ops.object.select_all(action="DESELECT")
    member.select_set(True)
    bpy.context.view_layer.objects.active = member


def along_the_path(captured: capture.CapturedScene) -> np.ndarray:
    """Speed (T - 1,) of the hips over the model's ground, m/s."""
    steps = np.diff(captured.signal.hint[:, 0], axis=0)[:, [0, 2]]
    return np.linalg.norm(steps, axis=-1) * capture.FPS


def size(settings: bpy.types.PropertyGroup) -> float:
    return capture.read_body(settings.character, bpy.context.scene).scale


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_a_drawn_line_becomes_a_path_at_walking_speed(settings, fps: float, unit: float) -> None:
    scenes.set_rate(fps)
    bpy.context.scene.unit_settings.scale_length = unit
    settings.character.scale = (1 / unit,) * 3
    settings.start_frame = 11
    angles = np.linspace(0, math.pi / 2, 120)
    line = np.stack([4 * np.cos(angles), 4 * np.sin(angles), 0 * angles], -1) / unit
    assert bpy.ops.gaitway.path_draw(stroke=drawn(line)) == {"FINISHED"}
    (control,) = settings.controls
    path = control.target
    assert path.select_get() and bpy.context.view_layer.objects.active == path
    assert 3 <= len(path.data.splines[0].bezier_points) <= 12
    (points,) = offscreen.path_lines(path, 11)
    assert np.abs(np.linalg.norm(points[:, :2], axis=-1) * unit - 4).max() < 0.04
    seconds = (control.frame_end - 11) / fps
    assert control.frame_start == 11 and control.joint == "pelvis"
    speed = 1.2 * size(settings)
    assert seconds == pytest.approx(pace.standing_duration(2 * math.pi, speed, (True, True)), rel=0.02)
    captured = capture.capture(bpy.context.scene)
    assert along_the_path(captured).max() == pytest.approx(1.2, rel=0.03)
    assert captured.signal.free_height and captured.signal.hint_mask[:, 0].all()


def test_a_click_without_a_line_makes_nothing(settings) -> None:
    assert bpy.ops.gaitway.path_draw(stroke=drawn(np.zeros((1, 3)))) == {"CANCELLED"}
    assert not settings.controls and not bpy.data.curves


def test_the_mouse_draws_on_the_ground_under_the_character() -> None:
    """Rays of a camera above the floor, as Blender gives them for pixels."""
    camera = np.array([0, -5, 4.0])
    for place in ([1, 2, 0.5], [-3, 0, 0.5]):
        place = np.array(place)
        way = (place - camera) / np.linalg.norm(place - camera)
        assert np.allclose(under_mouse.on_ground(camera, way, 0.5), place)
    assert under_mouse.on_ground(camera, np.array([0, 1, 0.1]), 0.5) is None  # the sky
    assert under_mouse.on_ground(camera, np.array([0, 1.0, 0]), 0.5) is None  # the horizon


def test_drawing_by_events_in_a_viewport(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of a modal drawing with the events of a mouse and a view straight from above; the bpy module has no
    window, so that the region, the event queue and the drawing of the line are stood in for.
    """
    from bpy_extras import view3d_utils

    monkeypatch.setattr(view3d_utils, "region_2d_to_origin_3d", lambda region, view, at: (at[0] / 100, at[1] / 100, 9))
    monkeypatch.setattr(view3d_utils, "region_2d_to_vector_3d", lambda region, view, at: (0, 0, -1))
    region = SimpleNamespace(type="WINDOW", x=50, y=20, data=None)
    told: list[str | None] = []
    context = SimpleNamespace(
        scene=bpy.context.scene,
        collection=bpy.context.collection,
        view_layer=bpy.context.view_layer,
        mode="OBJECT",
        selected_objects=[],
        region=region,
        space_data=SimpleNamespace(type="VIEW_3D"),
        area=SimpleNamespace(regions=[region], tag_redraw=lambda: None),
        window=SimpleNamespace(cursor_modal_set=lambda _kind: None, cursor_modal_restore=lambda: None),
        workspace=SimpleNamespace(status_text_set=told.append),
        window_manager=SimpleNamespace(modal_handler_add=lambda _operator: None),
    )

    class Stroke(list):
        def add(self) -> SimpleNamespace:
            self.append(SimpleNamespace(location=None))
            return self[-1]

    class Drawing:
        """An operator as Blender would make it, without its metaclass."""

        invoke, modal, execute, run, failure_level, _extend_line, _leave = (
            getattr(draw_path.GAITWAY_OT_path_draw, name)
            for name in ("invoke", "modal", "execute", "run", "failure_level", "_extend_line", "_leave")
        )

        def __init__(self) -> None:
            self.stroke = Stroke()

        def report(self, _kind: set[str], text: str) -> None:
            told.append(text)

    def event(kind: str, value: str, x: float, y: float) -> SimpleNamespace:
        return SimpleNamespace(type=kind, value=value, mouse_x=x + 50, mouse_y=y + 20)

    drawing = Drawing()
    assert drawing.invoke(context, event("LEFTMOUSE", "PRESS", 0, 0)) == {"RUNNING_MODAL"}
    assert drawing.modal(context, event("MOUSEMOVE", "NOTHING", 5, 5)) == {"PASS_THROUGH"}  # nothing pressed yet
    assert drawing.modal(context, event("MIDDLEMOUSE", "PRESS", 5, 5)) == {"PASS_THROUGH"}  # turn the view
    assert drawing.modal(context, event("LEFTMOUSE", "PRESS", 200, 90)) == {"RUNNING_MODAL"}
    for x in range(0, 500, 10):
        assert drawing.modal(context, event("MOUSEMOVE", "NOTHING", x, 0)) == {"RUNNING_MODAL"}
    assert drawing.modal(context, event("LEFTMOUSE", "RELEASE", 500, 0)) == {"FINISHED"}
    (control,) = settings.controls
    (points,) = offscreen.path_lines(control.target, 1)
    assert np.allclose(points[[0, -1]], [(0, 0, 0), (5, 0, 0)], atol=1e-4)
    assert ": frames 1 to" in told[-1] and None in told  # the hint has left the status line
    again = Drawing()
    again.invoke(context, event("LEFTMOUSE", "PRESS", 0, 0))
    assert again.modal(context, event("ESC", "PRESS", 0, 0)) == {"CANCELLED"} and len(settings.controls) == 1


@pytest.mark.parametrize(("prompt", "speed"), [("a person walks forward.", 1.2), ("a person runs forward.", 3.0)])
def test_walking_along_a_curve_takes_one_press(settings, prompt: str, speed: float) -> None:
    settings.prompt = prompt
    path = scenes.curve("Path", [(0, 0, 0), (0, -6, 0)], "POLY")
    select(path)
    assert bpy.ops.gaitway.walk_along() == {"FINISHED"}
    (control,) = settings.controls
    speeds = along_the_path(capture.capture(bpy.context.scene))
    assert speeds.max() == pytest.approx(speed, rel=0.03)  # of a body of the model's size
    assert speeds[[0, -1]].max() < 0.1 * speed
    assert bpy.ops.gaitway.walk_along(speed=2.0) == {"FINISHED"}  # again: new times, not listed twice
    assert len(settings.controls) == 1
    control.from_standing = control.to_standing = False
    bpy.ops.gaitway.walk_along(speed=2.0)
    assert control.frame_end == 1 + 72
    other = scenes.curve("Other", [(0, 0, 0), (1, 0, 0)])
    select(other)
    bpy.ops.gaitway.walk_along()
    assert [item.enabled for item in settings.controls] == [False, True] and settings.active_control == 1
    assert len(capture.capture(bpy.context.scene).tracks) == 1


def test_walking_along_something_else_says_what_to_select(settings) -> None:
    select(scenes.empty("Cube", {}))
    with pytest.raises(RuntimeError, match="Select a curve"):
        bpy.ops.gaitway.walk_along()
    dot = scenes.curve("Dot", [(0, 0, 0), (0, 0, 0)])
    select(dot)
    with pytest.raises(RuntimeError, match="fewer than two different points"):
        bpy.ops.gaitway.walk_along()
    assert not settings.controls


def test_pins_are_keyed_at_the_cursor_and_grow_into_a_track(settings) -> None:
    scene = bpy.context.scene
    for frame, place in ((10, (0.3, -0.4, 1.2)), (40, (0.5, -1.0, 1.4))):
        scene.frame_set(frame)
        scene.cursor.location = place
        assert bpy.ops.gaitway.pin_add(joint="left_wrist") == {"FINISHED"}
    scene.cursor.location = (0, 0, 0)
    bpy.ops.gaitway.pin_add(joint="pelvis")
    assert [control.joint for control in settings.controls] == ["left_wrist", "pelvis"]
    assert settings.controls[0].target.name == "Left wrist pin"
    hand, hips = capture.capture(scene).tracks
    assert hand.frames.tolist() == [10, 40]
    assert np.allclose(hand.points, [(0.3, -0.4, 1.2), (0.5, -1.0, 1.4)], atol=1e-6)
    assert hips.on_ground and hips.frames.tolist() == [40]


def test_a_pin_under_a_parent_is_where_the_cursor_was(settings) -> None:
    scene = bpy.context.scene
    bpy.ops.gaitway.pin_add(joint="head")
    pin = settings.controls[0].target
    pin.parent = scenes.empty("Parent", {1: (0, 0, 0), 30: (3, 1, 0)})
    pin.parent.scale, pin.parent.rotation_euler = (2, 1, 1), (0.1, 0.2, 0.5)
    scene.frame_set(20)
    scene.cursor.location = (1, 2, 1.6)
    bpy.ops.gaitway.pin_add(joint="head")
    assert np.allclose(scenes.evaluated(pin, 20), (1, 2, 1.6), atol=1e-5)


def test_frames_are_toggled(settings) -> None:
    item = scenes.control(scenes.curve("Path", [(0, 0, 0), (0, -4, 0)]), frame_end=97)
    for frame in (49, 1, 97):
        bpy.context.scene.frame_set(frame)
        bpy.ops.gaitway.control_frame()
    assert item.use_frames and item.frames == "1, 49, 97"
    bpy.ops.gaitway.control_frame()
    assert item.frames == "1, 49"
    assert operators.toggled([(10, 20)], 15) == [(10, 14), (16, 20)] and operators.toggled([(10, 11)], 10) == [(11, 11)]


def test_prompts_in_turn(settings) -> None:
    scene = bpy.context.scene
    settings.prompt, settings.prompt_mode = "a person walks forward.", "BLOCKS"
    bpy.ops.gaitway.prompt_add()
    bpy.ops.gaitway.prompt_add()
    assert bpy.ops.gaitway.prompt_use(text="a person runs forward.") == {"FINISHED"}
    assert [(block.text, block.frame_start, block.frame_end) for block in settings.prompt_blocks] == [
        ("a person walks forward.", 1, 73),
        ("a person runs forward.", 73, 145),
    ]
    captured = capture.capture(scene)
    order = build_request(scene, captured)
    assert [(block.text[9:12], block.start_frame, block.num_frames) for block in order.prompts] == [
        ("wal", 0, 60),
        ("run", 60, 61),
    ]
    assert order.num_frames == 121 and not order.loop
    settings.loop = True
    assert build_request(scene, captured).loop
    settings.active_prompt = 0
    bpy.ops.gaitway.prompt_remove()
    assert [block.text for block in settings.prompt_blocks] == ["a person runs forward."]
    settings.prompt_mode = "ONE"
    bpy.ops.gaitway.prompt_use(text="a person is boxing.")
    assert settings.prompt == "a person is boxing."
