# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of the list -> where each joint should be at which scene frames, in Blender's world.

Shapes: K points of a joint.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import bpy
import numpy as np

from .. import offscreen, time_slices
from ..character import CharacterBody, standing_height
from ..retarget.pose import lies_on_ground
from ..shared import space
from ..shared.errors import BadControl
from ..shared.skeleton import FPS, SKELETON, joint_label
from . import facing, paths, prompts
from .curves import read_curve
from .ground_object import lies_on_object
from .kinds import Control, ControlKind, check_control, control_label, kind_of
from .timing import continuous, keyed_frames, scene_fps, some_of, span


@dataclass(frozen=True, eq=False)
class Track:
    """The points of one joint: scene frames (K,), ascending, and Blender world points (K, 3) that the joint itself
    should pass, each to within ``tolerance`` (K,) scene units; infinity is a guide only.

    ``facing`` (K,) is the character's yaw then, in radians about the model's +Y, and NaN where it is free.
    ``on_ground``: the points came from marks on the floor, their height is a guess, and the model chooses its own.
    ``ground`` names the object that the path leads over, if one is chosen.
    ``slack`` (K,): scene frames by which the joint may arrive early or late; None is 0 for all.
    """

    joint: str
    label: str
    frames: np.ndarray
    points: np.ndarray
    tolerance: np.ndarray
    facing: np.ndarray
    on_ground: bool = False
    slack: np.ndarray | None = None
    ground: str = ""

    @property
    def slack_frames(self) -> np.ndarray:
        """``slack`` (K,), whether there is any or not."""
        return np.zeros(len(self.frames), int) if self.slack is None else self.slack

    def distances(self, positions: np.ndarray) -> np.ndarray:
        """Distances (K,) of ``positions`` (K, 3) of the joint from the points; on the ground without height."""
        apart = (positions - self.points) * np.array([1.0, 1.0, 0.0 if self.on_ground else 1.0])
        return np.linalg.norm(apart, axis=-1)


def read_tracks(scene: bpy.types.Scene, body: CharacterBody) -> Generator[None, None, tuple[Track, ...]]:
    """What the enabled controls of ``scene.gaitway`` ask for, one track a joint; a generator that hands the thread
    back. Raises BadControl.
    """
    by_joint: dict[str, list[Track]] = {}
    controls = [control for control in scene.gaitway.controls if control.enabled and kind_of(control) in READERS]
    for control in [time_slices.copy_properties(control) for control in controls]:
        track = yield from _read_track(control, scene, body)
        by_joint.setdefault(control.joint, []).append(track)
    return tuple(_join(tracks, scene) for tracks in by_joint.values())


def _read_track(control: Control, scene: bpy.types.Scene, body: CharacterBody) -> Generator[None, None, Track]:
    check_control(control, scene)
    frames, points = yield from READERS[kind_of(control)](control, scene)
    _check_range(control_label(control), frames, scene)
    on_ground = yield from _marks_the_ground(control, points, body, scene)
    if on_ground:
        points = points + _standing_offset(control.joint, body, scene)
    facings = yield from _facing(control, frames, points, scene)
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
        ground=control.ground.name if control.ground is not None and control.joint == SKELETON.names[0] else "",
    )


def _join(tracks: list[Track], scene: bpy.types.Scene) -> Track:
    """Several controls of one joint as one track. Raises BadControl when two ask for the same model frame."""
    if len(tracks) == 1:
        return tracks[0]
    controlled_by: dict[int, Track] = {}
    for track in tracks:
        model = space.scene_to_model_frame(track.frames, scene.gaitway.start_frame, scene_fps(scene))
        for frame, scene_frame in zip(np.rint(model).astype(int).tolist(), track.frames, strict=True):
            other = controlled_by.setdefault(frame, track)
            if other is not track:
                raise BadControl(
                    f"{other.label} and {track.label} both control the {joint_label(track.joint)} at frame "
                    f"{scene_frame:g}.",
                    "Give each its own joint or its own frames, or disable one of them.",
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
        slack=np.concatenate([track.slack_frames for track in tracks])[order],
        ground=next((track.ground for track in tracks if track.ground), ""),
    )


# ---- what is wrong with a control


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
                f"Set the length to {math.ceil(needed * 10) / 10 + 0.1:.1f} s or more, or to From Controls.",
            )


# ---- where


def read_object(control: Control, scene: bpy.types.Scene) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
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
                "or set Times to Start to End.",
            )
        if control.times == "BETWEEN":
            frames = continuous(keys[0], keys[-1], control, scene)
        elif control.use_frames:
            frames = some_of(keys[paths.in_ranges(keys, paths.frame_ranges(control.frames))], control)
        else:
            frames = keys
    points = yield from offscreen.world_positions(target, [control.bone] if control.bone else [], frames)
    return frames, points[:, 0]


READERS = {ControlKind.CURVE: read_curve, ControlKind.OBJECT: read_object}
"""Scene frames (K,) and world points (K, 3) of the kinds of controls that lead a joint in the world."""


# ---- facing and height


def _facing(
    control: Control, frames: np.ndarray, points: np.ndarray, scene: bpy.types.Scene
) -> Generator[None, None, np.ndarray]:
    """Yaw (K,) that a control of the pelvis asks for; NaN where it is free."""
    if control.joint != "pelvis" or control.facing == "FREE":
        return np.full(len(frames), np.nan)
    if control.facing == "OBJECT":
        return facing.of_objects((yield from offscreen.world_matrices(control.target, frames)))
    settings = scene.gaitway
    if control.facing == "PROMPT" and settings.closeness > 0:
        return np.full(len(frames), np.nan)  # captured motion faces along its path, as the prompt says
    model_frames = np.asarray(space.scene_to_model_frame(frames, settings.start_frame, scene_fps(scene)))
    directions = facing.along(points, model_frames)
    if control.facing == "PROMPT":
        return directions + facing.as_prompts_say(prompts.texts(settings), prompts.holding(settings, frames))
    return directions + facing.YAW_FROM_PATH[control.facing]


def _marks_the_ground(
    control: Control, points: np.ndarray, body: CharacterBody, scene: bpy.types.Scene
) -> Generator[None, None, bool]:
    """Whether ``points`` (K, 3) are not positions of the joint itself but marks on the ground below it."""
    if control.height != "AUTO" or control.joint != "pelvis":
        return control.height == "FLOOR"
    if control.ground is not None:
        return (yield from lies_on_object(control.ground, points, body, scene))
    return lies_on_ground(points, body.ground, body.leg_length)


def _standing_offset(joint: str, body: CharacterBody, scene: bpy.types.Scene) -> np.ndarray:
    """Offset (3,) from a mark on the floor to the joint of a character that stands there."""
    standing = standing_height(joint) * body.scale / scene.unit_settings.scale_length
    return np.array([0.0, 0.0, standing + body.floor - body.ground])
