# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured motion in one small file: clips as 8-bit codes, their captions, and what they do in numbers.

A clip is cut into patches of 8 frames; a patch is 67 numbers a frame (pelvis height, the other joints in heading axes,
how the pelvis goes and turns) and is kept as 128 principal components of one byte each. Reading it back is one matrix
product. The file is an uncompressed ``.npz`` that ``training/library.py`` writes; its arrays are the fields of
``LibraryFile``.

Shapes: K clips, P patches, F = 8 frames, N = 67 numbers a frame, Q = 128 components, S captions, D = 384 numbers of a
sentence vector, J = 22 joints.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import SKELETON

from .facts import FACT_NAMES, ClipFacts
from .motion import BodyMotion

SHIPPED = Path(__file__).parents[1] / "weights" / "library.npz"
FORMAT = 1
PATCH_FRAMES = 8
FRAME_NUMBERS = 3 + 1 + 3 * (SKELETON.num_joints - 1)  # step, turn, pelvis height, joints
SPEED_WEIGHT = 4.0  # of steps (metres a frame) and turns (radians a frame) beside metres of the pose
_TEXTS = ("names", "captions", "encoder", "licence")


@dataclass(frozen=True, eq=False)
class Codes:
    """``values`` (P, Q) int8; ``scale`` (Q,), ``components`` (Q, F * N) and ``mean`` (F * N,) float32 turn them back
    into patches. ``contacts`` (P, F / 2) uint8 holds four contact joints a frame, two frames a byte.
    """

    values: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    mean: np.ndarray
    contacts: np.ndarray

    def decode(self, patches: np.ndarray, numbers: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Frames (patches * F, numbers) float32 of ``patches`` (indices); ``numbers`` of the 67 only, where given."""
        shape = (PATCH_FRAMES, FRAME_NUMBERS)
        components = self.components.reshape(-1, *shape)[..., numbers]
        mean = self.mean.reshape(shape)[:, numbers].reshape(-1)
        flat = components.reshape(len(components), -1) * self.scale[:, None]
        return (self.values[patches].astype(np.float32) @ flat + mean).reshape(-1, components.shape[-1])

    def contacts_of(self, patches: np.ndarray) -> np.ndarray:
        """(patches * F, 4) float32, 0 or 1."""
        return np.unpackbits(self.contacts[patches], axis=-1).reshape(-1, 4).astype(np.float32)


def frames_of(motion: BodyMotion) -> np.ndarray:
    """(T, N) float32: the numbers that are kept of each frame, weighted as the codes hold them."""
    speeds = np.concatenate([motion.step, motion.turn[:, None]], 1) * SPEED_WEIGHT
    others = motion.pose[:, 1:].reshape(motion.num_frames, -1)
    return np.concatenate([speeds, motion.pose[:, 0, 1:2], others], 1).astype(np.float32)


def motion_of(frames: np.ndarray, contacts: np.ndarray) -> BodyMotion:
    """The motion of frames (T, N) as :func:`frames_of` gives them."""
    frames = frames.astype(np.float64)
    pose = np.zeros((len(frames), SKELETON.num_joints, 3))
    pose[:, 0, 1] = frames[:, 3]
    pose[:, 1:] = frames[:, 4:].reshape(len(frames), -1, 3)
    return BodyMotion(pose, frames[:, :2] / SPEED_WEIGHT, frames[:, 2] / SPEED_WEIGHT, contacts.astype(np.float64))


@dataclass(frozen=True, eq=False)
class Library:
    """All clips. ``names`` (K,) ids; ``frames`` (K,) their lengths; ``first_patch`` (K + 1,); ``takes`` and
    ``performers`` (K,) numbers, the same where two clips come from one take, one person. ``captions``: S texts with
    ``vectors`` (S, D) float16 of length one; ``caption_ids`` lists those of all clips, a clip's from its
    ``first_caption`` (K + 1,) on, the first being the one its source gives. ``weak``: captions say little; ``animal``:
    a person acts as one. ``facts``: arrays (K,).
    """

    names: list[str]
    frames: np.ndarray
    first_patch: np.ndarray
    codes: Codes
    takes: np.ndarray
    performers: np.ndarray
    captions: list[str]
    vectors: np.ndarray
    caption_ids: np.ndarray
    first_caption: np.ndarray
    weak: np.ndarray
    animal: np.ndarray
    facts: ClipFacts
    encoder: str
    licence: str

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Self:
        """Read the file, in some 20 ms. Raises BadFile when it is missing or is none that this version reads."""
        try:
            with np.load(path) as archive:
                held: dict[str, Any] = {name: archive[name] for name in archive.files}
            texts = json.loads(bytes(held.pop("texts")).decode())
            if texts["format"] != FORMAT:
                raise ValueError(f"its format is {texts['format']}, not {FORMAT}")
            codes = Codes(**{field.name: held.pop(f"code_{field.name}") for field in fields(Codes)})
            if tuple(texts["fact_names"]) != FACT_NAMES:
                raise ValueError("it holds other facts about its clips")
            facts = ClipFacts.from_array(held.pop("facts"))
            return cls(codes=codes, facts=facts, **held, **{name: texts[name] for name in _TEXTS})
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise BadFile(
                f"The motion library {path} cannot be read ({type(error).__name__}: {error}).",
                "Install Gaitway again, or make it with: python -m training.library",
            ) from error

    @classmethod
    def default(cls, encoder: str) -> Self | None:
        """The file that ``GAITWAY_LIBRARY`` names, else the one that ships; None where there is none, or its sentence
        vectors are not those of the text encoder ``encoder``. An empty ``GAITWAY_LIBRARY`` means no library.
        """
        named = os.environ.get("GAITWAY_LIBRARY")
        if named == "" or (named is None and not SHIPPED.is_file()):
            return None
        library = cls.load(SHIPPED if named is None else Path(named))
        return library if library.encoder == encoder else None

    def arrays(self) -> dict[str, np.ndarray]:
        """What the file holds, by name."""
        texts = {"format": FORMAT, "fact_names": FACT_NAMES} | {name: getattr(self, name) for name in _TEXTS}
        arrays: dict[str, np.ndarray] = {n: value for n, value in vars(self).items() if isinstance(value, np.ndarray)}
        arrays |= {f"code_{field.name}": getattr(self.codes, field.name) for field in fields(Codes)}
        arrays["facts"] = self.facts.to_array().astype(np.float16)
        arrays["texts"] = np.frombuffer(json.dumps(texts, ensure_ascii=False).encode(), np.uint8)
        return arrays

    @cached_property
    def digest(self) -> str:
        """A checksum of all that it holds."""
        total = hashlib.sha256()
        for name, values in sorted(self.arrays().items()):
            total.update(name.encode() + np.ascontiguousarray(values).tobytes())
        return total.hexdigest()

    @property
    def num_clips(self) -> int:
        return len(self.frames)

    @cached_property
    def kept_standing(self) -> list[Any]:
        """What ``prolonging.py`` has found of those who stand still, once it has looked."""
        return []

    @cached_property
    def kept_rows(self) -> dict[Any, Any]:
        """What ``found.py`` keeps for the next request, the oldest first."""
        return {}

    @cached_property
    def kept_climbs(self) -> dict[int, bool]:
        """Which clips ``found.py`` has seen climb by themselves, and which not."""
        return {}

    def captions_of(self, clip: int) -> list[str]:
        ids = self.caption_ids[self.first_caption[clip] : self.first_caption[clip + 1]]
        return [self.captions[i] for i in ids]

    def patches_of(self, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Patches of ``clips`` (n,) one after another; and where each clip's frames begin among theirs, (n + 1,)."""
        first, end = self.first_patch[clips], self.first_patch[np.asarray(clips) + 1]
        counts = end - first
        begins = np.concatenate([[0], np.cumsum(counts)])
        patches = np.arange(begins[-1]) + np.repeat(first - begins[:-1], counts)
        return patches, begins * PATCH_FRAMES

    def decode(self, clip: int, start: int = 0, end: int | None = None, mirror: bool = False) -> BodyMotion:
        """The frames ``start`` to ``end`` (its end, without) of a clip, or of its mirror image."""
        end = int(self.frames[clip]) if end is None else end
        base = int(self.first_patch[clip])
        low = start // PATCH_FRAMES
        patches = np.arange(base + low, base + (end - 1) // PATCH_FRAMES + 1)
        inside = slice(start - low * PATCH_FRAMES, end - low * PATCH_FRAMES)
        motion = motion_of(self.codes.decode(patches)[inside], self.codes.contacts_of(patches)[inside])
        return motion.mirrored() if mirror else motion
