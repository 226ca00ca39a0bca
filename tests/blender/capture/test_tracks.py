# SPDX-License-Identifier: GPL-3.0-or-later
"""When, how fast, how closely: what a control's settings make of it. The truth is a closed form, or Blender's own
Follow Path constraint in the scene itself.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.capture import capture, tracks
from blender_addon.capture.request import build_request
from blender_addon.shared.errors import BadControl

from ..helpers import rigs, scenes
from .test_capture import RATES, asked, tilted_parent


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


def only_track() -> tracks.Track:
    (track,) = capture.capture(bpy.context.scene).tracks
    return track


def ring(radius: float = 2.0, parent: bpy.types.Object | None = None) -> bpy.types.Object:
    """A closed Bezier circle, within 0.03 % of a true one, from (0, -radius) counter-clockwise."""
    corners = [(0, -radius, 0), (radius, 0, 0), (0, radius, 0), (-radius, 0, 0)]
    path = scenes.curve("Ring", corners, parent=parent)
    spline = path.data.splines[0]
    spline.use_cyclic_u = True
    arm = radius * 4 / 3 * math.tan(math.pi / 8)
    for point in spline.bezier_points:
        point.handle_left_type = point.handle_right_type = "FREE"
        x, y, _ = point.co
        ahead = np.array([-y, x, 0]) / radius * arm
        point.handle_right, point.handle_left = np.array(point.co) + ahead, np.array(point.co) - ahead
    return path


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_a_circle_is_walked_by_equal_angles(settings, fps: float, unit: float) -> None:
    scene = bpy.context.scene
    scenes.set_rate(fps)
    scene.unit_settings.scale_length = unit
    settings.character.scale = (1 / unit,) * 3
    scenes.control(ring(2 / unit), frame_start=1, frame_end=145)
    captured = capture.capture(scene)
    (track,) = captured.tracks
    angles = np.radians(-90 + 360 * (track.frames - 1) / 144)
    circle = np.stack([np.cos(angles), np.sin(angles)], -1) * 2
    assert np.abs(track.points[:, :2] * unit - circle).max() < 3e-3
    _, hints = asked(captured, "pelvis")
    steps = np.linalg.norm(np.diff(hints, axis=0), axis=-1) * unit * 20
    assert steps == pytest.approx(2 * math.pi * 2 / (144 / fps), rel=2e-3)


@pytest.mark.parametrize(("pace", "rise", "fall"), [("EASE", 1, 1), ("EASE_IN", 1, 0), ("EASE_OUT", 0, 1)])
def test_speed_is_gathered_and_lost_evenly(settings, pace: str, rise: int, fall: int) -> None:
    """6 m in 5 s: with one second of gathering and one of losing speed the full speed is 6 / 4 m/s, and 0.75 m are
    behind after the first second.
    """
    scenes.control(scenes.curve("Path", [(0, 0, 0), (0, -6, 0)], "POLY"), frame_start=1, frame_end=121, pace=pace)
    track = only_track()
    seconds = (track.frames - 1) / 24
    full = 6 / (5 - (rise + fall) / 2)
    expected = full * (seconds - rise / 2)
    if rise:
        expected = np.where(seconds < 1, full * seconds**2 / 2, expected)
    if fall:
        expected = np.where(seconds > 4, 6 - full * (5 - seconds) ** 2 / 2, expected)
    assert np.allclose(-track.points[:, 1], expected, atol=1e-5)
    assert np.allclose(track.points[[0, -1], 1], [0, -6], atol=1e-5)


def test_gathering_and_losing_speed_share_a_short_time(settings) -> None:
    scenes.control(scenes.curve("Path", [(0, 0, 0), (0, -1, 0)], "POLY"), frame_end=25, pace="EASE", ease=4.0)
    track = only_track()
    half = np.flatnonzero(np.isclose(track.frames, 13))
    assert track.points[half, 1] == pytest.approx(-0.5, abs=1e-6)
    assert np.all(np.diff(track.points[:, 1]) < 0)


def follower(path: bpy.types.Object) -> bpy.types.Object:
    """An object that Blender's own constraint leads along the curve."""
    member = scenes.empty("Follower", {})
    constraint = member.constraints.new("FOLLOW_PATH")
    constraint.target = path
    path.data.use_path = True
    return member


def key_time(path: bpy.types.Object, keys: dict[int, float]) -> None:
    for frame, value in keys.items():
        path.data.eval_time = value
        path.data.keyframe_insert("eval_time", frame=frame)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("moving", [False, True])
def test_evaluation_time_leads_like_follow_path(settings, closed: bool, moving: bool) -> None:
    path = scenes.curve("Path", [(0, 0, 0.5), (1, -1, 0.5), (3, -1, 0.6), (3, -3, 0.5)], parent=tilted_parent(moving))
    path.data.splines[0].use_cyclic_u = closed
    path.data.path_duration = 80
    for spline in path.data.splines:
        spline.resolution_u = 64
    key_time(path, {1: 0, 30: 50, 50: 30, 90: 80})
    led = follower(path)
    scenes.control(path, "head", pace="ANIMATED", frame_start=1, frame_end=85)
    track = only_track()
    expected = np.array([scenes.evaluated(led, frame) for frame in track.frames])
    assert np.abs(track.points - expected).max() < 2e-3
    assert np.ptp(expected[:, 0]) > 1
    settings.controls[0].reverse = True
    key_time(path, {1: 80, 30: 30, 50: 50, 90: 0})  # the mirror image
    assert np.abs(only_track().points - expected).max() < 5e-3


def test_adding_a_curve_with_a_keyed_evaluation_time_takes_its_keys(settings) -> None:
    path = scenes.curve("Path", [(0, 0, 0), (0, -4, 0)])
    key_time(path, {11: 0, 71: 100})
    bpy.ops.object.select_all(action="DESELECT")
    path.select_set(True)
    bpy.ops.gaitway.control_add()
    control = settings.controls[0]
    assert (control.pace, control.frame_start, control.frame_end) == ("ANIMATED", 11, 71)


def test_a_curve_that_rides_takes_its_walker_along(settings) -> None:
    cart = scenes.empty("Cart", {1: (0, 0, 0), 101: (10, 0, 0)})
    scenes.control(scenes.curve("Path", [(0, 0, 0), (0, -5, 0)], "POLY", cart), frame_start=1, frame_end=101)
    bpy.context.scene.frame_set(60)  # where the playhead stands does not matter
    track = only_track()
    share = (track.frames - 1) / 100
    assert np.allclose(track.points[:, :2], np.stack([10 * share, -5 * share], -1), atol=1e-4)


def test_reverse_walks_from_the_end(settings) -> None:
    item = scenes.control(scenes.curve("Path", [(0, 0, 0), (2, 0, 0), (2, -3, 0)], "POLY"), frame_end=97)
    forward = only_track().points
    item.reverse = True
    assert np.allclose(only_track().points, forward[::-1], atol=1e-4)


def test_several_splines_are_walked_one_after_the_other_or_one_alone(settings) -> None:
    path = scenes.curve("Two", [(0, 0, 0), (1, 0, 0)], "POLY")
    second = path.data.splines.new("POLY")
    second.points.add(1)
    second.points[0].co, second.points[1].co = (1, -1, 0, 1), (3, -1, 0, 1)
    item = scenes.control(path, frame_start=1, frame_end=97)  # 4 m with the way between the two: 1 m/s
    track = only_track()
    at = dict(zip(np.round((track.frames - 1) / 24, 3).tolist(), track.points[:, :2].tolist(), strict=True))
    for second_of_walk, place in ((0.5, (0.5, 0)), (1.5, (1, -0.5)), (3.0, (2, -1)), (4.0, (3, -1))):
        assert at[second_of_walk] == pytest.approx(place, abs=1e-5)
    item.spline = 2
    track = only_track()
    assert np.allclose(track.points[[0, -1], :2], [(1, -1), (3, -1)])


def test_a_lying_circle_scaled_unevenly_is_walked_by_world_length(settings) -> None:
    path = scenes.curve("Path", [(0, 0, 0), (1, 0, 0), (1, -1, 0)], "POLY")
    path.scale = (4, 1, 1)  # 4 m and then 1 m
    scenes.control(path, frame_start=1, frame_end=121)
    track = only_track()
    corner = np.flatnonzero(np.isclose(track.frames, 97))
    assert np.allclose(track.points[corner, :2], (4, 0), atol=1e-4)


# ---- times


def test_every_frame_between_the_keys(settings) -> None:
    hand = scenes.empty("Hand", {5: (0, 0, 1), 29: (1, 0, 1), 53: (1, 1, 1)})
    item = scenes.control(hand, "left_wrist", times="BETWEEN")
    track = only_track()
    assert track.frames[0] >= 5 and track.frames[-1] <= 53 + 1e-6
    assert np.allclose(np.diff(track.frames), 24 / 20)
    expected = np.array([scenes.evaluated(hand, frame) for frame in track.frames])
    assert np.allclose(track.points, expected, atol=1e-4)
    item.times, item.frame_start, item.frame_end = "RANGE", 1, 97
    track = only_track()
    assert (track.frames[0], track.frames[-1]) == pytest.approx((1, 97))
    assert np.allclose(track.points[-1], (1, 1, 1))


def test_an_object_without_keys_leads_by_its_constraints(settings) -> None:
    target = scenes.empty("Target", {1: (0, 0, 1), 25: (1, 0, 1)})
    led = scenes.empty("Led", {})
    led.constraints.new("COPY_LOCATION").target = target
    scenes.control(led, "right_wrist", times="RANGE", frame_start=1, frame_end=25)
    track = only_track()
    assert np.allclose(track.points[:, 0], (track.frames - 1) / 24, atol=1e-4)


@pytest.mark.parametrize("times", ["KEYS", "BETWEEN"])
def test_only_at_chosen_frames(settings, times: str) -> None:
    hand = scenes.empty("Hand", {1: (0, 0, 1), 13: (0.2, 0, 1), 25: (0.5, 0, 1), 49: (1, 0, 1)})
    item = scenes.control(hand, "left_wrist", times=times, use_frames=True, frames="13, 40-60")
    frames = only_track().frames
    if times == "KEYS":
        assert frames.tolist() == [13, 49]
    else:
        assert frames[0] == 13 and frames[1] == pytest.approx(40.6, abs=0.61) and frames[-1] == pytest.approx(49)
    item.frames = "70"
    with pytest.raises(BadControl, match="none of the frames 70"):
        only_track()
    item.frames = "one"
    with pytest.raises(BadControl, match="'one' is not a frame"):
        only_track()


def test_a_curve_as_pins(settings) -> None:
    path = scenes.curve("Path", [(0, 0, 0), (0, -4, 0)], "POLY")
    scenes.control(path, frame_start=1, frame_end=97, use_frames=True, frames="1, 49, 97")
    track = only_track()
    assert track.frames.tolist() == [1, 49, 97] and np.allclose(track.points[:, 1], [0, -2, -4], atol=1e-4)
    assert capture.capture(bpy.context.scene).signal.hint_mask.sum() == 3


# ---- closeness, and several controls of one joint


def test_closeness_of_a_control(settings) -> None:
    item = scenes.control(scenes.empty("Hand", {1: (0, 0, 1), 25: (1, 0, 1)}), "head", tolerance=0.1)
    assert only_track().tolerance.tolist() == [0, 0]
    captured = capture.capture(bpy.context.scene)
    assert captured.tolerance is None and build_request(bpy.context.scene, captured).tolerance is None
    item.follow = "TOLERANCE"
    assert only_track().tolerance == pytest.approx([0.1, 0.1])
    captured = capture.capture(bpy.context.scene)
    head = capture.SKELETON.index("head")
    asked_for = captured.tolerance[captured.signal.hint_mask[:, head], head]
    assert asked_for * captured.body.scale == pytest.approx([0.1, 0.1]) and captured.tolerance.shape == (21, 22)
    item.follow = "LOOSE"
    captured = capture.capture(bpy.context.scene)
    assert np.isinf(captured.tolerance[captured.signal.hint_mask[:, head], head]).all()
    assert build_request(bpy.context.scene, captured).tolerance is captured.tolerance


def test_two_controls_of_one_joint_at_different_times_make_one_track(settings) -> None:
    scenes.control(scenes.empty("Later", {60: (2, 0, 1), 70: (2, 1, 1)}), "head", follow="TOLERANCE", tolerance=0.2)
    scenes.control(scenes.empty("Earlier", {1: (0, 0, 1), 30: (1, 0, 1)}), "head")
    track = only_track()
    assert track.frames.tolist() == [1, 30, 60, 70] and track.points[:, 0].tolist() == [0, 1, 2, 2]
    assert track.tolerance == pytest.approx([0, 0, 0.2, 0.2]) and track.label == "'Later' and 'Earlier'"


# ---- which way the character looks


def looks(captured: capture.CapturedScene) -> tuple[np.ndarray, np.ndarray]:
    """Model frames (K,) and Blender world directions (K, 2) in which the hips that are asked for look."""
    left, right = (capture.SKELETON.index(joint) for joint in ("left_hip", "right_hip"))
    frames = np.flatnonzero(captured.signal.hint_mask[:, left] & captured.signal.hint_mask[:, right])
    across = captured.signal.hint[frames, left] - captured.signal.hint[frames, right]
    ahead = np.stack([-across[:, 2], -across[:, 0]], -1)  # model X is Blender's X, model Z is Blender's -Y
    return frames, ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)


@pytest.mark.parametrize(("facing", "degrees"), [("AHEAD", 0), ("BACK", 180), ("LEFT", -90), ("RIGHT", 90)])
def test_facing_along_a_circle(settings, facing: str, degrees: float) -> None:
    """Counter-clockwise from (0, -2): the tangent is perpendicular to the radius; with the left side ahead one looks
    outward.
    """
    scenes.control(ring(2.0), frame_start=1, frame_end=145, facing=facing)
    captured = capture.capture(bpy.context.scene)
    frames, ahead = looks(captured)
    assert len(frames) >= 28
    angles = np.radians(-90 + 360 * frames / 120 + 90 + degrees)
    # The hips of the T-pose are askew by 0.6 degrees.
    assert np.sum(ahead * np.stack([np.cos(angles), np.sin(angles)], -1), -1).min() > np.cos(np.radians(5))
    start = np.radians(degrees)  # 0 looks along the tangent, which is +X there: a heading of 90 degrees
    assert np.cos(captured.heading - (np.pi / 2 + start)) > 0.999
    asked_for = captured.tolerance[captured.signal.hint_mask[:, 1], 1]
    assert asked_for == pytest.approx(0.02) and len(captured.tracks) == 1


def test_facing_as_the_object_looks(settings) -> None:
    guide = scenes.empty("Guide", {1: (0, 0, 0), 97: (0, -4, 0)})
    for frame, turn in ((1, 0.0), (97, math.pi)):
        guide.rotation_euler = (0, 0, turn)
        guide.keyframe_insert("rotation_euler", index=2, frame=frame)
    scenes.control(guide, times="BETWEEN", facing="OBJECT")
    frames, ahead = looks(capture.capture(bpy.context.scene))
    for frame, direction in zip(frames, ahead, strict=True):
        scenes.evaluated(guide, 1 + frame * 1.2)
        expected = -np.array(guide.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world)[:2, 1]
        assert direction @ expected > np.cos(np.radians(2))


def test_facing_is_free_unless_it_is_asked_for_and_keeps_through_a_stop(settings) -> None:
    item = scenes.control(scenes.empty("Guide", {1: (0, 0, 0), 25: (2, 0, 0), 73: (2, 0, 0), 97: (4, 0, 0)}))
    item.times = "BETWEEN"
    captured = capture.capture(bpy.context.scene)
    assert len(looks(captured)[0]) == 0 and captured.tolerance is None and captured.heading is None
    item.facing = "AHEAD"
    _, ahead = looks(capture.capture(bpy.context.scene))
    assert ahead[:, 0].min() > np.cos(np.radians(2))


def test_facing_along_the_path_is_left_to_captured_motion_and_told_to_the_network(settings) -> None:
    scenes.control(ring(2.0), frame_start=1, frame_end=145, facing="PROMPT")
    assert len(looks(capture.capture(bpy.context.scene))[0]) == 0
    settings.closeness = 0.0
    for prompt, degrees in (
        ("a person walks forward.", 0),
        ("a person walks backward.", 180),
        ("a person walks sideways to the left.", -90),
        ("a person sidesteps to the right.", 90),
    ):
        settings.prompt = prompt
        frames, ahead = looks(capture.capture(bpy.context.scene))
        angles = np.radians(360 * frames / 120 + degrees)
        assert np.sum(ahead * np.stack([np.cos(angles), np.sin(angles)], -1), -1).min() > np.cos(np.radians(5))
    for prompt in ("a person dances.", "a baby crawls forward.", "a person walks and turns around."):
        settings.prompt = prompt
        assert len(looks(capture.capture(bpy.context.scene))[0]) == 0


def test_each_prompt_of_a_list_says_how_to_face(settings) -> None:
    settings.closeness, settings.prompt_mode = 0.0, "BLOCKS"
    for text, first in (("a person walks forward.", 1), ("a person walks backward.", 73)):
        block = settings.prompt_blocks.add()
        block.text, block.frame_start, block.frame_end = text, first, first + 72
    straight = scenes.curve("Path", [(0, 0, 0), (0, -6, 0)], "POLY")
    scenes.control(straight, frame_start=1, frame_end=145, facing="PROMPT")
    frames, ahead = looks(capture.capture(bpy.context.scene))
    assert (ahead[frames < 50, 1] < -0.99).all() and (ahead[frames > 70, 1] > 0.99).all()
    assert not ((frames > 53) & (frames < 67)).any()  # there is time to turn


def test_a_body_takes_time_to_turn_at_a_corner(settings) -> None:
    """There and back again on the spot: half a turn takes some 0.7 s, not 0.1."""
    guide = scenes.empty("Guide", {1: (0, 0, 0), 73: (0, -4, 0), 145: (0.001, 0, 0)})
    scenes.control(guide, times="BETWEEN", facing="AHEAD")
    frames, ahead = looks(capture.capture(bpy.context.scene))
    turning = frames[np.abs(ahead[:, 1]) < 0.95] / 20
    assert 0.3 < np.ptp(turning) < 1.0 and turning.mean() == pytest.approx(3.0, abs=0.15)


# ---- where the motion starts


def hips_at_start(captured: capture.CapturedScene) -> np.ndarray | None:
    """Blender world point over the ground (2,) at which the hips are asked to start."""
    if not captured.signal.hint_mask[0, 0]:
        return None
    x, _, z = captured.signal.hint[0, 0] * captured.body.scale
    return np.array([x, -z])


def test_with_a_pin_alone_the_character_starts_where_it_stands(settings) -> None:
    settings.character.location = (1, 2, 0)
    settings.character.rotation_euler = (0, 0, 0.5)
    pin = scenes.empty("Pin", {61: (1, 0, 1.2)})
    scenes.control(pin, "left_wrist")
    captured = capture.capture(bpy.context.scene)
    assert np.allclose(hips_at_start(captured), captured.body.position, atol=1e-4)
    assert captured.heading == pytest.approx(0.5, abs=1e-3) and captured.signal.free_height
    assert [track.joint for track in captured.tracks] == ["left_wrist"]  # nobody measures what nobody drew
    settings.start_here = False
    assert hips_at_start(capture.capture(bpy.context.scene)) is None


@pytest.mark.parametrize(("prompt", "comes"), [("a person walks forward.", False), ("a person runs forward.", True)])
def test_a_pin_too_far_away_is_where_it_starts_instead(settings, prompt: str, comes: bool) -> None:
    settings.prompt = prompt
    scenes.control(scenes.empty("Pin", {49: (0, -8, 1.2)}), "left_wrist")  # 8 m in 2 s
    assert (hips_at_start(capture.capture(bpy.context.scene)) is not None) == comes


def test_a_path_that_begins_later_is_walked_to(settings) -> None:
    scenes.control(scenes.curve("Path", [(0, -2, 0), (0, -5, 0)]), frame_start=49, frame_end=121)
    captured = capture.capture(bpy.context.scene)
    assert np.allclose(hips_at_start(captured), captured.body.position, atol=1e-4)
    assert captured.signal.hint_mask[:, 0].sum() == 62 and captured.heading is None
    settings.controls[0].frame_start = 1
    captured = capture.capture(bpy.context.scene)
    assert np.allclose(hips_at_start(captured), (0, -2), atol=1e-4)


def test_a_character_that_rides_starts_where_it_is_at_the_start(settings) -> None:
    cart = scenes.empty("Cart", {1: (0, 0, 0), 25: (3, 0, 0), 97: (3, -9, 0)})
    settings.character.parent = cart
    settings.start_frame = 25
    bpy.context.scene.frame_set(97)
    scenes.control(scenes.empty("Pin", {61: (3, -1.5, 1.2)}), "left_wrist")
    captured = capture.capture(bpy.context.scene)
    assert np.allclose(captured.body.position, (3, 0), atol=1e-3)
    assert np.allclose(hips_at_start(captured), (3, 0), atol=1e-3)
