# SPDX-License-Identifier: GPL-3.0-or-later
"""What was evaluated on the rig beside what the motion does, for :mod:`..takes.faults` to judge.

Shapes: K scene frames, J joints of the character, P points of its soles, T model frames.
"""

from __future__ import annotations

import bpy
import numpy as np

from ..capture.capture import CapturedScene
from ..capture.tracks import Track
from ..character import standing_height
from ..shared import space
from ..shared.ground import heights_at
from ..shared.skeleton import SKELETON
from ..takes.faults import MotionOnRig

EDGE_M = 0.04
"""Beside a point of a sole, within which the ground that is nearest to it counts."""
FEET = {side: SKELETON.indices(f"{side}_ankle", f"{side}_foot") for side in ("left", "right")}


def at_frames(joints: np.ndarray, model_frames: np.ndarray) -> np.ndarray:
    """The motion's joints (K, 22, 3) at ``model_frames`` (K,), which need not be whole; held beyond its ends."""
    at = np.clip(model_frames, 0, len(joints) - 1)
    low = np.minimum(at.astype(int), max(len(joints) - 2, 0))
    share = (at - low)[:, None, None]
    return joints[low] * (1 - share) + joints[np.minimum(low + 1, len(joints) - 1)] * share


def floor_of(captured: CapturedScene, scene: bpy.types.Scene | None) -> float | None:
    """Height of the floor in the scene that feet are put on, None where there is none."""
    if scene is None:
        return captured.body.ground
    feet = scene.gaitway.feet
    return {"AUTO": captured.body.ground, "HEIGHT": feet.floor_height, "NONE": None}[feet.floor]


def clearances(
    captured: CapturedScene, floor: float, model_frames: np.ndarray, soles: np.ndarray
) -> dict[str, np.ndarray]:
    """Side -> metres (K,) of the lowest of its points over the ground; ``soles`` (K, P, 3) are those of the body."""
    heights = soles[..., 2] - floor
    if captured.ground is not None:
        places = captured.body.to_model(soles, captured.unit_scale)[..., [0, 2]]
        metre = captured.body.scale / captured.unit_scale
        # A tip against the next step of stairs is not under it, a heel beyond its edge not over the one below.
        beside = np.array([[0, 0], [EDGE_M, 0], [-EDGE_M, 0], [0, EDGE_M], [0, -EDGE_M]])
        over = [heights - metre * heights_at(captured.ground, model_frames, places + offset) for offset in beside]
        heights = np.take_along_axis(np.array(over), np.abs(over).argmin(0)[None], 0)[0]
    sides = np.array([point.side for point in captured.body.soles])
    return {side: heights[:, sides == side].min(-1) * captured.unit_scale for side in FEET if (sides == side).any()}


def lifted(captured: CapturedScene, model_frames: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Side -> how far (K,) in metres of the rig the motion's own foot is over its ground; ``wanted`` (K, 22, 3) are its
    joints, model axes."""
    found = {}
    for side, indices in FEET.items():
        feet = wanted[:, indices]
        over = feet[..., 1] - np.array([standing_height(SKELETON.names[index]) for index in indices])
        if captured.ground is not None:
            over = over - heights_at(captured.ground, model_frames, feet[..., [0, 2]])
        found[side] = over.min(-1) * captured.body.scale
    return found


def motion_on_rig(
    captured: CapturedScene,
    frames: np.ndarray,
    heads: dict[str, np.ndarray],
    motion: tuple[np.ndarray, np.ndarray],
    feet: tuple[np.ndarray, np.ndarray],
    soles: dict[str, np.ndarray],
    tracks: list[Track],
    errors: dict[str, tuple[np.ndarray, np.ndarray]],
    fps: float,
) -> MotionOnRig:
    """All that was measured at scene ``frames`` (K,). Nine, each measured elsewhere: ``heads``: joint -> (K, 3);
    ``motion``: its model frames (K,) and joints (K, 22, 3); ``feet``: which stand (K, 4), and their slides; ``soles``:
    :func:`clearances`."""
    model_frames, wanted = motion
    places = space.model_to_blender(wanted)
    led = {track.joint for track in captured.tracks} | {relation.joint for relation in captured.relations}
    return MotionOnRig(
        frames=frames,
        heads=heads,
        wanted={joint: places[:, index] for index, joint in enumerate(SKELETON.names)},
        standing=feet[0],
        slides=feet[1],
        clearances=soles,
        lifted=lifted(captured, model_frames, wanted),
        missed={track.joint: (track.frames, track.points, errors[track.joint][1]) for track in tracks},
        led=frozenset(led),
        leg_m=captured.body.leg_length * captured.unit_scale,
        fps=fps,
    )
