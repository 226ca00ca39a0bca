# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a motion on the floor: level the ground that the planted feet show, then lay it at height zero.

Capture volumes are often calibrated a degree off the vertical: over a walk of four metres that lifts the feet by some
centimetres. Stairs and ramps are steeper than that and stay as they are.

Shapes: T frames, J = 22 joints. Metres, Y up.
"""

from __future__ import annotations

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.skeleton import FEET, FPS, SKELETON

STEEPEST = np.tan(np.radians(2.0))  # what is steeper is no error of calibration
FLATTEST = np.tan(np.radians(0.3))  # what is flatter is no more than the footprints vary
PLANTED_SPEED = 0.15  # metres a second; toes that move slower stand
NEAR_PLANE = 0.03  # metres; a planted toe farther from the plane stands on something else
SPREAD = 0.3  # metres (standard deviation) of the footprints along a direction whose slope is to be told
LOWEST = 2.0  # percentile of the lowest points over time that touches the floor: single glitches do not lift the rest


def on_floor(joints: np.ndarray) -> np.ndarray:
    """The motion (T, J, 3) levelled and standing on Y = 0. Frames that are not finite are not looked at."""
    levelled = quat.rotate(_level(_footprints(joints)), joints)
    lowest = levelled[np.isfinite(levelled).all((1, 2)), :, 1].min(-1, initial=np.inf)
    floor = np.percentile(lowest, LOWEST) if len(lowest) else 0.0
    return levelled - np.array([0.0, floor, 0.0])


def _footprints(joints: np.ndarray) -> np.ndarray:
    """Places (K, 3) of toes that stand still."""
    toes = joints[:, SKELETON.indices(*FEET)]
    still = np.linalg.norm(np.diff(toes, axis=0), axis=-1) * FPS < PLANTED_SPEED
    return toes[1:][still]


def _level(prints: np.ndarray) -> np.ndarray:
    """Rotation (4,) that makes the plane of the footprints horizontal; the identity where they show no small slope."""
    inside = np.ones(len(prints), dtype=bool)
    slope = np.zeros(3)
    for _ in range(3):  # fit, leave out what stands elsewhere, fit again
        if inside.sum() < max(8, len(prints) / 2):
            return quat.identity()
        centre, slope = _slope(prints[inside])
        inside = np.abs((prints - centre)[:, 1] - (prints - centre) @ slope) < NEAR_PLANE
    if not FLATTEST < np.linalg.norm(slope) < STEEPEST:
        return quat.identity()
    return quat.between(np.array([-slope[0], 1.0, -slope[2]]), np.array([0.0, 1.0, 0.0]))


def _slope(prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (3,) and rise (3,) a metre along x and z, only along directions in which the prints are spread."""
    centre = prints.mean(0)
    ground, height = (prints - centre)[:, [0, 2]], (prints - centre)[:, 1]
    variances, directions = np.linalg.eigh(ground.T @ ground / len(ground))
    rise = np.zeros(2)
    for variance, direction in zip(variances, directions.T, strict=True):
        if variance > SPREAD**2:
            rise += direction * ((ground @ direction) @ height / len(ground) / variance)
    return centre, np.array([rise[0], 0.0, rise[1]])
