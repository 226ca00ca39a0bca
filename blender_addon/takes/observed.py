# SPDX-License-Identifier: GPL-3.0-or-later
"""How a motion came out on the rig, and the distances that are reported of it. No bpy.

Shapes: K frames, J joints of the character, C frames of a control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .faults import Fault

if TYPE_CHECKING:
    from ..capture.tracks import Track


@dataclass(frozen=True, eq=False)
class Observed:
    """Scene ``frames`` (K,), and at each the world positions (K, J, 3) in scene units of the mapped ``joints``.

    ``tracks``: what was asked for, at the frames in which it was met. ``errors``: joint, or "joint beside joint" -> the
    control's frames (C,) and how far the joint was from it (C,) in metres. ``contacts``
    (K, 4): which of the four foot joints should stand. ``slides`` (K, 4) in metres: how far it has come since it was
    put down. ``depths`` (K,) in metres: how deep the deepest joint is in an obstacle. ``detour``: the
    first and the last frame in which the path was led around one. ``faults``: what else a viewer would see, what breaks
    the motion first.
    """

    frames: np.ndarray
    joints: tuple[str, ...]
    positions: np.ndarray
    tracks: tuple[Track, ...]
    errors: dict[str, tuple[np.ndarray, np.ndarray]]
    contacts: np.ndarray
    slides: np.ndarray
    depths: np.ndarray
    detour: tuple[float, float] | None
    faults: tuple[Fault, ...] = ()

    def track(self, joint: str) -> np.ndarray:
        """Positions (K, 3) of one joint."""
        return self.positions[:, self.joints.index(joint)]

    def summary(self) -> dict[str, float]:
        """Average, 95th percentile and maximum in metres over all controls; empty without controls."""
        errors = [error for _, error in self.errors.values()]
        return error_summary(np.concatenate(errors)) if errors else {}

    def worst(self) -> tuple[str, float]:
        """The joint and the frame of the largest error; ("", first frame) without controls."""
        found, joint, frame = -1.0, "", float(self.frames[0])
        for name, (frames, errors) in self.errors.items():
            if errors.max() > found:
                found, joint, frame = float(errors.max()), name, float(frames[errors.argmax()])
        return joint, frame

    def drift(self) -> tuple[float, float]:
        """How far a standing foot slides at worst in metres, and the frame at which it has."""
        row = int(self.slides.max(-1).argmax())
        return float(self.slides[row].max()), float(self.frames[row])

    def entered(self) -> tuple[float, float]:
        """How deep a joint is in an obstacle at worst in metres, and the frame at which it is; 0 outside."""
        row = int(self.depths.argmax())
        return float(self.depths[row]), float(self.frames[row])


def error_summary(errors: np.ndarray) -> dict[str, float]:
    """Average, 95th percentile and maximum of distances (K,)."""
    errors = np.asarray(errors, np.float64)
    return {
        "average": float(errors.mean()),
        "percentile95": float(np.percentile(errors, 95)),
        "maximum": float(errors.max()),
    }


def slide(positions: np.ndarray, in_contact: np.ndarray) -> np.ndarray:
    """How far a foot at ``positions`` (K, 3) has come over the ground (K,) since it was put down; 0 while it swings.

    A foot has been put down when it has stood for one frame: the frame of touching the ground still moves.
    """
    distance = np.zeros(len(positions))
    start: np.ndarray | None = None
    for frame in range(1, len(positions)):
        if not (in_contact[frame] and in_contact[frame - 1]):
            start = None
            continue
        start = positions[frame] if start is None else start
        distance[frame] = np.linalg.norm((positions[frame] - start)[:2])
    return distance
