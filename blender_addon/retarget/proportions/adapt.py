# SPDX-License-Identifier: GPL-3.0-or-later
"""What an armature of other proportions must keep of a motion: feet that stay where they are in contact, and controls
that are reached.

Between the model's motion and the bones: segments' rotations and the hips' path go in, and come out so changed that the
armature's own feet stay and its own joints are where their controls ask.

T model frames, K scene frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np

from ...shared.skeleton import CONTACT_JOINTS, SKELETON
from ...shared.solids import Solid
from ...shared.space import blender_to_model_rotation, model_to_blender, scene_to_model_frame
from ..bone_map.mapping import BoneMap
from ..pose import scale
from ..pose.resample import interpolate
from ..rig import Rig
from . import contacts, effectors, foot_lock
from .effectors import Target
from .figure import Figure, JointTargets, pose_figure
from .floor import Floor, SceneGround, known_floor
from .keep_out import with_obstacles
from .lean import lean
from .leg import FootContact
from .relative_targets import RigRelativeTarget, headings, with_relative_targets
from .wide_hips import hips_width, sway_less

ADAPTED_FRAMES_PER_STEP = 128
OBSTACLE_ROUNDS = 2
"""Times that joints are moved out of obstacles: by leaning out with one of them others may be brought in."""


@dataclass(frozen=True, eq=False)
class Constraints:
    """``contacts`` (T, 4): the model's belief that ``CONTACT_JOINTS`` are in contact, None takes it from the joints.
    ``floor``: height of the floor in the world, scene units, or the ground in the scene, None where it is not known.
    ``targets``: what joints are to reach. ``relative_targets``: what joints stay beside others. ``solids``: what no
    joint enters, in the world."""

    lock_feet: bool = True
    contacts: np.ndarray | None = None
    floor: float | SceneGround | None = None
    targets: tuple[Target, ...] = ()
    relative_targets: tuple[RigRelativeTarget, ...] = ()
    solids: tuple[Solid, ...] = ()


UNCONSTRAINED = Constraints(lock_feet=False)


@dataclass(frozen=True, eq=False)
class RigClock:
    """The armature and the clock that a motion is adapted to; ``metre``: scene units that a metre of the model
    measures on it. ``matrix_world`` (K, 4, 4) or (4, 4)."""

    rig: Rig
    bone_map: BoneMap
    matrix_world: np.ndarray
    frames: np.ndarray
    start_frame: float
    fps: float
    metre: float


def adapt(
    clock: RigClock, constraints: Constraints, joints: np.ndarray, rotations: np.ndarray, pelvis: np.ndarray
) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """``rotations`` (K, 22, 4), model axes, and ``pelvis`` (K, 3), world, changed as ``constraints`` ask; ``joints``
    (T, 22, 3) are the motion that they were made of.

    A generator that hands the thread back between pieces of work.
    """
    if not (constraints.lock_feet or constraints.targets or constraints.relative_targets or constraints.solids):
        return rotations, pelvis
    if constraints.lock_feet:
        hips = sway_less(rotations[:, 0], hips_width(clock.rig, clock.bone_map), clock.fps)
        rotations = np.concatenate([hips[:, None], rotations[:, 1:]], axis=1)
    figure = yield from _pose(clock, rotations, pelvis)
    targets = effectors.joint_targets(figure, constraints.targets, clock.frames, clock.fps)
    effectors.place_hips(figure, targets, clock.fps)
    yaw = headings(joints, np.asarray(scene_to_model_frame(clock.frames, clock.start_frame, clock.fps)))
    targets = with_relative_targets(targets, constraints.relative_targets, figure, clock.frames, yaw)
    yield
    depends = yield from lean(figure, targets, clock.fps)
    for _ in range(OBSTACLE_ROUNDS if constraints.solids else 0):
        targets = with_obstacles(targets, constraints.solids, figure)
        depends |= yield from lean(figure, targets, clock.fps)
    yield
    contact = _contact(clock, constraints, joints, targets)
    controlled_hips = _controlled_hips(constraints, targets, len(pelvis)) | depends[:, None]
    yield from foot_lock.plant(figure, contact, targets, controlled_hips, clock.fps)
    yield
    effectors.point_knees(figure, targets, clock.fps)
    # What hands stay beside and what is in an obstacle has moved meanwhile.
    targets = with_relative_targets(targets, constraints.relative_targets, figure, clock.frames, yaw)
    targets = with_obstacles(targets, constraints.solids, figure)
    goals = effectors.bring_arms(figure, targets, clock.fps)
    yield
    # A spine of more bones than the model's bends a little otherwise than was computed here: once more for the limbs.
    ankles = {limb: figure.joint(limb.end).copy() for limb in effectors.LEGS}
    hips = figure.joint("pelvis").copy()
    figure = yield from _pose(clock, blender_to_model_rotation(figure.rotations), hips)
    for limb, ankle in ankles.items():
        figure.reach(limb, ankle, keep_end=True)
        yield
    effectors.keep_arms(figure, goals)
    return blender_to_model_rotation(figure.rotations), hips


def _pose(clock: RigClock, rotations: np.ndarray, pelvis: np.ndarray) -> Generator[None, None, Figure]:
    parts = []
    for first in range(0, len(pelvis), ADAPTED_FRAMES_PER_STEP):
        run = slice(first, first + ADAPTED_FRAMES_PER_STEP)
        matrices = clock.matrix_world[run] if clock.matrix_world.ndim == 3 else clock.matrix_world
        parts.append(pose_figure(clock.rig, clock.bone_map, rotations[run], pelvis[run], matrices, clock.metre))
        yield
    positions, segments = [part.positions for part in parts], [part.rotations for part in parts]
    return Figure(np.concatenate(positions), np.concatenate(segments), clock.metre)


def _contact(clock: RigClock, constraints: Constraints, joints: np.ndarray, targets: JointTargets) -> FootContact:
    in_contact = np.zeros((len(clock.frames), 4), dtype=bool)
    if constraints.lock_feet:
        in_model = contacts.contact_mask(joints, constraints.contacts)
        in_contact = contacts.at_scene_frames(in_model, clock.frames, clock.start_frame, clock.fps)
    # A foot is not in contact while a control moves its knee.
    for column, side in ((0, "left"), (2, "right")):
        if f"{side}_knee" in targets:
            corrected = effectors.corrected_frames(targets[f"{side}_knee"][0], clock.fps)
            in_contact[corrected, column : column + 2] = False
    times = np.asarray(scene_to_model_frame(np.asarray(clock.frames, np.float64), clock.start_frame, clock.fps))
    floor = known_floor(constraints.floor, times) if constraints.lock_feet else None
    feet = joints[:, SKELETON.indices(*CONTACT_JOINTS)]
    places = interpolate(feet, np.clip(times, 0, len(joints) - 1)) if len(joints) > 1 else feet[0 * times.astype(int)]
    heights = _model_heights(clock, floor, places)
    return FootContact(in_contact, places, heights, floor, foot_lock.feet_in_scene(clock.rig, clock.bone_map))


def _model_heights(clock: RigClock, floor: Floor | None, places: np.ndarray) -> np.ndarray:
    """How high (K, 4) the model's ``CONTACT_JOINTS`` at ``places`` (K, 4, 3) are over where they rest on the ``floor``,
    in its metres; the armature's hips stand higher or lower on it than the model's."""
    if floor is None:
        return np.zeros(places.shape[:2])
    points = model_to_blender(places) * clock.metre
    lift = scale.hips_lift(clock.rig, clock.bone_map) / clock.rig.unit_scale
    ankle = -float(SKELETON.offsets[SKELETON.index("left_foot")][1])
    return (points[..., 2] - floor.under(points) - lift) / clock.metre - (ankle, 0.0, ankle, 0.0)


def _controlled_hips(constraints: Constraints, targets: JointTargets, num_frames: int) -> np.ndarray:
    """The coordinates of the hips (K, 3) bool that a control asks for."""
    controlled = np.zeros((num_frames, 3), dtype=bool)
    if "pelvis" in targets:
        controlled[:] = targets["pelvis"][0][:, None]
        on_ground = any(target.on_ground for target in constraints.targets if target.joint == SKELETON.names[0])
        controlled[:, 2] &= not on_ground
    return controlled


def sparse_rows(targets: Iterable[Target], frames: np.ndarray, fps: float) -> list[int]:
    """The rows of the scene ``frames`` (K,) next to points of ``targets`` that are alone: there a key is worth it."""
    rows: set[int] = set()
    for target in targets:
        times = np.sort(np.asarray(target.frames, dtype=np.float64)) - frames[0]
        gaps = np.diff(times, prepend=-np.inf, append=np.inf)
        alone = np.minimum(gaps[1:], gaps[:-1]) > effectors.max_gap(fps)
        rows |= {int(row) for time in times[alone] for row in (np.floor(time + 1e-6), np.ceil(time - 1e-6))}
    return sorted(row for row in rows if 0 <= row < len(frames))
