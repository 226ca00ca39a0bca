# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's controls as the model takes them: tracks -> ControlSignal.

Blender gives world points in scene units at scene frames; the model takes metres at 20 frames a second on a floor at
0, on a body with its own legs. Everything is scaled by the ratio of the rig's legs to the model's, and the motion is
scaled back by the same number, so that what was drawn is where the character goes.

Shapes: K keys, T model frames, J = 22 joints.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from .. import offscreen, time_slices
from ..character import CharacterBody, read_body
from ..retarget.proportions import RigRelativeTarget
from ..shared import space
from ..shared.control import ControlSignal
from ..shared.errors import BadControl, BadRequest
from ..shared.protocol import Ground
from ..shared.skeleton import FPS, SKELETON, joint_label
from ..shared.solids import Solid
from . import obstacles, prompts
from .ground import read_ground
from .model_tracks import ModelTracks
from .relative_targets import read_relative_targets
from .timing import scene_fps
from .tracks import Track, read_tracks

FAR_M = 500.0
"""From the scene's origin, in metres of a body with the model's legs."""


@dataclass(frozen=True)
class CapturedScene:
    """All that the request and the keys made of its answer need; holds no pointers into Blender's data.

    ``tolerance`` (T, J) in the model's metres, None when all hints are exact; ``slack`` (T, J) in its frames, None when
    no hint has any; ``obstacles`` in its axes and metres; ``ground`` under the path in the same, None for the
    character's level floor, and ``ground_note``, what the animator is told of it. The names of the fields are the file
    format of saved takes.
    """

    body: CharacterBody
    tracks: tuple[Track, ...]
    signal: ControlSignal
    tolerance: np.ndarray | None
    heading: float | None
    start_frame: int
    unit_scale: float
    scene_uid: int
    relations: tuple[RigRelativeTarget, ...] = ()
    slack: np.ndarray | None = None
    obstacles: tuple[Solid, ...] = ()
    ground: Ground | None = None
    ground_note: str = ""


def capture(scene: bpy.types.Scene) -> CapturedScene:
    """All of :func:`read_scene` at once."""
    return time_slices.run_to_end(read_scene(scene))


def read_scene(scene: bpy.types.Scene) -> Generator[None, None, CapturedScene]:
    """Read what ``scene.gaitway`` asks for; a generator that hands the thread back, and must not go on after an undo.

    Raises BadControl, BadRequest or RetargetError with what to do about it.
    """
    bpy.context.view_layer.update()  # what reading the body needs first, and beside a heavy rig a slice of its own
    yield
    body = read_body(scene.gaitway.character, scene, to_key=True)
    yield
    with offscreen.shared_scene():
        tracks = yield from read_tracks(scene, body)
        body = _near_origin(body, tracks, scene)
        solids = yield from obstacles.read_obstacles(scene, body)
    yield
    relations = read_relative_targets(scene, tracks)
    placed = ModelTracks(_num_frames(scene, tracks))
    placed.add(tracks, scene, body)
    on_ground = any(track.on_ground for track in tracks)
    if (on_ground or "pelvis" not in placed.points) and placed.start_at_character(scene, body):
        on_ground = True
    ground, ground_note = yield from read_ground(scene, body, tracks, placed)
    signal = ControlSignal.from_tracks(placed.points, placed.num_frames, free_height=on_ground)
    _check_free(solids, signal, placed.tolerance, scene)
    return CapturedScene(
        body=body,
        tracks=tracks,
        signal=signal,
        tolerance=placed.tolerance if placed.tolerance.any() else None,
        heading=_heading(tracks, scene.gaitway.start_frame, body),
        start_frame=scene.gaitway.start_frame,
        unit_scale=scene.unit_settings.scale_length,
        scene_uid=scene.session_uid,
        relations=relations,
        slack=placed.slack if placed.slack.any() else None,
        obstacles=solids,
        ground=ground,
        ground_note=ground_note,
    )


def _near_origin(body: CharacterBody, tracks: Sequence[Track], scene: bpy.types.Scene) -> CharacterBody:
    """``body`` with the model's origin in the middle of the controls where they are far from the scene's: the engine
    counts in numbers of seven digits.
    """
    if not tracks:
        return body
    points = np.concatenate([track.points[:, :2] for track in tracks])
    if np.abs(points).max() * scene.unit_settings.scale_length / body.scale < FAR_M:
        return body
    x, y = (points.min(0) + points.max(0)) / 2
    return replace(body, origin=(float(x), float(y)))


def _check_free(solids: Sequence[Solid], signal: ControlSignal, tolerance: np.ndarray, scene: bpy.types.Scene) -> None:
    inside = obstacles.first_inside(solids, signal, tolerance)
    if inside is not None:
        name, joint, frame = inside
        scene_frame = space.model_to_scene_frame(frame, scene.gaitway.start_frame, scene_fps(scene))
        raise BadControl(
            f"The control of the {joint_label(joint)} is inside '{name}' or its margin at frame {scene_frame:.0f}.",
            "Move one of them, or set a smaller margin.",
        )


def without_controls(scene: bpy.types.Scene, num_frames: int) -> CapturedScene:
    """The character as it is, for a motion without controls. Raises BadRequest or RetargetError."""
    body = read_body(scene.gaitway.character, scene, to_key=True)
    return CapturedScene(
        body=body,
        tracks=(),
        signal=ControlSignal.empty(num_frames),
        tolerance=None,
        heading=body.heading,
        start_frame=scene.gaitway.start_frame,
        unit_scale=scene.unit_settings.scale_length,
        scene_uid=scene.session_uid,
    )


def to_floor(joints: np.ndarray, captured: CapturedScene) -> np.ndarray:
    """The engine's joints (T, J, 3) moved onto the character's floor and, without controls, to the character's
    position.
    """
    is_far = any(captured.body.origin)
    joints = np.array(joints, np.float64 if is_far else np.float32)
    metres = captured.unit_scale / captured.body.scale
    joints[..., 1] += captured.body.floor * metres
    if not captured.tracks:
        x, y = captured.body.position
        position = space.blender_to_model(np.array([x, y, 0.0]), captured.unit_scale) / captured.body.scale
        joints[..., [0, 2]] += (position - joints[0, SKELETON.index("pelvis")])[[0, 2]]
    elif is_far:
        joints += captured.body.origin_in_model(captured.unit_scale)
    return joints


def _heading(tracks: tuple[Track, ...], start_frame: int, body: CharacterBody) -> float | None:
    """Yaw of the character at the start, None when the engine takes it from the path."""
    track = next((track for track in tracks if track.joint == "pelvis"), None)
    if track is None:
        return body.heading  # no path: it starts as it is
    if np.isfinite(track.facing[0]) and track.frames[0] - start_frame < 1:
        return float(track.facing[0])
    return None


def _num_frames(scene: bpy.types.Scene, tracks: tuple[Track, ...]) -> int:
    settings = scene.gaitway
    ends = [float(track.frames[-1]) for track in tracks]
    prompts_end = prompts.last_frame(settings)
    if prompts_end is not None:
        ends.append(prompts_end)
    if settings.length_mode == "SECONDS" or not ends:
        return max(round(settings.seconds * FPS), 1)
    last = max(ends)
    num_frames = math.ceil(space.scene_to_model_frame(last, settings.start_frame, scene_fps(scene)) - 1e-6) + 1
    if num_frames < 2:
        raise BadRequest(
            f"The controls end at frame {last:g}, where the motion starts.",
            "Set the length in seconds, or move the controls later.",
        )
    return num_frames
