# SPDX-License-Identifier: GPL-3.0-or-later
"""What the feet of an armature stand on: a level floor, or ground that has another height at each place.

K scene frames, n points. World points, scene units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.ground import heights_at
from ...shared.protocol import Ground
from ...shared.space import blender_to_model


@dataclass(frozen=True, eq=False)
class SceneGround:
    """The model's ``ground`` where the character walks: its height 0 is ``height`` in the world, its origin is over
    ``origin`` there, and its metre measures ``metre`` scene units.
    """

    ground: Ground
    height: float
    metre: float
    origin: tuple[float, float] = (0.0, 0.0)

    def under(self, points: np.ndarray, model_frames: np.ndarray) -> np.ndarray:
        """Heights (K, n) in the world under ``points`` (K, n, 3), in ``model_frames`` (K,), whole or not."""
        places = blender_to_model(points - np.array([*self.origin, 0.0]), 1.0 / self.metre)[..., [0, 2]]
        return self.height + self.metre * heights_at(self.ground, model_frames, places)


@dataclass(frozen=True, eq=False)
class Floor:
    """What is under points in the scene frames of a motion: ``level`` at a height, or ``ground`` in the model's frames
    (K,) that these are.
    """

    level: float = 0.0
    ground: SceneGround | None = None
    model_frames: np.ndarray | None = None

    @property
    def is_level(self) -> bool:
        return self.ground is None

    def under(self, points: np.ndarray) -> np.ndarray:
        """Heights (K, n) of the floor under ``points`` (K, n, 3)."""
        if self.ground is None or self.model_frames is None:
            return np.full(points.shape[:2], self.level)
        return self.ground.under(points, self.model_frames)


def known_floor(given: float | SceneGround | None, model_frames: np.ndarray) -> Floor | None:
    """The floor that is ``given`` as its height or as ground, in the model's frames (K,) of a motion."""
    if given is None:
        return None
    return Floor(ground=given, model_frames=model_frames) if isinstance(given, SceneGround) else Floor(float(given))
