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
from dataclasses import dataclass

import bpy
import numpy as np

from .. import offscreen, time_slices
from ..character.body import CharacterBody, read_body
from ..retarget.proportions.relative_targets import RigRelativeTarget
from ..shared import space
from ..shared.control import ControlSignal
from ..shared.errors import BadControl, BadRequest
from ..shared.skeleton import FPS, SKELETON, joint_label
from ..shared.solids import Solid
from . import facing, obstacles, pace, paths, prompts
from . import relative_targets as relations
from .timing import scene_fps
from .tracks import Track, read_tracks

Wishes = dict[str, tuple[np.ndarray, np.ndarray]]
"""Joint -> times (K,) in seconds and points (K, 3) in the model's metres."""

MOST_HURRY = 2.0
"""Times the usual speed at which the character still comes in time from where it stands to where a control wants it;
when that is not enough it starts at the control instead.
"""


@dataclass(frozen=True)
class Capture:
    """All that the request and the way back need; holds no pointers into Blender's data.

    ``tolerance`` (T, J) in the model's metres, None where all hints are to be hit; ``slack`` (T, J) in its frames,
    None where none may wait; ``obstacles`` in its axes and metres.
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


def capture(scene: bpy.types.Scene) -> Capture:
    """All of :func:`reading` at once."""
    return time_slices.run_to_end(reading(scene))


def reading(scene: bpy.types.Scene) -> Generator[None, None, Capture]:
    """Read what ``scene.gaitway`` asks for; a generator that hands the thread back, and must not go on after an undo.

    Raises BadControl, BadRequest or RetargetError with what to do about it.
    """
    bpy.context.view_layer.update()  # what reading the body asks for first, and beside a heavy rig a piece of its own
    yield
    body = read_body(scene.gaitway.character, scene)
    yield
    with offscreen.shared_scene():
        tracks = yield from read_tracks(scene, body)
        around = yield from obstacles.read_obstacles(scene, body)
    yield
    settings = scene.gaitway
    related = relations.read_relations(scene, tracks)
    num_frames = _num_frames(scene, tracks)
    wishes: Wishes = {}
    tolerance = np.zeros((num_frames, SKELETON.num_joints), np.float32)
    slack = np.zeros(tolerance.shape, np.int32)
    for track in tracks:
        times = (track.frames - settings.start_frame) / scene_fps(scene)
        frames, points, keys = paths.on_model_frames(
            times, body.to_model(track.points, scene.unit_settings.scale_length)
        )
        frames = np.clip(frames, 0, num_frames - 1)
        metres = track.tolerance[keys] * scene.unit_settings.scale_length / body.scale
        wishes[track.joint] = (frames / FPS, points)
        tolerance[frames, SKELETON.index(track.joint)] = metres
        slack[frames, SKELETON.index(track.joint)] = track.room[keys] * FPS / scene_fps(scene) + 1e-6
        if track.joint == "pelvis":
            led = {other.joint for other in tracks}
            _face(frames, points, track.facing[keys], led, wishes, tolerance, slack)
    on_ground = any(track.on_ground for track in tracks)
    if (on_ground or "pelvis" not in wishes) and _starts_here(scene, body, wishes):
        on_ground = True
    signal = ControlSignal.from_tracks(wishes, num_frames, free_height=on_ground)
    _check_free(around, signal, tolerance, scene)
    return Capture(
        body=body,
        tracks=tracks,
        signal=signal,
        tolerance=tolerance if tolerance.any() else None,
        heading=_heading(tracks, settings.start_frame, body),
        start_frame=settings.start_frame,
        unit_scale=scene.unit_settings.scale_length,
        scene_uid=scene.session_uid,
        relations=related,
        slack=slack if slack.any() else None,
        obstacles=around,
    )


def _check_free(solids: Sequence[Solid], signal: ControlSignal, tolerance: np.ndarray, scene: bpy.types.Scene) -> None:
    inside = obstacles.first_inside(solids, signal, tolerance)
    if inside is not None:
        name, joint, frame = inside
        scene_frame = space.model_to_scene_frame(frame, scene.gaitway.start_frame, scene_fps(scene))
        raise BadControl(
            f"The {joint_label(joint)} is to be in '{name}' or too near to it at frame {scene_frame:.0f}.",
            "Move one of them, or set a smaller margin.",
        )


def without_controls(scene: bpy.types.Scene, num_frames: int) -> Capture:
    """The character as it stands, for a motion that follows nothing. Raises BadRequest or RetargetError."""
    body = read_body(scene.gaitway.character, scene)
    return Capture(
        body=body,
        tracks=(),
        signal=ControlSignal.empty(num_frames),
        tolerance=None,
        heading=body.heading,
        start_frame=scene.gaitway.start_frame,
        unit_scale=scene.unit_settings.scale_length,
        scene_uid=scene.session_uid,
    )


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


def _face(
    frames: np.ndarray,
    points: np.ndarray,
    angles: np.ndarray,
    led: set[str],
    wishes: Wishes,
    tolerance: np.ndarray,
    slack: np.ndarray,
) -> None:
    """Ask for the hips beside the pelvis's points (K, 3) at model frames (K,), so that the character looks along
    ``angles`` (K,); hips that a control leads are left to it.
    """
    asked, beside = facing.hips(frames, points, angles)
    for hip, places in beside.items():
        if len(asked) and hip not in led:
            wishes[hip] = (frames[asked] / FPS, places)
            tolerance[frames[asked], SKELETON.index(hip)] = facing.TOLERANCE
            slack[frames[asked], SKELETON.index(hip)] = slack[frames[asked], SKELETON.index("pelvis")]


def _heading(tracks: tuple[Track, ...], start_frame: int, body: CharacterBody) -> float | None:
    """The way the character looks at the start, None when the engine takes it from the path."""
    track = next((track for track in tracks if track.joint == "pelvis"), None)
    if track is None:
        return body.heading  # nothing says where it goes: it starts the way it stands
    if np.isfinite(track.facing[0]) and track.frames[0] - start_frame < 1:
        return float(track.facing[0])
    return None


def _starts_here(scene: bpy.types.Scene, body: CharacterBody, wishes: Wishes) -> bool:
    """Ask for the hips over the place where the character stands at the start, if it can be in time for the first of
    the ``wishes`` from there, or if nothing but obstacles says where it is. Returns whether that was asked for.
    """
    settings = scene.gaitway
    start = body.to_model(np.array([[*body.position, body.ground]]), scene.unit_settings.scale_length)[0]
    start[1] = SKELETON.standing_height
    speed = MOST_HURRY * pace.usual_speed(prompts.texts(settings))
    lost = not wishes and any(obstacle.enabled for obstacle in settings.obstacles)
    if not lost and not (settings.start_here and paths.is_within_reach(start, wishes, speed)):
        return False
    times, points = wishes.get("pelvis", (np.empty(0), np.empty((0, 3))))
    wishes["pelvis"] = (np.concatenate([[0.0], times]), np.concatenate([start[None], points]))
    return True


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
            "Set the length in seconds, or put the controls later.",
        )
    return num_frames
