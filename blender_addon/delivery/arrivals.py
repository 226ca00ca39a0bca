# SPDX-License-Identifier: GPL-3.0-or-later
"""When and where the motion arrived at its controls, found by search in the motion itself.

The engine moves a key with slack to the frame in which it costs the motion least, and hits it there. A path through an
obstacle it leads around it.

Shapes: K keys, T model frames, J = 22 joints.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..capture.capture import Capture
from ..capture.tracks import Track
from ..shared.skeleton import FPS, SKELETON
from ..shared.space import model_to_blender, scene_to_model_frame

NEARER_M_PER_FRAME = 2e-4
"""By which the joint must come nearer to the key in another frame for the key to count as met there.
"""

DETOUR_M, REPORTED_DETOUR_M = 0.02, 0.1
"""From its path at which the hips were led around something, and from which on it is reported."""


def with_actual_timing(captured: Capture, joints: np.ndarray, fps: float) -> Capture:
    """``captured`` with each key that may wait at the frame in which the engine's ``joints`` (T, J, 3) come to it;
    ``fps``: the scene's.
    """
    if captured.slack is None:
        return captured
    tracks = []
    for track in captured.tracks:
        own = _requested_frames(track, captured, fps)
        late = _late(track, own, captured, joints) * fps / FPS
        tracks.append(replace(track, frames=np.maximum.accumulate(track.frames + late)))
    return replace(captured, tracks=tuple(tracks))


def with_detour(captured: Capture, joints: np.ndarray, fps: float) -> Capture:
    """``captured`` with the path of the hips where the engine's ``joints`` (T, J, 3) led it around obstacles, for the
    character to follow; what it misses of the path that was drawn is told from that one.
    """
    metre = captured.body.scale / captured.unit_scale
    tracks = (
        replace(track, points=track.points + model_to_blender(_detour_offset(track, captured, joints, fps)) * metre)
        for track in captured.tracks
    )
    return replace(captured, tracks=tuple(tracks))


def detour_frames(captured: Capture, joints: np.ndarray, fps: float) -> tuple[float, float] | None:
    """The first and the last scene frame in which the path of the hips was led around something; None when it was
    not.
    """
    offsets = (np.linalg.norm(_detour_offset(track, captured, joints, fps), axis=-1) for track in captured.tracks)
    detours = [track.frames[offset > REPORTED_DETOUR_M] for track, offset in zip(captured.tracks, offsets, strict=True)]
    frames = np.concatenate([*detours, np.empty(0)])
    return (float(frames.min()), float(frames.max())) if len(frames) else None


def _detour_offset(track: Track, captured: Capture, joints: np.ndarray, fps: float) -> np.ndarray:
    """From where ``track`` wanted the hips to where they were led around something (K, 3), metres; 0 elsewhere."""
    if track.joint != SKELETON.names[0] or not captured.obstacles or track.room.any():
        return np.zeros((len(track.frames), 3))  # a path that may wait is not led around
    own = _requested_frames(track, captured, fps)
    offset = (joints[own, 0] - captured.signal.hint[own, 0]) * captured.signal.coordinates[own, 0]
    return offset * (np.linalg.norm(offset, axis=-1) > DETOUR_M)[:, None]


def _requested_frames(track: Track, captured: Capture, fps: float) -> np.ndarray:
    """The model frames (K,) in which the keys of ``track`` were asked for."""
    own = np.rint(scene_to_model_frame(track.frames, captured.start_frame, fps)).astype(int)
    return own.clip(0, captured.signal.num_frames - 1)


def _late(track: Track, own: np.ndarray, captured: Capture, joints: np.ndarray) -> np.ndarray:
    """By how many model frames (K,) each key, asked for at the model frames ``own`` (K,), is met later."""
    index, signal = SKELETON.index(track.joint), captured.signal
    assert captured.slack is not None  # without slack nothing is late
    slack = captured.slack[own, index]
    late = np.arange(-slack.max(), slack.max() + 1)
    frames = own[:, None] + late
    apart = joints[frames.clip(0, len(joints) - 1), index] - signal.hint[own, None, index]
    away = np.linalg.norm(apart * signal.coordinates[own, None, index], axis=-1)
    if captured.tolerance is not None:
        away = np.maximum(away - captured.tolerance[own, index, None], 0.0)
    allowed = (np.abs(late) <= slack[:, None]) & (frames >= 0) & (frames < len(joints))
    return late[np.where(allowed, away + NEARER_M_PER_FRAME * np.abs(late), np.inf).argmin(1)]
