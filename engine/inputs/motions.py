# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions from other tools, as clips: arrays of joints, and the result files of MotionLCM, MLD and MDM.

Reads ``.npy``, ``.npz``, ``.pkl`` and ``.pickle``; pickles only by ``safe_pickle``, which executes nothing in them.

Legend: N samples, T frames, 22 joints in the order of HumanML3D. Layouts: (T,22,3), (N,T,22,3), and MDM's (N,22,3,T).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import FPS, SKELETON

from ..export.clip import ExportClip
from . import safe_pickle

_SUFFIXES = (".npy", ".npz", ".pkl", ".pickle")
_FILE_MAX_BYTES = 2 * 2**30
_JOINT_KEYS = ("joints", "motion", "motions", "keypoints", "positions")
_LENGTH_KEYS = ("lengths", "length")
_TEXT_KEYS = ("text", "texts", "prompt", "caption")
_SHAPE_HINT = (
    "The file must contain positions in metres of the 22 HumanML3D joints: (frames, 22, 3), (samples, frames, 22, 3) "
    "or (samples, 22, 3, frames)."
)


@dataclass(frozen=True, eq=False)
class MotionFile:
    """The samples of one file: ``joints`` one (T,22,3) each, ``texts`` their prompts ("" where unknown)."""

    joints: list[np.ndarray]
    texts: list[str]
    fps: float = FPS
    hints: list[tuple[np.ndarray, np.ndarray] | None] = field(default_factory=list)
    free_height: bool = False

    def clip(self, index: int = 0) -> ExportClip:
        """Sample ``index``, counted from 0. Raises BadFile when there is none."""
        if not 0 <= index < len(self.joints):
            count = len(self.joints)
            raise BadFile(
                f"There is no sample {index}: the file contains {count}.",
                f"Choose --sample from 0 to {count - 1}." if count > 1 else "Leave --sample out.",
            )
        hint, mask = (self.hints[index] or (None, None)) if self.hints else (None, None)
        return ExportClip(
            self.joints[index], self.fps, self.texts[index], hint=hint, hint_mask=mask, free_height=self.free_height
        )


def read_motions(path: Path) -> MotionFile:
    """Every motion in ``path``. Raises BadFile when it is missing, damaged or unsafe, or contains anything else."""
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise BadFile(
            f"'{path}' is not a file that can be converted.", f"Choose a file of type {', '.join(_SUFFIXES)}."
        )
    try:
        if path.stat().st_size > _FILE_MAX_BYTES:
            raise BadFile(
                f"'{path}' is larger than {_FILE_MAX_BYTES >> 30} GB.", "Save only the samples that you need."
            )
        content = _read_npz(path) if suffix == ".npz" else safe_pickle.read_file(path)
    except FileNotFoundError:
        raise BadFile(f"There is no file '{path}'.", "Check its name and folder.") from None
    except OSError as error:
        raise BadFile(
            f"'{path}' cannot be read: {error.strerror or error}.", "Check that you have permission to read it."
        ) from error
    return _motions(content, path.name)


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if sum(member.file_size for member in members) > _FILE_MAX_BYTES:
                raise BadFile(
                    f"'{path}' unpacks to more than {_FILE_MAX_BYTES >> 30} GB.", "Save only the arrays that you need."
                )
            return {
                member.filename[:-4]: safe_pickle.read_npy_bytes(archive.read(member), f"{path.name}/{member.filename}")
                for member in members
            }
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadFile(f"'{path}' is damaged or not a numpy archive.", "Create or copy the file again.") from error


def _motions(content: Any, name: str) -> MotionFile:
    """The samples in the contents of a file: an array, a list of arrays, or a map with one of the usual keys."""
    if isinstance(content, np.ndarray) and content.dtype.hasobject:
        content = content.item() if content.ndim == 0 else list(content)
    if not isinstance(content, dict):
        joints = _samples(content, name)
        return MotionFile(joints, [""] * len(joints))
    key = next((key for key in _JOINT_KEYS if key in content), None)
    if key is None:
        raise BadFile(
            f"'{name}' contains no joints: its entries are {', '.join(map(str, list(content)[:12])) or 'none'}.",
            f"Save the joints under one of these names: {', '.join(_JOINT_KEYS)}.",
        )
    joints = _samples(content[key], name)
    lengths = _per_sample(content, _LENGTH_KEYS, len(joints))
    if lengths:
        joints = [
            sample[: int(length)] if int(length) > 0 else sample for sample, length in zip(joints, lengths, strict=True)
        ]
    texts = [str(text) for text in _per_sample(content, _TEXT_KEYS, len(joints)) or [""] * len(joints)]
    fps = float(content.get("fps", FPS))
    free_height = bool(np.all(content.get("free_height", False)))
    return MotionFile(joints, texts, fps, _hints(content, joints), free_height)


def _samples(value: Any, name: str) -> list[np.ndarray]:
    """The motions (T,22,3) float32 in an array of any known layout, or in a list of such."""
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(item, np.ndarray) for item in value):
            return [sample for item in value for sample in _samples(item, name)]
        try:
            value = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError):
            raise BadFile(f"'{name}' does not contain arrays of joints.", _SHAPE_HINT) from None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        kind = getattr(value, "dtype", type(value).__name__)
        raise BadFile(f"'{name}' does not contain numbers, but {kind}.", _SHAPE_HINT)
    array, joints = value.astype(np.float32), (SKELETON.num_joints, 3)
    if array.ndim == 3 and array.shape[1:] == joints:
        samples = [array]
    elif array.ndim == 4 and array.shape[2:] == joints:
        samples = list(array)
    elif array.ndim == 4 and array.shape[1:3] == joints:
        samples = list(array.transpose(0, 3, 1, 2))
    elif array.ndim == 3 and array.shape[:2] == joints:
        samples = [array.transpose(2, 0, 1)]
    else:
        raise BadFile(f"The array in '{name}' has shape {array.shape}. {_explain(array.shape)}", _SHAPE_HINT)
    if not samples or not len(samples[0]):
        raise BadFile(f"'{name}' contains no frames.", "Generate or save the motion again.")
    for i, sample in enumerate(samples):
        if not np.isfinite(sample).all():
            raise BadFile(
                f"Sample {i} in '{name}' contains positions that are not finite numbers.", "Generate it again."
            )
    return samples


def _explain(shape: tuple[int, ...]) -> str:
    """What an array with a wrong shape probably is."""
    if shape[-1:] == (263,) or 263 in shape:
        return "These are 263 motion features, not joints: recover the joints first (features_to_joints)."
    if shape[-1:] == (251,) or 21 in shape:
        return "This is the KIT skeleton with 21 joints, which is a different body."
    if shape[-1:] == (66,):
        return "Reshape it to (frames, 22, 3)."
    if len(shape) >= 2 and shape[-1] == 3 and shape[-2] in (24, 52, 55):
        return f"This is a body with {shape[-2]} joints (SMPL family): keep the first 22."
    if shape[-1:] == (6,) or 6 in shape[1:3]:
        return "These are rotations, not positions: save the positions of the joints."
    return "This is not a known layout of joints."


def _per_sample(content: dict, keys: tuple[str, ...], count: int) -> list[Any]:
    """The values of the first of ``keys`` that is there, one a sample; empty when it is missing or does not fit."""
    value = next((content[key] for key in keys if key in content), None)
    if value is None:
        return []
    values = value.reshape(-1).tolist() if isinstance(value, np.ndarray) else value
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    return values if len(values) == count else []


def _hints(content: dict, joints: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Target points, one pair of hint (T,22,3) and mask (T,22) a sample, where the file has them in such a shape."""
    hint, mask = content.get("hint"), content.get("hint_mask", content.get("mask"))
    if not isinstance(hint, np.ndarray) or hint.dtype.hasobject:
        return []
    hint = hint.astype(np.float32)[None] if hint.ndim == 3 else hint.astype(np.float32)
    if isinstance(mask, np.ndarray) and not mask.dtype.hasobject:
        mask = mask[None] if len(mask) != len(joints) or mask.ndim == hint.ndim - 2 else mask
        mask = mask.reshape(*hint.shape[:-1], -1).any(-1) if mask.size in (hint.size, hint.size // 3) else None
    else:
        mask = (hint != 0).any(-1)  # those tools write zeros where there is no target
    if mask is None or len(hint) != len(joints):
        return []
    return [
        (points[: len(sample)], targets[: len(sample)]) if points[: len(sample)].shape == sample.shape else None
        for sample, points, targets in zip(joints, hint, mask, strict=True)
    ]
