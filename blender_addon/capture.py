# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's controls as the model's control signal: curves, keyframed objects and bones -> ControlSignal.

Blender gives world points in scene units at scene frames; the model takes metres at 20 frames a second on a floor at
0, on a body with its own legs. Everything is scaled by the ratio of the rig's legs to the model's, and the motion is
scaled back by the same number, so that what was drawn is where the character goes.

Shapes: K keys, T model frames, J = 22 joints.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from . import paths, probe
from .body import Body, read_body, standing_height
from .shared import space
from .shared.control import ControlSignal
from .shared.errors import BadControl, BadRequest
from .shared.skeleton import FPS, SKELETON

if TYPE_CHECKING:
    from .shared.protocol import Generate

TRANSFORM_CHANNELS = (
    "location",
    "rotation_euler",
    "rotation_quaternion",
    "rotation_axis_angle",
    "scale",
    "delta_location",
)


@dataclass(frozen=True)
class Track:
    """One joint's wishes: scene frames (K,) and Blender world points (K, 3) that the joint itself shall pass.

    ``on_ground``: the points came from marks on the floor, their height is a guess, and the model chooses its own.
    """

    joint: str
    label: str
    frames: np.ndarray
    points: np.ndarray
    on_ground: bool = False

    def misses(self, places: np.ndarray, which: slice = slice(None)) -> np.ndarray:
        """Distances between ``places`` (K, 3), where the joint came, and the points; on the ground without height."""
        apart = (places - self.points[which]) * np.array([1.0, 1.0, 0.0 if self.on_ground else 1.0])
        return np.linalg.norm(apart, axis=-1)


@dataclass(frozen=True)
class Capture:
    """All that the request and the way back need; holds no pointers into Blender's data."""

    body: Body
    tracks: tuple[Track, ...]
    signal: ControlSignal
    heading: float | None
    start_frame: int
    unit_scale: float
    scene_uid: int


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of the scene, 59.94 included."""
    return scene.render.fps / scene.render.fps_base


def capture(scene: bpy.types.Scene) -> Capture:
    """Read what ``scene.gaitway`` asks for. Raises BadControl, BadRequest or RetargetError with what to do about it."""
    settings = scene.gaitway
    body = read_body(settings.character, scene)
    tracks = tuple(_read_tracks(scene, body))
    num_frames = _num_frames(scene, tracks)
    wishes = {}
    for track in tracks:
        times = (track.frames - settings.start_frame) / scene_fps(scene)
        frames, points = paths.on_model_frames(times, _to_model(track.points, body, scene))
        wishes[track.joint] = (np.clip(frames, 0, num_frames - 1) / FPS, points)
    return Capture(
        body=body,
        tracks=tracks,
        signal=ControlSignal.from_tracks(wishes, num_frames, free_height=any(track.on_ground for track in tracks)),
        # A path of the hips says itself where the character looks; without one it starts the way it stands.
        heading=None if "pelvis" in wishes else body.heading,
        start_frame=settings.start_frame,
        unit_scale=scene.unit_settings.scale_length,
        scene_uid=scene.session_uid,
    )


def order(scene: bpy.types.Scene, captured: Capture) -> Generate:
    """The request that the scene's settings and its captured controls make. Raises BadRequest for an empty prompt."""
    from .shared.protocol import Generate, PromptBlock

    settings = scene.gaitway
    prompt = " ".join(settings.prompt.split())
    if not prompt:
        raise BadRequest("The prompt is empty.", "Say what the character does: a person walks forward.")
    num_frames = captured.signal.num_frames
    return Generate(
        request_id=uuid.uuid4().hex,
        prompts=(PromptBlock(prompt, 0, num_frames),),
        num_frames=num_frames,
        hint=captured.signal.hint,
        hint_mask=captured.signal.hint_mask,
        seed=settings.seed,
        num_inference_steps=settings.steps,
        refine=settings.refine,
        plant_feet=settings.plant_feet,
        num_variations=settings.variations,
        heading=captured.heading,
        free_height=captured.signal.free_height,
    )


def _to_model(points: np.ndarray, body: Body, scene: bpy.types.Scene) -> np.ndarray:
    above_floor = points - np.array([0.0, 0.0, body.floor])
    return space.blender_to_model(above_floor, scene.unit_settings.scale_length) / body.scale


def to_floor(joints: np.ndarray, captured: Capture) -> np.ndarray:
    """The engine's joints (T, J, 3) set onto the character's floor and, when no control says where, to where the
    character stands.
    """
    joints = np.array(joints, np.float32)
    metres = captured.unit_scale / captured.body.scale
    joints[..., 1] += captured.body.floor * metres
    if not captured.tracks:
        x, y = captured.body.position
        place = space.blender_to_model(np.array([x, y, 0.0]), captured.unit_scale) / captured.body.scale
        joints[..., [0, 2]] += (place - joints[0, SKELETON.index("pelvis")])[[0, 2]]
    return joints


def _num_frames(scene: bpy.types.Scene, tracks: tuple[Track, ...]) -> int:
    settings = scene.gaitway
    if settings.length_mode == "SECONDS" or not tracks:
        return max(round(settings.seconds * FPS), 1)
    last = max(float(track.frames[-1]) for track in tracks)
    num_frames = math.ceil(space.scene_to_model_frame(last, settings.start_frame, scene_fps(scene)) - 1e-6) + 1
    if num_frames < 2:
        raise BadRequest(
            f"The controls end at frame {last:g}, where the motion starts.",
            "Set the length in seconds, or put the controls later.",
        )
    return num_frames


# ---- the controls


def _read_tracks(scene: bpy.types.Scene, body: Body) -> Iterator[Track]:
    used: dict[str, str] = {}
    for control in scene.gaitway.controls:
        if not control.enabled:
            continue
        label = control_label(control)
        if control.joint in used:
            raise BadControl(
                f"{used[control.joint]} and {label} both lead the {_spoken(control.joint)}.",
                "Give each its own joint, or switch one of them off.",
            )
        used[control.joint] = label
        frames, points = _read_control(control, scene)
        if _marks_the_floor(control, points, body):
            points = points + _standing(control.joint, body, scene)
            yield Track(control.joint, label, frames, points, on_ground=control.joint == SKELETON.names[0])
        else:
            yield Track(control.joint, label, frames, points)


def control_label(control: bpy.types.PropertyGroup) -> str:
    """What the control is called in lists and messages."""
    if control.target is None:
        return "An empty control"
    return f"'{control.target.name}: {control.bone}'" if control.bone else f"'{control.target.name}'"


def _spoken(joint: str) -> str:
    return joint.replace("_", " ")


def _read_control(control: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> tuple[np.ndarray, np.ndarray]:
    """Scene frames (K,) and world points (K, 3)."""
    target = control.target
    if target is None or target.name not in scene.objects:
        label = control_label(control)
        raise BadControl(f"{label} has no object in this scene.", "Remove the control, or choose an object for it.")
    if target.type == "CURVE" and not control.bone:
        return _read_curve(control, scene)
    if control.bone and (target.type != "ARMATURE" or control.bone not in target.data.bones):
        raise BadControl(f"'{target.name}' has no bone called '{control.bone}'.", "Choose one of its bones.")
    frames = keyed_frames(target, control.bone)
    label = control_label(control)
    if len(frames) == 0:
        raise BadControl(
            f"{label} has no keyframes.",
            "Move it to where the joint should be and insert a keyframe, at one frame or more.",
        )
    _check_range(label, frames, scene)
    return frames, probe.world_positions(target, [control.bone] if control.bone else [], frames)[:, 0]


def _check_range(label: str, frames: np.ndarray, scene: bpy.types.Scene) -> None:
    settings = scene.gaitway
    # Half a model frame beyond either end still belongs to the first or the last frame.
    margin = 0.5 * scene_fps(scene) / FPS
    if frames[0] < settings.start_frame - margin:
        raise BadControl(
            f"{label} begins at frame {frames[0]:g}, before the motion starts at {settings.start_frame}.",
            f"Set Start Frame to {math.floor(frames[0])}, or move the keys.",
        )
    if settings.length_mode == "SECONDS":
        num_frames = max(round(settings.seconds * FPS), 1)
        end = space.model_to_scene_frame(num_frames - 1, settings.start_frame, scene_fps(scene))
        if frames[-1] > end + margin:
            needed = (frames[-1] - settings.start_frame) / scene_fps(scene)
            raise BadControl(
                f"{label} ends at frame {frames[-1]:g}, but the motion ends at {end:.0f}.",
                f"Set the length to {math.ceil(needed * 10) / 10 + 0.1:.1f} s or more, or take it from the controls.",
            )


def _read_curve(control: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> tuple[np.ndarray, np.ndarray]:
    label = control_label(control)
    start, end = control.frame_start, control.frame_end
    if end <= start:
        raise BadControl(f"{label} ends at frame {end}, but starts at {start}.", "Let it end later than it starts.")
    _check_range(label, np.array([start, end], float), scene)
    lines = probe.curve_lines(control.target, scene.frame_current_final)
    if len(lines) > 1:
        raise BadControl(
            f"{label} consists of {len(lines)} separate lines.", "Join them, or separate them into objects and use one."
        )
    if not lines:
        raise BadControl(f"{label} has fewer than two points.", "Draw at least two points, apart from each other.")
    fps = scene_fps(scene)
    first, last = (space.scene_to_model_frame(frame, scene.gaitway.start_frame, fps) for frame in (start, end))
    # Sampled on the model's own frames, so that nothing is lost between the two clocks; at least the two ends.
    inside = np.arange(math.ceil(first - 1e-6), math.floor(last + 1e-6) + 1, dtype=float)
    if len(inside) < 2:
        inside = np.array([first, last])
    try:
        points = paths.walk_along(lines[0], (inside - first) / (last - first))
    except BadControl as error:
        raise BadControl(f"{label} has fewer than two different points.", error.hint) from None
    return np.asarray(space.model_to_scene_frame(inside, scene.gaitway.start_frame, fps)), points


def _marks_the_floor(control: bpy.types.PropertyGroup, points: np.ndarray, body: Body) -> bool:
    """Whether ``points`` (K, 3) are not the joint's own places but marks on the floor below them."""
    return control.height == "FLOOR" or (
        control.height == "AUTO"
        and control.joint == "pelvis"
        and paths.lies_on_ground(points, body.ground, body.leg_length)
    )


def _standing(joint: str, body: Body, scene: bpy.types.Scene) -> np.ndarray:
    """What to add to a mark on the floor (3,) to come to the joint of someone who stands there."""
    standing = standing_height(joint) * body.scale / scene.unit_settings.scale_length
    return np.array([0.0, 0.0, standing + body.floor - body.ground])


def keyed_frames(target: bpy.types.Object, bone: str = "") -> np.ndarray:
    """The frames (K,), ascending, at which the object's or the bone's place, turn or size is keyed in its Action."""
    prefix = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].' if bone else ""
    wanted = {prefix + channel for channel in TRANSFORM_CHANNELS}
    frames: set[float] = set()
    for curve in _assigned_curves(target):
        if curve.data_path in wanted and not curve.mute:
            frames.update(round(key.co.x, 4) for key in curve.keyframe_points)
    return np.array(sorted(frames))


def _assigned_curves(target: bpy.types.Object) -> Iterator[bpy.types.FCurve]:
    animation = target.animation_data
    if animation is None or animation.action is None or animation.action_slot is None:
        return
    for layer in animation.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(animation.action_slot)
            if bag is not None:
                yield from bag.fcurves
