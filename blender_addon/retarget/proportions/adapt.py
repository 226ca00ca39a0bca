# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be lost on the way to an armature of other proportions: standing feet, and controls that are hit.

Between the model's motion and the bones: segments' turns and the hips' way go in, and come out so changed that the
armature's own feet stand and its own joints are where their controls ask.

T model frames, K scene frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np

from ...shared.skeleton import FPS, SKELETON
from ...shared.solids import Solid
from ...shared.space import blender_to_model_rotation, scene_to_model_frame
from ..bone_map.detect import BoneMap
from ..rig import Rig
from . import contacts, effectors
from . import foot_lock as feet
from . import keep_out as obstacles
from . import relative_targets as relations
from .effectors import Target
from .figure import Figure, stand

FRAMES_AT_ONCE = 128
WAYS_OUT = 2
"""Times that joints are led out of obstacles: by leaning out with one of them others may be brought in."""


@dataclass(frozen=True, eq=False)
class Hold:
    """``contacts`` (T, 4): the model's belief that ``CONTACT_JOINTS`` stand, None takes it from the joints.
    ``floor``: height of the floor in the world, scene units, None where it is not known. ``targets``: what joints
    shall hit. ``relations``: what joints shall stay beside others. ``solids``: what no joint enters, in the world."""

    lock_feet: bool = True
    contacts: np.ndarray | None = None
    floor: float | None = None
    targets: tuple[Target, ...] = ()
    relations: tuple[relations.Relation, ...] = ()
    solids: tuple[Solid, ...] = ()


NOTHING = Hold(lock_feet=False)


@dataclass(frozen=True, eq=False)
class Stage:
    """The armature and the clock for which a motion is held; ``metre``: scene units that a metre of the model
    measures on it."""

    rest: Rig
    bone_map: BoneMap
    matrix_world: np.ndarray
    frames: np.ndarray
    start_frame: float
    fps: float
    metre: float


def hold(
    stage: Stage, wanted: Hold, joints: np.ndarray, rotations: np.ndarray, pelvis: np.ndarray
) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """``rotations`` (K, 22, 4), model axes, and ``pelvis`` (K, 3), world, changed as ``wanted`` says; ``joints`` (T,
    22, 3) are the motion that they were made of.

    A generator that hands the thread back between pieces of work.
    """
    if not (wanted.lock_feet or wanted.targets or wanted.relations or wanted.solids):
        return rotations, pelvis
    figure = yield from _stand(stage, rotations, pelvis)
    wished = effectors.wishes(figure, wanted.targets, stage.frames, stage.fps)
    effectors.place_hips(figure, wished, stage.fps)
    yaw = relations.headings(joints, scene_to_model_frame(stage.frames, stage.start_frame, stage.fps))
    wished = relations.with_relations(wished, wanted.relations, figure, stage.frames, yaw)
    yield
    depends = yield from effectors.lean(figure, wished, stage.fps)
    for _ in range(WAYS_OUT if wanted.solids else 0):
        wished = obstacles.with_obstacles(wished, wanted.solids, figure)
        depends |= yield from effectors.lean(figure, wished, stage.fps)
    yield
    footing = _footing(stage, wanted, joints, wished)
    held = _hips_held(wanted, wished, len(pelvis)) | depends[:, None]
    yield from feet.plant(figure, footing, wished, held, stage.fps)
    yield
    effectors.point_knees(figure, wished, stage.fps)
    # What hands stay beside and what is in an obstacle has moved meanwhile.
    wished = relations.with_relations(wished, wanted.relations, figure, stage.frames, yaw)
    wished = obstacles.with_obstacles(wished, wanted.solids, figure)
    goals = effectors.bring_arms(figure, wished, stage.fps)
    yield
    # A spine of more bones than the model's bends a little otherwise than was reckoned here: once more for the limbs.
    ankles = {limb: figure.at(limb.end).copy() for limb in effectors.LEGS}
    hips = figure.at("pelvis").copy()
    figure = yield from _stand(stage, blender_to_model_rotation(figure.turns), hips)
    for limb, ankle in ankles.items():
        figure.reach(limb, ankle, keep_end=True)
        yield
    effectors.keep_arms(figure, goals)
    return blender_to_model_rotation(figure.turns), hips


def _stand(stage: Stage, rotations: np.ndarray, pelvis: np.ndarray) -> Generator[None, None, Figure]:
    parts = []
    for first in range(0, len(pelvis), FRAMES_AT_ONCE):
        run = slice(first, first + FRAMES_AT_ONCE)
        matrices = stage.matrix_world[run] if stage.matrix_world.ndim == 3 else stage.matrix_world
        parts.append(stand(stage.rest, stage.bone_map, rotations[run], pelvis[run], matrices, stage.metre))
        yield
    return Figure(
        np.concatenate([part.places for part in parts]), np.concatenate([part.turns for part in parts]), stage.metre
    )


def _footing(stage: Stage, wanted: Hold, joints: np.ndarray, wished: feet.Wishes) -> feet.Footing:
    stands = np.zeros((len(stage.frames), 4), dtype=bool)
    if wanted.lock_feet:
        in_model = contacts.standing(joints, wanted.contacts)
        stands = contacts.at_scene_frames(in_model, stage.frames, stage.start_frame, stage.fps)
    # A leg whose knee is led does not stand meanwhile.
    for column, side in ((0, "left"), (2, "right")):
        if f"{side}_knee" in wished:
            near = effectors.fading(wished[f"{side}_knee"][0], stage.fps)
            stands[near, column : column + 2] = False
    floor = wanted.floor if wanted.lock_feet else None
    return feet.Footing(stands, floor, feet.rest_heights(stage.rest, stage.bone_map))


def _hips_held(wanted: Hold, wished: feet.Wishes, num_frames: int) -> np.ndarray:
    """The coordinates of the hips (K, 3) bool that a control asks for."""
    held = np.zeros((num_frames, 3), dtype=bool)
    if "pelvis" in wished:
        held[:] = wished["pelvis"][0][:, None]
        held[:, 2] &= not any(target.on_ground for target in wanted.targets if target.joint == SKELETON.names[0])
    return held


def sparse_rows(targets: Iterable[Target], frames: np.ndarray, fps: float) -> list[int]:
    """The rows of the scene ``frames`` (K,) next to points of ``targets`` that stand alone: there a key is worth it."""
    rows: set[int] = set()
    for target in targets:
        times = np.sort(np.asarray(target.frames, dtype=np.float64)) - frames[0]
        gaps = np.diff(times, prepend=-np.inf, append=np.inf)
        alone = np.minimum(gaps[1:], gaps[:-1]) > max(effectors.DENSE * fps / FPS, 1.0) + 1e-6
        rows |= {int(row) for time in times[alone] for row in (np.floor(time + 1e-6), np.ceil(time - 1e-6))}
    return sorted(row for row in rows if 0 <= row < len(frames))
