# SPDX-License-Identifier: GPL-3.0-or-later
"""One control of the list -> where one joint shall be at which scene frames, in Blender's world.

Shapes: K wishes, P points of a line.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import bpy
import numpy as np

from .. import compat, offscreen, time_slices
from ..character.body import CharacterBody, standing_height
from ..retarget.pose.ground import lies_on_ground
from ..shared import space
from ..shared.errors import BadControl
from ..shared.skeleton import FPS, SKELETON, joint_label
from . import facing, paths
from .curves import leads_along_curve, read_curve
from .timing import Control, continuous, control_label, is_relative, scene_fps, some_of, span

TRANSFORM_CHANNELS = (
    "location",
    "rotation_euler",
    "rotation_quaternion",
    "rotation_axis_angle",
    "scale",
    "delta_location",
)


@dataclass(frozen=True, eq=False)
class Track:
    """One joint's wishes: scene frames (K,), ascending, and Blender world points (K, 3) that the joint itself shall
    pass, each to within ``tolerance`` (K,) scene units; infinity only shows the way.

    ``facing`` (K,) is the way the character looks then, in radians about the model's +Y, and NaN where it is free.
    ``on_ground``: the points came from marks on the floor, their height is a guess, and the model chooses its own.
    ``slack`` (K,): scene frames by which the joint may come earlier or later; None is 0 for all.
    """

    joint: str
    label: str
    frames: np.ndarray
    points: np.ndarray
    tolerance: np.ndarray
    facing: np.ndarray
    on_ground: bool = False
    slack: np.ndarray | None = None

    @property
    def room(self) -> np.ndarray:
        """``slack`` (K,), whether there is any or not."""
        return np.zeros(len(self.frames), int) if self.slack is None else self.slack

    def misses(self, places: np.ndarray, which: slice = slice(None)) -> np.ndarray:
        """Distances between ``places`` (K, 3), where the joint came, and the points; on the ground without height."""
        apart = (places - self.points[which]) * np.array([1.0, 1.0, 0.0 if self.on_ground else 1.0])
        return np.linalg.norm(apart, axis=-1)


def read_tracks(scene: bpy.types.Scene, body: CharacterBody) -> Generator[None, None, tuple[Track, ...]]:
    """What the enabled controls of ``scene.gaitway`` ask for, one track a joint; a generator that hands the thread
    back. Raises BadControl.
    """
    by_joint: dict[str, list[Track]] = {}
    controls = [control for control in scene.gaitway.controls if control.enabled and not is_relative(control)]
    for control in [time_slices.snapshot(control) for control in controls]:
        track = yield from _read_track(control, scene, body)
        by_joint.setdefault(control.joint, []).append(track)
    return tuple(_join(tracks, scene) for tracks in by_joint.values())


def _read_track(control: Control, scene: bpy.types.Scene, body: CharacterBody) -> Generator[None, None, Track]:
    check_target(control, scene)
    read = read_curve if leads_along_curve(control) else _read_places
    frames, points = yield from read(control, scene)
    _check_range(control_label(control), frames, scene)
    on_ground = _marks_the_floor(control, points, body)
    if on_ground:
        points = points + _standing(control.joint, body, scene)
    facings = yield from _facing(control, frames, points)
    width = {"EXACT": 0.0, "TOLERANCE": control.tolerance, "LOOSE": math.inf}[control.follow]
    return Track(
        control.joint,
        control_label(control),
        frames,
        points,
        np.full(len(frames), width),
        facings,
        on_ground=on_ground and control.joint == SKELETON.names[0],
        slack=np.full(len(frames), control.slack) if control.slack else None,
    )


def _join(tracks: list[Track], scene: bpy.types.Scene) -> Track:
    """Several controls of one joint as one track. Raises BadControl when two ask for the same model frame."""
    if len(tracks) == 1:
        return tracks[0]
    asked: dict[int, Track] = {}
    for track in tracks:
        model = space.scene_to_model_frame(track.frames, scene.gaitway.start_frame, scene_fps(scene))
        for frame, scene_frame in zip(np.rint(model).astype(int).tolist(), track.frames, strict=True):
            other = asked.setdefault(frame, track)
            if other is not track:
                raise BadControl(
                    f"{other.label} and {track.label} both lead the {joint_label(track.joint)} at frame "
                    f"{scene_frame:g}.",
                    "Give each its own joint or its own frames, or switch one of them off.",
                )
    frames = np.concatenate([track.frames for track in tracks])
    order = np.argsort(frames, kind="stable")
    return Track(
        tracks[0].joint,
        " and ".join(track.label for track in tracks),
        frames[order],
        np.concatenate([track.points for track in tracks])[order],
        np.concatenate([track.tolerance for track in tracks])[order],
        np.concatenate([track.facing for track in tracks])[order],
        on_ground=all(track.on_ground for track in tracks),
        slack=np.concatenate([track.room for track in tracks])[order],
    )


# ---- what is wrong with a control


def check_target(control: Control, scene: bpy.types.Scene) -> None:
    """Raise BadControl for a control whose object is not in ``scene``, or has no such bone."""
    target = control.target
    if target is None or target.name not in scene.objects:
        label = control_label(control)
        raise BadControl(f"{label} has no object in this scene.", "Remove the control, or choose an object for it.")
    if control.bone and (target.type != "ARMATURE" or control.bone not in target.data.bones):
        raise BadControl(f"'{target.name}' has no bone called '{control.bone}'.", "Choose one of its bones.")


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


# ---- where


def _read_places(control: Control, scene: bpy.types.Scene) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Scene frames (K,) and world points (K, 3) of an object or a bone."""
    target = control.target
    if control.times == "RANGE":
        frames = continuous(*span(control), control, scene)
    else:
        keys = keyed_frames(target, control.bone)
        if len(keys) == 0:
            raise BadControl(
                f"{control_label(control)} has no keyframes.",
                "Move it to where the joint should be and insert a keyframe, at one frame or more, "
                "or let it lead from start to end.",
            )
        if control.times == "BETWEEN":
            frames = continuous(keys[0], keys[-1], control, scene)
        elif control.use_frames:
            frames = some_of(keys[paths.in_ranges(keys, paths.frame_ranges(control.frames))], control)
        else:
            frames = keys
    points = yield from offscreen.world_positions(target, [control.bone] if control.bone else [], frames)
    return frames, points[:, 0]


def keyed_frames(target: bpy.types.Object, bone: str = "") -> np.ndarray:
    """The frames (K,), ascending, at which the object's or the bone's place, turn or size is keyed in its Action."""
    prefix = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].' if bone else ""
    wanted = {prefix + channel for channel in TRANSFORM_CHANNELS}
    frames: set[float] = set()
    for curve in assigned_curves(target):
        if curve.data_path in wanted and not curve.mute:
            frames.update(round(key.co.x, 4) for key in curve.keyframe_points)
    return np.array(sorted(frames))


def assigned_curves(owner: bpy.types.ID) -> Iterator[bpy.types.FCurve]:
    """The F-curves of the Action that ``owner`` plays."""
    bag = compat.played_bag(owner)
    if bag is not None:
        yield from bag.fcurves


# ---- which way, and how high


def _facing(control: Control, frames: np.ndarray, points: np.ndarray) -> Generator[None, None, np.ndarray]:
    """Angles (K,) of a pelvis's control; NaN for whatever is free."""
    if control.joint != "pelvis" or control.facing == "FREE":
        return np.full(len(frames), np.nan)
    if control.facing == "OBJECT":
        return facing.of_objects((yield from offscreen.world_matrices(control.target, frames)))
    return facing.along(points) + facing.TURNS[control.facing]


def _marks_the_floor(control: Control, points: np.ndarray, body: CharacterBody) -> bool:
    """Whether ``points`` (K, 3) are not the joint's own places but marks on the floor below them."""
    return control.height == "FLOOR" or (
        control.height == "AUTO" and control.joint == "pelvis" and lies_on_ground(points, body.ground, body.leg_length)
    )


def _standing(joint: str, body: CharacterBody, scene: bpy.types.Scene) -> np.ndarray:
    """What to add to a mark on the floor (3,) to come to the joint of someone who stands there."""
    standing = standing_height(joint) * body.scale / scene.unit_settings.scale_length
    return np.array([0.0, 0.0, standing + body.floor - body.ground])
