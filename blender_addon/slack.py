# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls whose keys may wait: when the motion came to each of them.

The engine moves a key with slack to the frame in which it costs the motion least, and hits it there; which frame that
was shows in the motion itself.

Shapes: K keys, T model frames, J = 22 joints.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .capture import Capture
from .shared.skeleton import FPS, SKELETON
from .shared.space import scene_to_model_frame
from .tracks import Track

NEARER = 2e-4
"""Metres a frame by which the joint must come nearer to the key in another frame for that to be the one it was met in.
"""


def as_met(captured: Capture, joints: np.ndarray, fps: float) -> Capture:
    """``captured`` with each key that may wait at the frame in which the engine's ``joints`` (T, J, 3) come to it;
    ``fps``: the scene's.
    """
    if captured.slack is None:
        return captured
    tracks = []
    for track in captured.tracks:
        own = np.rint(scene_to_model_frame(track.frames, captured.start_frame, fps)).astype(int)
        own = own.clip(0, captured.signal.num_frames - 1)
        late = _late(track, own, captured, joints) * fps / FPS
        tracks.append(replace(track, frames=np.maximum.accumulate(track.frames + late)))
    return replace(captured, tracks=tuple(tracks))


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
