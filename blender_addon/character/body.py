# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character tells before anything moves: its size beside the model, its ground, where it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

from .. import offscreen, time_slices
from ..retarget.pose import facing, ground_height, scale
from ..shared import space
from ..shared.errors import BadRequest
from ..shared.skeleton import SKELETON
from .read_rig import check_keyable, is_object_moving
from .setup import read_character
from .soles import SolePoint, sole_points


@dataclass(frozen=True)
class CharacterBody:
    """What the rig as it stands tells, in scene units: the rig's soles stand on ``ground``, and a motion stands on
    them when the model's floor is put at ``floor`` (hips bones begin higher or lower than the model's pelvis).
    ``scale``: the rig's legs over the model's. ``heading`` in radians, ``position`` of the hips on the ground.
    ``bones``: joint -> bone, the one that carries it where none begins there; there ``tips`` says where it is, in that
    bone's axes. ``soles``: what stands on the ground. The model's origin is at ``origin`` on the ground, which is not
    the scene's for what happens far from it.
    """

    uid: int
    name: str
    bones: dict[str, str]
    scale: float
    floor: float
    ground: float
    leg_length: float
    heading: float
    position: tuple[float, float]
    tips: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    soles: tuple[SolePoint, ...] = ()
    origin: tuple[float, float] = (0.0, 0.0)

    def to_model(self, points: np.ndarray, unit_scale: float) -> np.ndarray:
        """World points (..., 3) in scene units, ``unit_scale`` metres each, as the model's: metres of a body with its
        own legs, on a floor at 0.
        """
        return space.blender_to_model(points - np.array([*self.origin, self.floor]), unit_scale) / self.scale

    def origin_in_model(self, unit_scale: float) -> np.ndarray:
        """``origin`` (3,) in the axes and metres of a model whose own origin is the world's."""
        return space.blender_to_model(np.array([*self.origin, 0.0]), unit_scale) / self.scale


def read_body(armature: bpy.types.Object | None, scene: bpy.types.Scene, to_key: bool = False) -> CharacterBody:
    """Measure ``armature`` as it stands where its object stands, at the motion's start if something carries it.

    Raises BadRequest, or RetargetError when it is no human or, where it is told ``to_key`` it, keys would not show.
    """
    if armature is None or armature.type != "ARMATURE":
        raise BadRequest("No character is chosen.", "Choose an armature under Character.")
    rest, found = read_character(armature, scene)
    if to_key:
        check_keyable(armature, found.posed_bones)
    metres = scene.unit_settings.scale_length
    factor = scale.rig_scale(rest, found)
    leg = factor * SKELETON.leg_length / metres
    world = rest.matrix_world
    if is_object_moving(armature):
        world = time_slices.run_to_end(offscreen.world_matrices(armature, [scene.gaitway.start_frame]))[0]
    standing = rest.standing.by_name

    def placed(point: Sequence[float] | np.ndarray) -> np.ndarray:
        return np.asarray(point) @ world[:3, :3].T + world[:3, 3]

    lowest = float(placed(scale.soles(rest.standing, found))[:, 2].min())
    pelvis, left, right = (placed(standing[found[joint]].head) for joint in ("pelvis", "left_hip", "right_hip"))
    upright = float(pelvis[2]) - scale.upright_height(rest.standing, found) * scale.object_scale(rest)
    ground = ground_height(float(world[2, 3]), (lowest, upright), leg)
    return CharacterBody(
        uid=armature.session_uid,
        name=armature.name,
        bones={joint: rest.carrier(bone) for joint, bone in found.bones.items()},
        soles=sole_points(rest, found),
        tips={joint: rest.point_of_tip(bone) for joint, bone in found.bones.items() if rest.by_name[bone].is_tip},
        scale=factor,
        floor=ground + scale.hips_lift(rest, found) / metres,
        ground=ground,
        leg_length=leg,
        heading=facing(left, right),
        position=(float(pelvis[0]), float(pelvis[1])),
    )


def standing_height(joint: str) -> float:
    """Height of a joint above the floor in metres when the model's body stands upright."""
    height, index = SKELETON.standing_height, SKELETON.index(joint)
    while index > 0:
        height += float(SKELETON.offsets[index, 1])
        index = SKELETON.parents[index]
    return height
