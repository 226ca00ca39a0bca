# SPDX-License-Identifier: GPL-3.0-or-later
"""When and where a motion arrives at its controls, as the engine decided and told in its result.

The engine moves a key with slack to the frame in which it costs the motion least, and hits it there. A path through an
obstacle it leads around it.

Shapes: K keys of a track, H hints with slack, T model frames, J = 22 joints.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..capture.capture import CapturedScene
from ..capture.tracks import Track
from ..shared.protocol import Result, hints_that_move
from ..shared.skeleton import FPS, SKELETON
from ..shared.space import model_to_blender, scene_to_model_frame

REPORTED_DETOUR_M = 0.1
"""From its path, from which on a detour of the hips is worth a word."""


@dataclass(frozen=True, eq=False)
class Arrivals:
    """``met_frames`` (H,): the model frames in which the hints with slack are met, or all hints where the character
    starts from a stand or comes to one, in the order of :func:`.hints_that_move`; None when no hint can move.
    ``path_offset`` (T, 3): the metres by which the path of the hips was led around obstacles, in the model's axes; None
    when it was led nowhere.

    The names of the fields are the file format of .blend files with takes; a take of an earlier version has neither.
    """

    met_frames: np.ndarray | None = None
    path_offset: np.ndarray | None = None

    @classmethod
    def of(cls, result: Result, variation: int) -> Arrivals:
        """What ``result`` tells of one of its variations."""
        met = None if result.met_frames is None else result.met_frames[variation]
        return cls(met, result.path_offset)

    def with_actual_timing(self, captured: CapturedScene, fps: float) -> CapturedScene:
        """``captured`` with each key at the frame in which it is met; ``fps``: the scene's."""
        if self.met_frames is None:
            return captured
        met = np.repeat(np.arange(captured.signal.num_frames)[:, None], SKELETON.num_joints, axis=1)
        moving = hints_that_move(captured.signal.hint_mask, captured.slack)
        if len(moving) != len(self.met_frames):  # more than those with slack are told: all, as a stand moves them
            moving = hints_that_move(captured.signal.hint_mask, captured.slack, standing=True)
        frames, joints = moving.T
        met[frames, joints] = self.met_frames
        tracks = []
        for track in captured.tracks:
            requested = _requested_frames(track, captured, fps)
            late = (met[requested, SKELETON.index(track.joint)] - requested) * fps / FPS
            tracks.append(replace(track, frames=np.maximum.accumulate(track.frames + late)))
        return replace(captured, tracks=tuple(tracks))

    def with_detour(self, captured: CapturedScene, fps: float) -> CapturedScene:
        """``captured`` with the path of the hips where it was led around obstacles, for the character to follow; its
        error is still measured from the path that was drawn.
        """
        metre = captured.body.scale / captured.unit_scale
        tracks = (
            replace(track, points=track.points + model_to_blender(self._offset(track, captured, fps)) * metre)
            for track in captured.tracks
        )
        return replace(captured, tracks=tuple(tracks))

    def detour_frames(self, captured: CapturedScene, fps: float) -> tuple[float, float] | None:
        """The first and the last scene frame in which the path of the hips was led around something; None when it was
        not.
        """
        frames = [
            track.frames[np.linalg.norm(self._offset(track, captured, fps), axis=-1) > REPORTED_DETOUR_M]
            for track in captured.tracks
        ]
        found = np.concatenate([*frames, np.empty(0)])
        return (float(found.min()), float(found.max())) if len(found) else None

    def _offset(self, track: Track, captured: CapturedScene, fps: float) -> np.ndarray:
        """By how much (K, 3) metres the keys of ``track`` were led aside."""
        if self.path_offset is None or track.joint != "pelvis":
            return np.zeros((len(track.frames), 3))
        return self.path_offset[_requested_frames(track, captured, fps)]


def _requested_frames(track: Track, captured: CapturedScene, fps: float) -> np.ndarray:
    """The model frames (K,) in which the keys of ``track`` were asked for."""
    frames = np.rint(scene_to_model_frame(track.frames, captured.start_frame, fps)).astype(int)
    return frames.clip(0, captured.signal.num_frames - 1)
