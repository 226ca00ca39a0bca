# SPDX-License-Identifier: GPL-3.0-or-later
"""A captured take as its file tells it: a skeleton at rest and how each of its bones turns, in the file's own axes.

Shapes: T frames, N bones; quaternions w, x, y, z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blender_addon.retarget.rig import BoneRest, Rig
from blender_addon.shared import quat
from blender_addon.shared.errors import BadFile

MAX_FPS = 2000.0


@dataclass(frozen=True, eq=False)
class Capture:
    """``rig``: the bones at rest, whose own axes are those of the file. ``rotations`` (T, N, 4): turn of each bone
    since its rest, against the world. ``heads`` (T, N, 3): where each bone begins, in the file's unit.
    """

    rig: Rig
    rotations: np.ndarray
    heads: np.ndarray
    fps: float

    @property
    def num_frames(self) -> int:
        return len(self.rotations)

    def place(self, bone: str) -> int:
        """Index of ``bone`` on the axis N."""
        return list(self.rig.by_name).index(bone)


def rest_bone(name: str, parent: str | None, head: np.ndarray, tail: np.ndarray) -> BoneRest:
    """A bone whose axes at rest are the file's."""
    matrix = np.eye(4)
    matrix[:3, 3] = head
    return BoneRest(name, parent, head.tolist(), tail.tolist(), matrix)


def euler(angles: np.ndarray, order: str) -> np.ndarray:
    """Rotation (..., 4) of ``angles`` (..., K) in radians about the axes named by ``order``, the last one first."""
    rotation = quat.identity(angles.shape[:-1])
    for column, axis in enumerate(order):
        rotation = quat.multiply(rotation, quat.from_axis_angle(np.eye(3)["XYZ".index(axis)], angles[..., column]))
    return rotation


def read_text(path: Path) -> str:
    """The file as text. Raises BadFile when it cannot be read or holds something else."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadFile(
            f"'{path}' cannot be read: {error.strerror or error}.", "Check the file and its permissions."
        ) from error
    if "\0" in text:
        raise BadFile(f"'{path}' is not a text file.", "Copy the file again from its source.")
    return text


def numbers(words: Sequence[str], path: Path, what: str) -> np.ndarray:
    """The words as float64; "nan" is one. Raises BadFile that names the ``what`` of the file ``path``."""
    try:
        return np.array(words, dtype=np.float64)
    except ValueError as error:
        wrong = str(error).split("float: ", 1)[-1]
        raise BadFile(
            f"{what} of '{path}' contains {wrong}, which is not a number.", "Export or copy it again."
        ) from error


def finite_numbers(words: Sequence[str], path: Path, what: str) -> np.ndarray:
    """As :func:`numbers`, for skeletons: a spoilt frame can be left out, a spoilt bone cannot."""
    found = numbers(words, path, what)
    if not np.isfinite(found).all():
        raise BadFile(f"{what} of '{path}' contains a number that is not finite.", "Export or copy it again.")
    return found
