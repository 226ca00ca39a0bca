# SPDX-License-Identifier: GPL-3.0-or-later
"""Numpy archives: the exact numbers of a motion, for scripts.

Keys: ``joints`` (T,22,3) float32 metres, Y up; ``joint_names`` (22,) text; ``parents`` (22,) int32; ``fps``;
``prompt``; ``seed`` (-1: unknown); ``model``; and, where the motion had targets, ``hint`` (T,22,3) float32,
``hint_mask`` (T,22) bool and ``free_height`` (the height of the pelvis is no target). No object arrays:
``numpy.load(path)`` reads it without pickle.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from blender_addon.shared.skeleton import SKELETON

from .clip import ExportClip


def write_npz(clip: ExportClip, stream: BinaryIO) -> None:
    """Write ``clip`` as a compressed numpy archive."""
    arrays: dict[str, np.ndarray] = {
        "joints": np.asarray(clip.joints, dtype=np.float32),
        "joint_names": np.array(SKELETON.names),
        "parents": np.array(SKELETON.parents, dtype=np.int32),
        "fps": np.array(clip.fps, dtype=np.float64),
        "prompt": np.array(clip.prompt),
        "seed": np.array(-1 if clip.seed is None else clip.seed, dtype=np.int64),
        "model": np.array(clip.model),
    }
    if clip.hint is not None and clip.hint_mask is not None:
        arrays["hint"] = np.asarray(clip.hint, dtype=np.float32)
        arrays["hint_mask"] = np.asarray(clip.hint_mask, dtype=bool)
        arrays["free_height"] = np.array(clip.free_height)
    np.savez_compressed(stream, **arrays)
