# SPDX-License-Identifier: GPL-3.0-or-later
"""What tracks ask for on the model's clock, in its axes and metres.

Shapes: K points of a joint, T model frames, J = 22 joints.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

from ..character import CharacterBody
from ..shared import gaits
from ..shared.ground import STEEP_M
from ..shared.skeleton import FPS, SKELETON
from . import facing, paths, prompts
from .timing import scene_fps
from .tracks import Track

MAX_HURRY = 2.0
"""Times the usual speed at which the character can still get from where it is to where a control first needs it; when
that is not enough it starts at the control instead.
"""


class ModelTracks:
    """Points of joints, filled track by track.

    ``points``: joint -> times (K,) in seconds and points (K, 3) in metres; ``tolerance`` (T, J) in metres, ``slack``
    (T, J) in model frames.
    """

    def __init__(self, num_frames: int) -> None:
        self.num_frames = num_frames
        self.points: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.tolerance = np.zeros((num_frames, SKELETON.num_joints), np.float32)
        self.slack = np.zeros(self.tolerance.shape, np.int32)

    def add(self, tracks: Iterable[Track], scene: bpy.types.Scene, body: CharacterBody) -> None:
        """Fill in ``tracks``, and with the pelvis's the hips that turn it where its facing is set."""
        fps, unit = scene_fps(scene), scene.unit_settings.scale_length
        controlled = {track.joint for track in tracks}
        for track in tracks:
            times = (track.frames - scene.gaitway.start_frame) / fps
            frames, points, keys = paths.on_model_frames(times, body.to_model(track.points, unit))
            frames = np.clip(frames, 0, self.num_frames - 1)
            joint = SKELETON.index(track.joint)
            self.points[track.joint] = (frames / FPS, points)
            self.tolerance[frames, joint] = track.tolerance[keys] * unit / body.scale
            self.slack[frames, joint] = track.slack_frames[keys] * FPS / fps + 1e-6
            if track.joint == "pelvis":
                self._add_facing(frames, points, track.facing[keys], controlled)

    def _add_facing(self, frames: np.ndarray, points: np.ndarray, angles: np.ndarray, controlled: set[str]) -> None:
        """Place the hips beside the pelvis's points (K, 3) at model frames (K,), so that the character faces along
        ``angles`` (K,); hips that have a control of their own are left to it.
        """
        chosen, beside = facing.hips(frames, points, angles)
        rows = frames[chosen]
        for hip, places in beside.items():
            if len(chosen) and hip not in controlled:
                self.points[hip] = (rows / FPS, places)
                self.tolerance[rows, SKELETON.index(hip)] = facing.HIP_TOLERANCE_M
                self.slack[rows, SKELETON.index(hip)] = self.slack[rows, SKELETON.index("pelvis")]

    def start_at_character(self, scene: bpy.types.Scene, body: CharacterBody) -> bool:
        """Place the pelvis over the character's position at the start, if it can reach the first point of every joint
        from there in time, or if nothing but obstacles says where it is. Returns whether it was placed.
        """
        settings = scene.gaitway
        start = body.to_model(np.array([[*body.position, body.ground]]), scene.unit_settings.scale_length)[0]
        start[1] = SKELETON.standing_height
        if "pelvis" in self.points and abs(self.points["pelvis"][1][0, 1] - start[1]) > STEEP_M:
            return False  # the path is on another floor
        speed = MAX_HURRY * gaits.usual_speed(prompts.texts(settings))
        has_obstacles_only = not self.points and any(obstacle.enabled for obstacle in settings.obstacles)
        if not has_obstacles_only and not (settings.start_here and paths.is_within_reach(start, self.points, speed)):
            return False
        times, points = self.points.get("pelvis", (np.empty(0), np.empty((0, 3))))
        self.points["pelvis"] = (np.concatenate([[0.0], times]), np.concatenate([start[None], points]))
        return True
