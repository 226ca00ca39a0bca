# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hips' path leads over: the character's level floor, ground as high as the path, or an object of the scene.

Shapes: T model frames, K points of a track.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import bpy
import numpy as np

from ..character import CharacterBody, standing_height
from ..retarget.pose import FLOOR_TOLERANCE
from ..shared import space
from ..shared.errors import BadControl
from ..shared.ground import ground_along, steepest, too_steep
from ..shared.ground_mesh import PathGround, ground_of_mesh
from ..shared.protocol import Ground
from ..shared.skeleton import FPS, SKELETON
from .ground_object import ground_triangles
from .model_tracks import ModelTracks
from .timing import scene_fps
from .tracks import Track

LEVEL_M = 0.03
"""Heights of a drawn path that differ by less are those of a level one."""
HIPS = SKELETON.names[0]


def read_ground(
    scene: bpy.types.Scene, body: CharacterBody, tracks: Sequence[Track], placed: ModelTracks
) -> Generator[None, None, tuple[Ground | None, str]]:
    """The ground in the model's metres under the path of the hips, and what the animator is told of it; a generator
    that hands the thread back. Raises BadControl where it cannot be walked.
    """
    track = next((track for track in tracks if track.joint == HIPS), None)
    if track is None or HIPS not in placed.points:
        return None, ""
    times, points = placed.points[HIPS]
    at = np.arange(placed.num_frames) / FPS
    x, y, z = (np.interp(at, times, points[:, axis]) for axis in range(3))
    path, heights = np.stack([x, z], -1), y - standing_height(HIPS)
    metre = body.scale / scene.unit_settings.scale_length
    target = bpy.data.objects.get(track.ground) if track.ground else None
    if target is not None:
        triangles = yield from ground_triangles(target, body, scene)
        try:
            found = ground_of_mesh(triangles, path, heights)
        except BadControl:
            raise BadControl(
                f"{track.label} is nowhere above or below its ground '{target.name}'.",
                "Move one of them, or choose another object under Ground.",
            ) from None
        if track.on_ground:
            _put_on(placed, at, found)
        heights, ground = found.under, found.ground
    elif not track.on_ground:
        moves_up = np.abs(heights).max() > FLOOR_TOLERANCE * SKELETON.leg_length
        return None, "Height: the hips move as drawn" if moves_up else ""
    else:
        if np.ptp(heights) < LEVEL_M and abs(np.median(heights)) < FLOOR_TOLERANCE * SKELETON.leg_length:
            return None, ""
        ground = ground_along(path, heights)
    yield
    _check_steepness(path, heights, scene)
    low, high = (value * metre + body.ground for value in (heights.min(), heights.max()))
    over = f"'{target.name}'" if target is not None else "as high as the path"
    system, unit = scene.unit_settings.system, scene.unit_settings.scale_length
    texts = [bpy.utils.units.to_string(system, "LENGTH", value * unit, precision=3) for value in (low, high)]
    return ground, f"Ground {over}: from {texts[0]} to {texts[1]} high"


def _put_on(placed: ModelTracks, at: np.ndarray, found: PathGround) -> None:
    """Let the hips' points be over the ground that was found under them in the frames ``at`` (T,) seconds."""
    times, points = placed.points[HIPS]
    over = points.copy()
    over[:, 1] = np.interp(times, at, found.under) + standing_height(HIPS)
    placed.points[HIPS] = (times, over)


def _check_steepness(path: np.ndarray, heights: np.ndarray, scene: bpy.types.Scene) -> None:
    steep = steepest(path, heights)
    if steep is not None:
        frame = space.model_to_scene_frame(steep[0], scene.gaitway.start_frame, scene_fps(scene))
        raise too_steep(f"frame {frame:.0f}", steep[1])
