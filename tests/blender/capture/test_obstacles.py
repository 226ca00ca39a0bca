# SPDX-License-Identifier: GPL-3.0-or-later
"""Obstacles, joints that stay beside others and keys that may wait: from the panel through the real engine onto the
rig.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import time_slices
from blender_addon.app.generation import GENERATION
from blender_addon.app.viewport import OVERLAY
from blender_addon.capture import (
    capture,
    relative_targets,
)
from blender_addon.capture.request import build_request
from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.solids import penetration
from blender_addon.takes import history as takes
from blender_addon.takes import settings_snapshot

from ..app.test_end_to_end import pytestmark as where_the_engine_runs
from ..helpers import rigs, scenes
from ..helpers.engines import generate, running_engine, wait_for

pytestmark = [*where_the_engine_runs, pytest.mark.same_in_every_blender]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("engine") / "connection.json"
    with running_engine(path, "engine.cli", "serve"):
        yield path


@pytest.fixture
def settings(addon, connection: Path) -> bpy.types.PropertyGroup:
    from blender_addon import preferences

    preferences.get().connection_file = str(connection)
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


def obstacle(target: bpy.types.Object, **values: object) -> bpy.types.PropertyGroup:
    bpy.context.view_layer.update()
    item = bpy.context.scene.gaitway.obstacles.add()
    item.target = target
    for name, value in values.items():
        setattr(item, name, value)
    return item


def ball(place: tuple[float, float, float], size: float, scale: tuple[float, float, float] = (1, 1, 1)):
    member = scenes.empty("Ball", {})
    member.empty_display_type, member.empty_display_size = "SPHERE", size
    member.location, member.scale = place, scale
    return member


def box(place: tuple[float, float, float], half: tuple[float, float, float]) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("Crate")
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    mesh.from_pydata(corners, [], [])
    member = bpy.data.objects.new("Crate", mesh)
    bpy.context.scene.collection.objects.link(member)
    member.location, member.scale = place, half
    return member


def walk(length: float = 4.0, frames: int = 97, **values: object) -> bpy.types.PropertyGroup:
    path = scenes.curve("Path", [(0, 0, 0), (0, -length / 2, 0), (0, -length, 0)], "POLY")
    return scenes.control(path, frame_start=1, frame_end=frames, **values)


def asked() -> tuple[capture.CapturedScene, object]:
    captured = capture.capture(bpy.context.scene)
    return captured, build_request(bpy.context.scene, captured)


# ---- what is asked


@pytest.mark.parametrize(("unit", "size"), [(1.0, 1.0), (0.01, 1.0), (1.0, 0.5)])
def test_obstacles_are_asked_for_at_the_size_of_the_model(settings, unit: float, size: float) -> None:
    """Whatever the scene's unit and the character's size: the engine's metres scaled back are the scene again."""
    scene = bpy.context.scene
    scene.unit_settings.scale_length = unit
    settings.character.scale = (size / unit,) * 3
    walk(4.0 * size / unit)
    obstacle(ball((1 / unit, -2 / unit, 0.5 / unit), 0.4 / unit), margin=0.1 / unit)
    obstacle(ball((1 / unit, -2 / unit, 0.5 / unit), 0.4 / unit, (1, 1, 3)), margin=0)
    obstacle(box((-1 / unit, -2 / unit, 0.5 / unit), (0.2 / unit, 0.3 / unit, 0.5 / unit)), margin=0)
    captured, request = asked()
    factor = captured.body.scale
    sphere, rod, crate = request.obstacles
    assert [solid.kind for solid in request.obstacles] == ["sphere", "capsule", "box"]
    floor = captured.body.floor * unit
    assert np.multiply(sphere.centre, factor) == pytest.approx([1, 0.5 - floor, 2], abs=1e-5)
    assert sphere.size[0] * factor == pytest.approx(0.4) and sphere.margin * factor == pytest.approx(0.1)
    assert np.multiply(rod.size, factor)[0] == pytest.approx(0.4, abs=1e-5)
    # The model's axes are X, Z and -Y of Blender's.
    inside = np.array([[-1.19, 0.5, 2.29], [-1.0, 0.99, 2.0], [-1.0, 0.5, 2.31], [-1.21, 0.5, 2.0]])
    depth, _ = penetration(crate, (inside - [0, floor, 0]) / factor)
    assert (depth > 0).tolist() == [True, True, False, False]


def test_an_obstacle_that_is_carried_stands_where_the_motion_begins(settings) -> None:
    settings.start_frame = 21
    carrier = scenes.empty("Lift", {1: (0, 0, 0), 41: (4, 0, 0)})
    member = ball((0, -1, 0), 0.2)
    member.parent = carrier
    walk()
    settings.controls[0].frame_start, settings.controls[0].frame_end = 21, 117
    obstacle(member)
    captured, request = asked()
    assert request.obstacles[0].centre[0] * captured.body.scale == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize("shape", ["SPHERE", "BOX", "CAPSULE"])
def test_a_mesh_can_be_any_solid_and_counts_as_its_modifiers_make_it(settings, shape: str) -> None:
    member = box((0, -2, 1), (0.1, 0.1, 0.1))
    member.modifiers.new("Row", "ARRAY").count = 5
    walk(follow="LOOSE")
    obstacle(member, shape=shape, margin=0)
    captured, request = asked()
    (solid,) = request.obstacles
    ends = np.array([[-0.1, 1, 2], [0.9, 1, 2], [1.2, 1, 2]]) - [0, captured.body.floor, 0]
    depth, _ = penetration(solid, ends / captured.body.scale)
    assert solid.kind == shape.lower() and depth[0] > -1e-4 and depth[1] > -1e-4 and depth[2] < 0


def test_what_is_no_obstacle_is_said(settings) -> None:
    walk()
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    bpy.context.scene.collection.objects.link(lamp)
    item = obstacle(lamp)
    with pytest.raises(GaitwayError, match="'Lamp' has no geometry"):
        asked()
    item.target = None
    with pytest.raises(GaitwayError, match="no object"):
        asked()
    item.enabled = False
    assert asked()[1].obstacles == ()


@pytest.mark.parametrize(("unit", "size"), [(1.0, 1.0), (0.01, 0.5)])
def test_a_pin_and_an_end_of_a_path_in_an_obstacle_are_said(settings, unit: float, size: float) -> None:
    bpy.context.scene.unit_settings.scale_length = unit
    settings.character.scale = (size / unit,) * 3
    walk(4.0 / unit)
    scenes.control(scenes.empty("Hand", {41: (0.5 / unit, -2 / unit, 1.2 * size / unit)}), "left_wrist")
    item = obstacle(ball((0.5 / unit, -2 / unit, 1.2 * size / unit), 0.1 / unit), margin=0.0)
    with pytest.raises(GaitwayError, match="left wrist is inside 'Ball' or its margin at frame 41"):
        asked()
    settings.controls[1].follow, settings.controls[1].tolerance = "TOLERANCE", 0.2 / unit
    asked()
    item.target.location = (0, -4 / unit, 0.9 * size / unit)
    bpy.context.view_layer.update()
    with pytest.raises(GaitwayError, match="pelvis is inside 'Ball' or its margin at frame 97"):
        asked()
    item.target.location = (0, -2 / unit, 0.9 * size / unit)
    bpy.context.view_layer.update()
    asked()  # it walks around it
    settings.controls[0].use_frames, settings.controls[0].frames = True, "1, 49, 97"
    with pytest.raises(GaitwayError, match="pelvis is inside 'Ball' or its margin at frame 49"):
        asked()  # a place of its own


@pytest.mark.parametrize("follow", ["EXACT", "TOLERANCE", "LOOSE"])
def test_a_path_through_a_post_is_walked_around_it(settings, follow: str) -> None:
    """In one even bend that the character follows with its feet, and nothing of it comes into the post."""
    walk(follow=follow, tolerance=0.6)
    post = box((0.05, -2, 0.9), (0.15, 0.15, 0.9))
    obstacle(post, shape="CAPSULE")
    generate()
    assert GENERATION.error is None, GENERATION.error
    take = settings.takes.items[0]
    assert take.entered < 0.02 and 0.3 < take.worst < 0.8 and take.drift < 0.02
    assert "moved around an obstacle" in GENERATION.report[-1]
    hips = GENERATION.observed.track("pelvis")
    assert hips[:, 0].max() < 0.05 and abs(hips[-1, 0]) < 0.1 and abs(hips[-1, 1] + 4) < 0.15


def test_an_obstacle_that_is_deleted_while_it_is_read_does_no_harm(settings) -> None:
    walk()
    carrier = scenes.empty("Lift", {1: (2, 0, 0), 41: (4, 0, 0)})
    for _ in range(2):
        member = ball((0, -1, 0), 0.2)
        member.parent = carrier
        obstacle(member)
    steps = 0
    while True:  # deleted after one piece more each time
        work = capture.read_scene(bpy.context.scene)
        try:
            for _ in range(steps):
                next(work)
            bpy.data.objects.remove(settings.obstacles[1].target)
            captured = time_slices.run_to_end(work)
            assert len(captured.obstacles) == 2
        except StopIteration:
            break
        except GaitwayError as error:
            assert "no object" in str(error)
        steps += 1
        member = ball((0, -1, 0), 0.2)
        member.parent, settings.obstacles[1].target = carrier, member
        bpy.context.view_layer.update()
    assert steps > 6


def test_the_selected_solids_become_obstacles_once(settings) -> None:
    crate, lamp = box((0, 0, 0), (1, 1, 1)), bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    bpy.context.scene.collection.objects.link(lamp)
    bpy.ops.object.select_all(action="DESELECT")
    lamp.select_set(True)
    with pytest.raises(RuntimeError, match="Select an empty"):
        bpy.ops.gaitway.obstacle_add()
    crate.select_set(True)
    bpy.ops.gaitway.obstacle_add()
    bpy.ops.gaitway.obstacle_add()
    assert [item.target for item in settings.obstacles] == [crate]
    bpy.ops.gaitway.obstacle_remove()
    with pytest.raises(RuntimeError, match="Select an obstacle"):
        bpy.ops.gaitway.obstacle_remove()


def test_a_joint_that_stays_beside_another_begins_with_their_present_offset(settings) -> None:
    """Whichever way the character looks, the offset is the same on its own axes."""
    armature = settings.character
    offsets = []
    for turn in (0.0, 1.2):
        armature.rotation_euler.z = turn
        bpy.context.view_layer.update()
        hip = scenes.evaluated(armature, 1, "mixamorig:RightUpLeg")
        aside = np.array([-0.15 * np.cos(turn), -0.15 * np.sin(turn), 0.05])
        pin = scenes.empty("Hand", {1: hip + aside})
        bpy.context.view_layer.update()
        control = scenes.control(pin, "right_wrist")
        control.relative_to = "right_hip"
        offsets.append(np.array(control.offset))
    assert offsets[0] == pytest.approx([-0.15, 0, 0.05], abs=1e-3)
    assert offsets[1] == pytest.approx(offsets[0], abs=1e-3)
    # Without an object it is the joint itself as it is posed.
    alone = scenes.control(None, "left_wrist")
    alone.relative_to = "left_hip"
    wrist, hip = (scenes.evaluated(armature, 1, f"mixamorig:{name}") for name in ("LeftHand", "LeftUpLeg"))
    assert np.linalg.norm(alone.offset) == pytest.approx(np.linalg.norm(wrist - hip), abs=1e-4)
    alone.joint = "left_knee"
    knee = scenes.evaluated(armature, 1, "mixamorig:LeftLeg")
    assert np.linalg.norm(alone.offset) == pytest.approx(np.linalg.norm(knee - hip), abs=1e-4)
    control.joint = "right_elbow"  # its object shows the place, whichever joint comes there
    assert np.array(control.offset) == pytest.approx(offsets[1], abs=1e-6)


def test_what_is_wrong_with_a_joint_beside_another_is_said(settings) -> None:
    walk()
    control = scenes.control(None, "right_wrist", frame_start=1, frame_end=60)
    control.relative_to = "right_wrist"
    with pytest.raises(GaitwayError, match="follow itself"):
        asked()
    control.relative_to = "right_hip"
    other = scenes.control(None, "right_wrist", frame_start=60, frame_end=80)
    other.relative_to = "head"
    with pytest.raises(GaitwayError, match="two joints at frame 60"):
        asked()
    other.frame_start = 61
    first, second = asked()[1].relative
    assert (first.start_frame, first.num_frames) == (0, 50) and second.start_frame == 50
    scenes.control(scenes.empty("Hand", {40: (0, 0, 1)}), "right_wrist")
    with pytest.raises(GaitwayError, match="At frame 40 the right wrist is set to follow both 'Hand'"):
        asked()
    settings.controls.remove(3)
    other.frame_end = 61
    with pytest.raises(GaitwayError, match="end later"):
        asked()


def test_time_slack_is_asked_for_in_the_frames_of_the_model(settings) -> None:
    scenes.set_rate(30)
    walk(frames=121)
    scenes.control(scenes.empty("Hand", {61: (0.3, -2, 1.2)}), "left_wrist", slack=6)
    _, request = asked()
    wrist = SKELETON.index("left_wrist")
    assert request.slack[:, wrist].nonzero()[0].tolist() == [40] and request.slack[40, wrist] == 4
    settings.controls[1].slack = 0
    assert asked()[1].slack is None


# ---- what is made of it


def test_nothing_of_the_body_is_in_an_obstacle(settings) -> None:
    walk()
    obstacle(ball((0.25, -2, 1.25), 0.2), margin=0.05)
    obstacle(box((-0.7, -3, 0.5), (0.3, 0.3, 0.5)), margin=0.05)
    generate()
    assert GENERATION.error is None, GENERATION.error
    take = settings.takes.items[0]
    for solid in takes.source_of(take).request.obstacles:
        depth, _ = penetration(solid, GENERATION.result.joints[0])
        assert depth.max() < 0.01
    # What the figure says is what Blender shows: the deepest bone in the ball or in the box.
    bones, deepest = GENERATION.captured.body.bones.values(), 0.0
    for frame in range(1, 98):
        heads = np.array([scenes.evaluated(settings.character, frame, bone) for bone in bones])
        in_ball = 0.2 - np.linalg.norm(heads - [0.25, -2, 1.25], axis=-1)
        in_box = (np.array([0.3, 0.3, 0.5]) - np.abs(heads - [-0.7, -3, 0.5])).min(-1)
        deepest = max(deepest, in_ball.max(), in_box.max())
    outline = OVERLAY.layers["obstacles"].points
    away = np.linalg.norm(outline[:, None] - [[0.25, -2, 1.25], [-0.7, -3, 0.5]], axis=-1).min(1)
    assert away.min() == pytest.approx(0.25, abs=1e-5) and away.max() == pytest.approx(np.hypot(0.55, 0.35 * 2**0.5))
    assert take.entered == pytest.approx(deepest, abs=0.01) and take.entered < 0.05


def test_obstacles_alone_are_where_they_are_seen(settings) -> None:
    """Without a control the character walks from where it stands, and the obstacle is in its way there."""
    settings.character.location = (3, 1, 0)
    bpy.context.view_layer.update()
    settings.length_mode, settings.seconds, settings.start_here = "SECONDS", 4.0, False
    generate()
    armature = settings.character
    hips = GENERATION.captured.body.bones["pelvis"]
    free = np.array([scenes.evaluated(armature, frame, hips) for frame in range(1, 97)])
    assert np.linalg.norm(free[0, :2] - [3, 1]) < 0.05
    middle = free[48]
    bpy.ops.gaitway.take_discard()
    obstacle(ball(tuple(middle), 0.25), margin=0.0)
    generate()
    assert GENERATION.error is None, GENERATION.error
    led = np.array([scenes.evaluated(armature, frame, hips) for frame in range(1, 97)])
    assert np.linalg.norm(led[0, :2] - [3, 1]) < 0.05
    assert np.linalg.norm(free - middle, axis=-1).min() < 0.05 < 0.23 < np.linalg.norm(led - middle, axis=-1).min()


@pytest.mark.parametrize("rig", [rigs.mixamo, rigs.unreal])
def test_a_hand_stays_on_the_hip_of_the_rig(settings, rig) -> None:
    bpy.data.objects.remove(settings.character)
    settings.character = rig()
    walk()
    control = scenes.control(None, "right_wrist", frame_start=20, frame_end=70)
    control.relative_to = "right_hip"
    control.offset = (-0.12, 0.02, 0.1)
    generate()
    assert GENERATION.error is None, GENERATION.error
    frames, errors = GENERATION.observed.errors["right_wrist beside right_hip"]
    assert 20 <= frames.min() < 21.3 and 68.7 < frames.max() <= 70
    assert np.percentile(errors, 95) < 0.01 and errors.max() < 0.02
    bones = GENERATION.captured.body.bones
    for frame in (30, 45, 60):
        wrist, hip = (scenes.evaluated(settings.character, frame, bones[name]) for name in ("right_wrist", "right_hip"))
        assert np.linalg.norm(wrist - hip) == pytest.approx(np.linalg.norm(control.offset), abs=0.02)


def test_a_key_with_slack_is_met_when_it_suits_and_the_rig_meets_it_then(settings) -> None:
    """The hips pass a place of their own path 12 frames before they are asked to be there."""
    walk()
    pin = scenes.empty("Chest", {61: (0, -2.0, 1.25)})
    control = scenes.control(pin, "spine3")
    generate()
    strict = GENERATION.observed.errors["spine3"][0]
    assert strict.tolist() == [61]
    bpy.ops.gaitway.take_discard()
    control.slack = 24
    generate()
    assert GENERATION.error is None, GENERATION.error
    frames, errors = GENERATION.observed.errors["spine3"]
    assert 37 <= frames[0] <= 55 and errors[0] < 0.01
    bone = GENERATION.captured.body.bones["spine3"]
    assert np.linalg.norm(scenes.evaluated(settings.character, frames[0], bone) - [0, -2, 1.25]) < 0.015


def test_a_whole_path_may_wait(settings) -> None:
    """Each point of it, in their order; the character is on its way all the time, and facing goes along."""
    walk(slack=8, facing="AHEAD")
    generate()
    assert GENERATION.error is None, GENERATION.error
    frames, errors = GENERATION.observed.errors["pelvis"]
    assert (np.diff(frames) >= 0).all() and np.abs(frames - np.linspace(1, 97, 81)).max() <= 8 + 1e-6
    assert np.percentile(errors, 95) < 0.01 and settings.takes.items[0].drift < 0.02


def test_all_of_it_together(settings) -> None:
    """A path with a facing through a post, a hand that may wait, the other one on the hip."""
    walk(facing="AHEAD")
    obstacle(box((0.05, -2, 0.9), (0.15, 0.15, 0.9)), shape="CAPSULE")
    scenes.control(scenes.empty("Hand", {25: (0.35, -0.8, 1.1)}), "left_wrist", slack=6)
    control = scenes.control(None, "right_wrist", frame_start=30, frame_end=90)
    control.relative_to, control.offset = "right_hip", (-0.12, 0.02, 0.1)
    generate()
    assert GENERATION.error is None, GENERATION.error
    observed, take = GENERATION.observed, settings.takes.items[0]
    assert take.entered < 0.02 and take.drift < 0.03 and observed.detour is not None
    assert observed.errors["left_wrist"][1][0] < 0.02 and 19 <= observed.errors["left_wrist"][0][0] <= 31
    assert np.percentile(observed.errors["right_wrist beside right_hip"][1], 95) < 0.02


# ---- the history


def test_a_take_restores_and_repeats_them(settings) -> None:
    walk()
    scenes.control(scenes.empty("Hand", {49: (0.3, -2, 1.2)}), "left_wrist", slack=5)
    control = scenes.control(None, "right_wrist", frame_start=20, frame_end=70)
    control.relative_to = "right_hip"
    control.offset = (-0.12, 0.02, 0.1)
    obstacle(ball((0.6, -2, 0.5), 0.3), shape="BOX", margin=0.03)
    kept = settings_snapshot.to_text(settings)
    generate()
    made, take = GENERATION.result.joints.copy(), settings.takes.items[0]
    offset = tuple(control.offset)
    settings.obstacles.clear()
    settings.controls.clear()
    bpy.ops.gaitway.take_restore()
    assert settings_snapshot.to_text(settings) == kept
    assert tuple(settings.controls[2].offset) == offset  # choosing the joint again has not taken another one
    settings.obstacles.clear()
    settings.controls.clear()
    bpy.ops.gaitway.take_repeat()
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None and GENERATION.result.joints.tobytes() == made.tobytes()
    assert "right_wrist beside right_hip" in GENERATION.observed.errors and take.is_measured
    assert settings.takes.items[1].worst == pytest.approx(take.worst, abs=1e-5)


def test_undo_and_redo_of_an_offset(settings) -> None:
    bpy.ops.ed.undo_push(message="begin")
    control = scenes.control(None, "right_wrist")
    bpy.ops.ed.undo_push(message="add")
    control.relative_to = "right_hip"
    before = tuple(control.offset)
    control.offset = (0, 0, 0)
    bpy.ops.ed.undo_push(message="zero")
    bpy.ops.gaitway.control_offset()
    bpy.ops.ed.undo_push(message="offset")
    assert tuple(bpy.context.scene.gaitway.controls[0].offset) == pytest.approx(before)
    bpy.ops.ed.undo()
    assert tuple(bpy.context.scene.gaitway.controls[0].offset) == (0, 0, 0)
    bpy.ops.ed.redo()
    assert tuple(bpy.context.scene.gaitway.controls[0].offset) == pytest.approx(before)
    assert relative_targets.read_relative_targets(bpy.context.scene, ())[0].to_joint == "right_hip"
