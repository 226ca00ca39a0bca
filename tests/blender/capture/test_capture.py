# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator set up against what the model is asked for: positions through parents, curves of every kind,
units, rates.

The truth is Blender's own: the scene's playhead is moved and the evaluated matrices are read, where the add-on uses
neither.
"""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import offscreen
from blender_addon.capture import capture
from blender_addon.capture.request import build_request
from blender_addon.character import body
from blender_addon.shared import space
from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.skeleton import FPS, SKELETON

from ..helpers import rigs, scenes

RATES = [24.0, 25.0, 30.0, 60000 / 1001]


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    found.start_frame = 1
    return found


def tilted_parent(moving: bool = True) -> bpy.types.Object:
    """Grandparent and parent with turns, uneven scales and, when moving, keys of their own."""
    grandparent = scenes.empty("Grandparent", {1: (0, 0, 0), 60: (1, 0.5, 0)} if moving else {})
    grandparent.rotation_euler = (0.2, -0.4, 1.1)
    grandparent.scale = (1.5, 0.7, 2.0)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.parent = grandparent
    parent.rotation_euler = (0.5, 0.1, -0.3)
    parent.scale = (0.5, 1.2, 0.8)
    return parent


def asked(captured: capture.CapturedScene, joint: str) -> tuple[np.ndarray, np.ndarray]:
    """Frames (K,) and hints (K, 3) as Blender world points in scene units."""
    index = SKELETON.index(joint)
    frames = np.flatnonzero(captured.signal.hint_mask[:, index])
    metres = captured.signal.hint[frames, index] * captured.body.scale
    return frames, space.model_to_blender(metres, captured.unit_scale) + np.array([0, 0, captured.body.floor])


def test_keyed_empties_are_read_through_their_parents(settings) -> None:
    hand = scenes.empty("Hand", {1: (0.5, 0.2, 1), 25: (1, -0.5, 1.2), 49: (0.8, -1, 1.1)}, tilted_parent())
    hand.hide_viewport = True  # a disabled object counts as well
    bpy.context.scene.frame_set(17)
    scenes.control(hand, "left_wrist")
    captured = capture.capture(bpy.context.scene)
    assert bpy.context.scene.frame_current == 17 and len(bpy.data.scenes) == 1
    (track,) = captured.tracks
    assert track.frames.tolist() == [1, 25, 49]
    hand.hide_viewport = False
    for frame, point in zip(track.frames, track.points, strict=True):
        assert np.allclose(point, scenes.evaluated(hand, frame), atol=1e-5)
    # At 24 frames a second these keys fall on model frames 0, 20 and 40 exactly.
    frames, points = asked(captured, "left_wrist")
    assert frames.tolist() == [0, 20, 40] and captured.signal.num_frames == 41
    assert np.allclose(points, track.points, atol=1e-5)


def test_constraints_and_drivers_count(settings) -> None:
    target = scenes.empty("Target", {1: (0, 0, 1), 30: (2, 0, 1)})
    hand = scenes.empty("Hand", {1: (0, 0, 0), 21: (0, 0, 0)})
    hand.constraints.new("COPY_LOCATION").target = target
    driver = target.driver_add("delta_location", 2).driver
    driver.expression = "frame / 10"
    scenes.control(hand, "head")
    (track,) = capture.capture(bpy.context.scene).tracks
    expected = np.array([scenes.evaluated(hand, frame) for frame in track.frames])
    assert np.allclose(track.points, expected, atol=1e-5)
    assert np.ptp(track.points[:, 2]) == pytest.approx(2.0, abs=1e-4)


def test_pose_bones_lead_by_their_keyed_frames(settings) -> None:
    other = rigs.mixamo()
    other.location, other.scale = (3, 1, 0), (2, 2, 2)
    bone = other.pose.bones["mixamorig:LeftHand"]
    for frame, turn in ((5, 0.2), (20, 0.9)):
        bone.rotation_mode = "XYZ"
        bone.rotation_euler = (turn, 0, 0)
        bone.keyframe_insert("rotation_euler", frame=frame)
        root = other.pose.bones["mixamorig:Hips"]
        root.location = (0, turn, 0)
        root.keyframe_insert("location", frame=frame * 2)
    scenes.control(other, "left_wrist", "mixamorig:LeftHand")
    (track,) = capture.capture(bpy.context.scene).tracks
    assert track.frames.tolist() == [5, 20]  # the hand's own keys, not the hips'
    expected = [scenes.evaluated(other, frame, "mixamorig:LeftHand") for frame in track.frames]
    assert np.allclose(track.points, expected, atol=1e-5)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_hints_lie_on_the_motion_at_any_rate_and_unit(settings, fps: float, unit: float) -> None:
    """An empty that walks in straight lines at an even speed: each hint lies where the empty is at the model frame's
    own time.
    """
    scene = bpy.context.scene
    scenes.set_rate(fps)
    scene.unit_settings.scale_length = unit
    settings.character.scale = (1 / unit,) * 3
    settings.character.location = (0, 0, 0.3 / unit)
    hand = scenes.empty("Hand", {frame: (frame * 0.01 / unit, 0, 1 / unit) for frame in range(1, 90, 8)})
    scenes.control(hand, "right_wrist")
    captured = capture.capture(scene)
    assert captured.body.scale == pytest.approx(body.read_body(settings.character, scene).scale)
    frames, points = asked(captured, "right_wrist")
    times = space.model_to_scene_frame(frames, 1, fps)
    expected = np.stack([times * 0.01, 0 * times, 0 * times + 1], -1) / unit
    assert np.allclose(points * unit, expected * unit, atol=2e-5)
    assert captured.body.ground * unit == pytest.approx(0.3, abs=1e-5)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("kind", ["BEZIER", "NURBS", "POLY"])
def test_curves_are_walked_at_an_even_speed(settings, kind: str, fps: float) -> None:
    scenes.set_rate(fps)
    corners = [(0, 0, 1), (0.2, -1, 1), (2, -1.2, 1.1), (2.2, -3, 1)]
    path = scenes.curve("Path", corners, kind, tilted_parent(moving=False))
    path.data.bevel_depth, path.data.extrude = 0.05, 0.1
    scenes.control(path, "head", frame_start=11, frame_end=91)
    captured = capture.capture(bpy.context.scene)
    frames, points = asked(captured, "head")
    first, last = (space.scene_to_model_frame(frame, 1, fps) for frame in (11, 91))
    assert frames[0] == np.ceil(first - 1e-6) and frames[-1] == np.floor(last + 1e-6)
    assert np.all(np.diff(frames) == 1)
    line = evaluated_line(path)
    walked = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=-1))])
    expected = (frames - first) / (last - first) * walked[-1]
    where = np.array([nearest_on_line(line, walked, point) for point in points])
    assert where[:, 0].max() < 1e-3  # on the curve
    assert np.abs(where[:, 1] - expected).max() < 5e-3 * walked[-1]  # at the right share of its length
    if kind != "NURBS" and fps == 25.0:  # these model frames hit the ends, and such curves pass their end points
        assert np.allclose(points[[0, -1]], (line[0], line[-1]), atol=1e-4)


def evaluated_line(path: bpy.types.Object, number: int = 1500) -> np.ndarray:
    """The curve as Blender's own Follow Path sees it: an empty led along it by a constraint, read in the scene
    itself.
    """
    follower = scenes.empty("Follower", {})
    follower.parent = path.parent  # any parent: the constraint works in world space
    constraint = follower.constraints.new("FOLLOW_PATH")
    constraint.target, constraint.use_fixed_location = path, True
    path.data.use_path = True
    path.data.resolution_u = 64
    for spline in path.data.splines:
        spline.resolution_u = 64
    follower.parent = None
    places = []
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for factor in np.linspace(0, 1, number):
        constraint.offset_factor = factor
        bpy.context.view_layer.update()
        places.append(np.array(follower.evaluated_get(depsgraph).matrix_world.translation))
    return np.array(places)


def nearest_on_line(line: np.ndarray, walked: np.ndarray, point: np.ndarray) -> tuple[float, float]:
    """Distance of ``point`` from the line and how far along the line that is."""
    ways = np.diff(line, axis=0)
    share = np.clip(((point - line[:-1]) * ways).sum(-1) / np.maximum((ways * ways).sum(-1), 1e-12), 0, 1)
    distances = np.linalg.norm(line[:-1] + share[:, None] * ways - point, axis=-1)
    best = int(distances.argmin())
    return float(distances[best]), float(walked[best] + share[best] * np.linalg.norm(ways[best]))


def test_a_closed_curve_ends_where_it_began(settings) -> None:
    path = scenes.curve("Ring", [(0, 0, 1), (1, -1, 1), (0, -2, 1), (-1, -1, 1)])
    path.data.splines[0].use_cyclic_u = True
    scenes.control(path, "head", frame_start=1, frame_end=121)
    _, points = asked(capture.capture(bpy.context.scene), "head")
    assert np.allclose(points[0], points[-1], atol=1e-5) and np.allclose(points[50], (0, -2, 1), atol=1e-3)


def test_a_path_on_the_floor_leads_the_hips_at_their_height(settings) -> None:
    flat = [(0, 0, 0), (0, -2, 0), (1, -3, 0)]
    item = scenes.control(scenes.curve("Path", flat), frame_end=100)
    figure = body.read_body(settings.character, bpy.context.scene)
    _, points = asked(capture.capture(bpy.context.scene), "pelvis")
    # Where the rig's own hips are at rest, but for the way the two bodies hold theirs.
    assert np.ptp(points[:, 2]) < 1e-5 and abs(points[0, 2] - rigs_hips_height(settings.character)) < 0.03
    assert figure.ground == pytest.approx(0, abs=1e-6)
    # Their height while walking is the model's to choose, and does not count as an error.
    captured = capture.capture(bpy.context.scene)
    (track,) = captured.tracks
    assert captured.signal.free_height and build_request(bpy.context.scene, captured).free_height
    assert np.allclose(track.distances(track.points + np.array([0.03, 0.04, 0.5])), 0.05)
    item.height = "DRAWN"
    drawn = capture.capture(bpy.context.scene)
    assert not drawn.signal.free_height
    assert np.allclose(drawn.tracks[0].distances(drawn.tracks[0].points + np.array([0, 0, 0.5])), 0.5)
    _, points = asked(drawn, "pelvis")
    assert np.allclose(points[:, 2], 0, atol=1e-5)
    item.height, item.target.location.z = "AUTO", 0.9
    _, points = asked(capture.capture(bpy.context.scene), "pelvis")
    assert np.allclose(points[:, 2], 0.9, atol=1e-5)


def rigs_hips_height(armature: bpy.types.Object) -> float:
    return float((armature.matrix_world @ armature.data.bones["mixamorig:Hips"].head_local).z)


@pytest.mark.parametrize("degrees", [0.0, 75.0, -150.0])
def test_without_a_path_the_character_starts_as_it_stands(settings, degrees: float) -> None:
    settings.character.rotation_euler = (0, 0, np.radians(degrees))
    settings.character.location = (2, -1, 0)
    bpy.context.view_layer.update()
    settings.length_mode, settings.seconds = "SECONDS", 3.0
    captured = capture.capture(bpy.context.scene)
    assert np.degrees(captured.heading) == pytest.approx(degrees, abs=1e-3)
    assert captured.signal.num_frames == 60 and not captured.signal.hint_mask.any()
    joints = np.zeros((60, 22, 3), np.float32)
    placed = space.model_to_blender(capture.to_floor(joints, captured) * captured.body.scale)
    hips = settings.character.matrix_world @ settings.character.data.bones["mixamorig:Hips"].head_local
    assert np.allclose(placed[0, 0, :2], hips[:2], atol=1e-5)


def test_a_path_of_the_hips_sets_the_heading(settings) -> None:
    scenes.control(scenes.curve("Path", [(0, 0, 0), (3, 0, 0)]), frame_end=60)
    assert capture.capture(bpy.context.scene).heading is None


# ---- what cannot be followed


def refused(*words: str) -> None:
    with pytest.raises(GaitwayError) as caught:
        capture.capture(bpy.context.scene)
    assert caught.value.hint, "an error without a remedy"
    for word in words:
        assert word in caught.value.message, caught.value.message
    assert len(bpy.data.scenes) == 1 and not [o for o in bpy.data.objects if o.name.startswith(offscreen.EMPTY_NAME)]


def test_an_empty_without_keys(settings) -> None:
    scenes.control(scenes.empty("Lazy", {}))
    refused("'Lazy'", "no keyframes")


@pytest.mark.parametrize(
    ("kind", "points"),
    [("POLY", [(1, 1, 0)]), ("POLY", [(1, 1, 0), (1, 1, 0)]), ("BEZIER", [(1, 1, 0)]), ("NURBS", [(1, 1, 0)] * 4)],
)
def test_a_curve_of_less_than_two_points(settings, kind: str, points) -> None:
    scenes.control(scenes.curve("Dot", points, kind), frame_end=50)
    refused("'Dot'", "fewer than two")


def test_a_curve_without_points(settings) -> None:
    path = scenes.curve("Void", [(0, 0, 0)])
    path.data.splines.clear()
    scenes.control(path, frame_end=50)
    refused("'Void'", "fewer than two")


def test_a_spline_that_is_not_there(settings) -> None:
    scenes.control(scenes.curve("Path", [(0, 0, 0), (1, 0, 0)]), spline=2)
    refused("'Path'", "no spline 2")


def test_a_curve_that_ends_before_it_starts(settings) -> None:
    scenes.control(scenes.curve("Path", [(0, 0, 0), (1, 0, 0)]), frame_start=50, frame_end=50)
    refused("'Path'", "starts at 50")


def test_keys_before_the_start(settings) -> None:
    scenes.control(scenes.empty("Early", {-10: (0, 0, 0), 20: (1, 0, 0)}))
    refused("'Early'", "frame -10")


def test_keys_after_the_end(settings) -> None:
    settings.length_mode, settings.seconds = "SECONDS", 2.0
    scenes.control(scenes.empty("Late", {1: (0, 0, 0), 100: (1, 0, 0)}))
    refused("'Late'", "frame 100")


def test_one_joint_led_twice_at_once(settings) -> None:
    scenes.control(scenes.empty("One", {1: (0, 0, 1), 20: (0, 0, 1)}), "head")
    second = scenes.control(scenes.empty("Two", {20: (0, 0, 1)}), "head")
    refused("'One'", "'Two'", "head", "frame 20")
    second.enabled = False
    assert len(capture.capture(bpy.context.scene).tracks) == 1


def test_an_object_that_is_gone(settings) -> None:
    gone = scenes.empty("Gone", {1: (0, 0, 1)})
    scenes.control(gone)
    bpy.context.scene.collection.objects.unlink(gone)
    refused("Gone")
    bpy.data.objects.remove(gone)
    refused("no object")


def test_a_bone_that_is_gone(settings) -> None:
    scenes.control(settings.character, "head", "NoSuchBone")
    refused("NoSuchBone")


def test_a_value_that_is_no_number(settings) -> None:
    scenes.control(scenes.empty("Broken", {1: (0, 0, 1), 20: (float("nan"), 0, 1)}))
    refused("not a finite number")


def test_no_character(settings) -> None:
    settings.character = None
    refused("No character")


def test_a_rig_that_is_no_human(settings) -> None:
    data = bpy.data.armatures.new("Lamp")
    settings.character = bpy.data.objects.new("Lamp", data)
    bpy.context.scene.collection.objects.link(settings.character)
    bpy.context.view_layer.objects.active = settings.character
    bpy.ops.object.mode_set(mode="EDIT")
    for number in range(3):
        bone = data.edit_bones.new(f"Part {number}")
        bone.head, bone.tail = (0, 0, number), (0, 0, number + 1)
        bone.parent = data.edit_bones[number - 1] if number else None
    bpy.ops.object.mode_set(mode="OBJECT")
    refused("human")


def test_a_rig_that_is_scaled_unevenly(settings) -> None:
    settings.character.scale = (1, 2, 1)
    refused("unevenly")


def test_controls_that_all_end_at_the_start(settings) -> None:
    scenes.control(scenes.empty("Pin", {1: (0, 0, 1)}))
    refused("where the motion starts")
    settings.length_mode = "SECONDS"
    assert capture.capture(bpy.context.scene).signal.hint_mask.sum() == 1


def test_model_rate_is_what_this_page_assumes() -> None:
    assert FPS == 20.0
