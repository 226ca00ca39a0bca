# SPDX-License-Identifier: GPL-3.0-or-later
"""When and where the motion came to its controls, which shows in the motion itself.

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

NEARER = 2e-4
"""Metres a frame by which the joint must come nearer to the key in another frame for that to be the one it was met in.
"""

ASIDE, FAR = 0.02, 0.1
"""Metres from its path at which the hips were led around something, and from which on it is worth a word."""


def as_met(captured: Capture, joints: np.ndarray, fps: float) -> Capture:
    """``captured`` with each key that may wait at the frame in which the engine's ``joints`` (T, J, 3) come to it;
    ``fps``: the scene's.
    """
    if captured.slack is None:
        return captured
    tracks = []
    for track in captured.tracks:
        own = _asked_in(track, captured, fps)
        late = _late(track, own, captured, joints) * fps / FPS
        tracks.append(replace(track, frames=np.maximum.accumulate(track.frames + late)))
    return replace(captured, tracks=tuple(tracks))


def as_led(captured: Capture, joints: np.ndarray, fps: float) -> Capture:
    """``captured`` with the path of the hips where the engine's ``joints`` (T, J, 3) led it around obstacles, for the
    character to follow; what it misses of the path that was drawn is told from that one.
    """
    metre = captured.body.scale / captured.unit_scale
    tracks = (
        replace(track, points=track.points + model_to_blender(_aside(track, captured, joints, fps)) * metre)
        for track in captured.tracks
    )
    return replace(captured, tracks=tuple(tracks))


def led_frames(captured: Capture, joints: np.ndarray, fps: float) -> tuple[float, float] | None:
    """The first and the last scene frame in which the path of the hips was led around something; None when it was
    not.
    """
    asides = (np.linalg.norm(_aside(track, captured, joints, fps), axis=-1) for track in captured.tracks)
    led = [track.frames[aside > FAR] for track, aside in zip(captured.tracks, asides, strict=True)]
    frames = np.concatenate([*led, np.empty(0)])
    return (float(frames.min()), float(frames.max())) if len(frames) else None


def _aside(track: Track, captured: Capture, joints: np.ndarray, fps: float) -> np.ndarray:
    """From where ``track`` wanted the hips to where they were led around something (K, 3), metres; 0 elsewhere."""
    if track.joint != SKELETON.names[0] or not captured.obstacles or track.room.any():
        return np.zeros((len(track.frames), 3))  # a path that may wait is not led around
    own = _asked_in(track, captured, fps)
    aside = (joints[own, 0] - captured.signal.hint[own, 0]) * captured.signal.coordinates[own, 0]
    return aside * (np.linalg.norm(aside, axis=-1) > ASIDE)[:, None]


def _asked_in(track: Track, captured: Capture, fps: float) -> np.ndarray:
    """The model frames (K,) in which the keys of ``track`` were asked for."""
    own = np.rint(scene_to_model_frame(track.frames, captured.start_frame, fps)).astype(int)
    return own.clip(0, captured.signal.num_frames - 1)


def _late(track: Track, own: np.ndarray, captured: Capture, joints: np.ndarray) -> np.ndarray:
    """By how many model frames (K,) each key, asked for at the model frames ``own`` (K,), is met later."""
    index, signal = SKELETON.index(track.joint), captured.signal
    slack = captured.slack[own, index]
    late = np.arange(-slack.max(), slack.max() + 1)
    frames = own[:, None] + late
    apart = joints[frames.clip(0, len(joints) - 1), index] - signal.hint[own, None, index]
    away = np.linalg.norm(apart * signal.coordinates[own, None, index], axis=-1)
    if captured.tolerance is not None:
        away = np.maximum(away - captured.tolerance[own, index, None], 0.0)
    allowed = (np.abs(late) <= slack[:, None]) & (frames >= 0) & (frames < len(joints))
    return late[np.where(allowed, away + NEARER * np.abs(late), np.inf).argmin(1)]
