# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place where axes, scale and time change between the model and Blender.

Model: metres, Y up, facing +Z, X to the character's left, 20 frames a second from frame 0.
Blender: Z up, scene units (``unit_settings.scale_length`` metres each), scene frames at ``fps / fps_base``.
A character that faces +Z in the model faces -Y in Blender, which is Blender's front view.
"""

from __future__ import annotations

import numpy as np

from .skeleton import FPS


def model_to_blender(points: np.ndarray, unit_scale: float = 1.0) -> np.ndarray:
    """Model points (..., 3) in metres as Blender world points in scene units: (x, y, z) -> (x, -z, y) / unit_scale."""
    points = np.asarray(points)
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1) / unit_scale


def blender_to_model(points: np.ndarray, unit_scale: float = 1.0) -> np.ndarray:
    """Inverse of :func:`model_to_blender`."""
    points = np.asarray(points)
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1) * unit_scale


def model_to_blender_rotation(q: np.ndarray) -> np.ndarray:
    """A rotation about model axes (..., 4) as the same rotation about Blender axes: the vector part changes axes."""
    q = np.asarray(q)
    return np.stack([q[..., 0], q[..., 1], -q[..., 3], q[..., 2]], -1)


def blender_to_model_rotation(q: np.ndarray) -> np.ndarray:
    """Inverse of :func:`model_to_blender_rotation`."""
    q = np.asarray(q)
    return np.stack([q[..., 0], q[..., 1], q[..., 3], -q[..., 2]], -1)


def scene_to_model_frame(scene_frame: np.ndarray | float, start_frame: float, scene_fps: float) -> np.ndarray | float:
    """Scene frame as a (fractional) model frame; ``start_frame`` is where model frame 0 stands."""
    return (scene_frame - start_frame) * FPS / scene_fps


def model_to_scene_frame(frame: np.ndarray | float, start_frame: float, scene_fps: float) -> np.ndarray | float:
    """Inverse of :func:`scene_to_model_frame`."""
    return frame * scene_fps / FPS + start_frame


def seconds_to_num_frames(seconds: float) -> int:
    """How many model frames cover ``seconds``: frame 0 is at 0 s and the last at or just before the end."""
    return int(np.floor(seconds * FPS + 1e-6)) + 1
