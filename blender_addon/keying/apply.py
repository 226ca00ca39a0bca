# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a motion onto an armature: one call from the engine's joints to keyframes. Nothing but the armature's Action
changes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

import bpy
import numpy as np

from .. import compat
from ..character import read_rig as rig
from ..character import setup as character
from ..lookup import action_by_uid, object_by_uid, still_there
from ..retarget.bone_map.detect import BoneMap
from ..retarget.keys.reduce import Bound, reduce
from ..retarget.keys.spline_fit import Curve, Spacing, every, thinned
from ..retarget.pose import control_rig, solve, twist
from ..retarget.pose.resample import resample, scene_frames
from ..retarget.pose.root_motion import RootMotion, apply_root_motion
from ..retarget.proportions import contacts
from ..retarget.proportions.adapt import Constraints, RigClock, adapt, sparse_rows
from ..retarget.rig import Rig
from ..shared import quat
from ..shared.errors import RetargetError
from ..shared.pose import global_rotations
from ..shared.skeleton import CONTACT_JOINTS, SKELETON
from ..shared.space import model_to_blender
from ..time_slices import run_to_end
from . import bake_controls as bake
from . import keyframes
from .reduce_on_rig import reduce_checked

FRAMES_AT_ONCE = 128
"""Scene frames that are solved before Blender's main thread gets a chance to draw."""


@dataclass(frozen=True)
class AppliedMotion:
    """What was written: the Action's name (Blender may have numbered it), the bones, the first and the last scene
    frame keyed."""

    action_name: str
    bones_keyed: tuple[str, ...]
    frames: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything of the armature and the scene that solving needs, and nothing of Blender's: numbers that outlive any
    change there.

    T model frames, K scene frames. ``rest`` is what the motion is solved on: the armature, or where constraints lead
    its bones the stand-in for its ``controls``, which are the armature then.
    """

    rest: Rig
    bone_map: BoneMap
    joints: np.ndarray
    scale: float
    start_frame: float
    fps: float
    frames: np.ndarray
    matrix_world: np.ndarray
    constraints: Constraints = field(default_factory=Constraints)
    controls: Rig | None = None
    limbs: str = "BOTH"
    root_motion: RootMotion = field(default_factory=RootMotion)
    object_basis: np.ndarray = field(default_factory=lambda: np.eye(4))
    object_mode: str = "XYZ"

    @property
    def keyed(self) -> Rig:
        """The armature that gets the keys."""
        return self.controls or self.rest

    def segments(self) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
        """At the scene frames: turns of the model's segments (K, 22, 4), model axes, and the hips (K, 3) as
        world points; a generator that hands the thread back."""
        rotations, pelvis = global_rotations(self.joints), self.joints[:, SKELETON.index("pelvis")] * self.scale
        parts = []
        for run in self._runs():
            yield
            parts.append(resample(rotations, pelvis, self.frames[run], self.start_frame, self.fps))
        turns, places = (np.concatenate(part) for part in zip(*parts, strict=True))
        return turns, model_to_blender(places, self.rest.unit_scale)

    def _runs(self) -> list[slice]:
        return [slice(first, first + FRAMES_AT_ONCE) for first in range(0, len(self.frames), FRAMES_AT_ONCE)]

    def stricter(self) -> dict[str, np.ndarray]:
        """Bone -> by what factor (K,) it must be kept nearer than others: a foot that stands keeps within the bound of
        every place that it has meanwhile."""
        if not self.constraints.lock_feet:
            return {}
        in_contact = contacts.at_scene_frames(
            contacts.contact_mask(self.joints, self.constraints.contacts), self.frames, self.start_frame, self.fps
        )
        return {
            self.bone_map[joint]: 1.0 + in_contact[:, column]
            for column, joint in enumerate(CONTACT_JOINTS)
            if joint in self.bone_map
        }

    def solve(self, rotations: np.ndarray, pelvis: np.ndarray) -> Generator[None, None, solve.Solution]:
        """What to key, from :meth:`segments`, held as asked: a generator that hands the thread back between runs of
        frames and returns it."""
        clock = RigClock(
            self.rest,
            self.bone_map,
            self.matrix_world,
            self.frames,
            self.start_frame,
            self.fps,
            self.scale / self.rest.unit_scale,
        )
        rotations, pelvis = yield from adapt(clock, self.constraints, self.joints, rotations, pelvis)
        parts = []
        for run in self._runs():
            matrices = self.matrix_world[run] if self.matrix_world.ndim == 3 else self.matrix_world
            parts.append(solve.solve(self.rest, self.bone_map, rotations[run], pelvis[run], matrices))
            yield
        continuous = {}
        for bone in parts[0].rotations:
            continuous[bone] = quat.make_continuous(np.concatenate([part.rotations[bone] for part in parts]))
            yield
        return solve.Solution(
            rotations=continuous,
            carrier=parts[0].carrier,
            location=np.concatenate([part.location for part in parts]),
        )


# Nine: what is keyed and how, all but three by keyword.
def apply_motion(
    armature: bpy.types.Object,
    joints: np.ndarray,
    *,
    scale: float,
    start_frame: float,
    scene: bpy.types.Scene,
    action_name: str,
    bone_map: BoneMap | None = None,
    constraints: Constraints | None = None,
    spacing: Spacing | None = None,
) -> AppliedMotion:
    """Key ``joints`` (T, 22, 3; metres, model axes) onto ``armature`` in a new Action, which it plays from now on.

    Points are multiplied by ``scale`` (:func:`.scale.rig_scale`); then the head of the hips bone follows the model's
    pelvis in the world, wherever the object stands and however it is scaled or turned. Model frame 0 stands at
    ``start_frame``, a scene frame, which need not be whole. ``constraints`` say what the armature keeps of the motion:
    without them feet are locked, and :data:`.adapt.UNCONSTRAINED` copies the motion as it is. ``spacing`` says how many
    keys there are, one a frame without it. The Action played before is kept if it holds keys that were not generated.

    Raises RetargetError, and then leaves everything as it was. Who must not hold the main thread for all of it at
    once goes through :func:`prepare`, :meth:`Plan.segments`, :meth:`Plan.solve`, :func:`to_controls`,
    :func:`space_keys` and :func:`write` one after the other.
    """
    plan = run_to_end(
        prepare(
            armature,
            joints,
            scale=scale,
            start_frame=start_frame,
            scene=scene,
            bone_map=bone_map,
            constraints=constraints,
        )
    )
    solution = run_to_end(to_controls(armature, plan, run_to_end(plan.solve(*run_to_end(plan.segments())))))
    curves = run_to_end(space_keys(armature, plan, solution, spacing or Spacing()))
    return run_to_end(write(armature, plan, curves, action_name))


# Eight: as apply_motion.
def prepare(
    armature: bpy.types.Object,
    joints: np.ndarray,
    *,
    scale: float,
    start_frame: float,
    scene: bpy.types.Scene,
    bone_map: BoneMap | None = None,
    limbs: str = "",
    constraints: Constraints | None = None,
) -> Generator[None, None, Plan]:
    """Read the armature and check that keys would show on it; arguments and errors are those of
    :func:`apply_motion`. A generator that hands the thread back."""
    joints = np.asarray(joints, dtype=np.float64)
    if (
        joints.ndim != 3
        or joints.shape[1:] != (SKELETON.num_joints, 3)
        or len(joints) == 0
        or not np.isfinite(joints).all()
    ):
        raise RetargetError(
            f"The motion does not have {SKELETON.num_joints} finite joints; its shape is {joints.shape}.",
            "Generate it again; if that does not help, report it.",
        )
    rest, found = character.read(armature, scene)
    yield
    bone_map = bone_map or found
    rig.check_keyable(armature, bone_map.moved)
    held = rig.held_bones(armature)
    guided = bool(bone_map.limbs or (set(solve.posed_chain(rest, bone_map)) - bone_map.moved) & held)
    if not guided:
        bone_map = replace(bone_map, twists=twist.shares(rest, bone_map, held))
    fps = scene.render.fps / scene.render.fps_base
    frames = scene_frames(len(joints), start_frame, fps)
    matrices = rest.matrix_world
    if rig.is_moving(armature):
        matrices = yield from rig.world_matrices(armature, frames)
    solved, controls = (control_rig.stand_in(rest, bone_map), rest) if guided else (rest, None)
    return Plan(
        solved,
        bone_map,
        joints,
        scale,
        start_frame,
        fps,
        frames,
        matrices,
        constraints or Constraints(),
        controls,
        limbs or character.limbs(armature),
        character.root_motion(armature),
        np.array(armature.matrix_basis, dtype=np.float64),
        armature.rotation_mode,
    )


def to_controls(
    armature: bpy.types.Object, plan: Plan, solution: solve.Solution
) -> Generator[None, None, solve.Solution]:
    """What to key for ``armature`` to be as ``solution`` poses ``plan.rest``; a generator that hands the thread back.

    That is ``solution`` itself unless the bones hang on constraints or something else than the hips carries them.
    """
    rooted = yield from apply_root_motion(
        plan.rest,
        plan.keyed,
        plan.bone_map,
        solution,
        plan.root_motion,
        plan.matrix_world,
        plan.object_basis,
        plan.fps,
    )
    solution = rooted.solution
    if plan.controls is None:
        return solution
    yield
    carrier = solve.location_carrier(plan.controls, plan.bone_map["pelvis"])
    if carrier != plan.bone_map["pelvis"]:
        raise RetargetError(
            f"The bone '{plan.bone_map['pelvis']}' is connected to its parent, so it cannot carry the hips.",
            "Choose another bone for the pelvis under Bones.",
        )
    poles = {limb.pole: rig.pole_axis(armature, limb.pole) for limb in plan.bone_map.limbs.values() if limb.pole}
    pole_axes = {pole: axis for pole, axis in poles.items() if axis is not None}
    wanted = control_rig.control_targets(plan.controls, plan.bone_map, plan.rest, solution, plan.limbs, pole_axes)
    if rooted.root is not None:
        wanted = wanted.with_bone(*rooted.root)
    yield
    baked = yield from bake.bake(armature, plan.controls, wanted, carrier)
    return replace(baked, object_matrices=solution.object_matrices)


def space_keys(
    armature: bpy.types.Object, plan: Plan, solution: solve.Solution, spacing: Spacing
) -> Generator[None, None, list[Curve]]:
    """The curves of ``solution`` with as many keys as ``spacing`` says; a generator that hands the thread back.

    Where the object itself carries the motion it has a key a frame, unless these are set every few frames.
    """
    modes = {bone.name: bone.rotation_mode for bone in plan.keyed.bones} | {"": plan.object_mode}
    curves = yield from keyframes.curves(plan.frames, solution, modes)
    must = sparse_rows(plan.constraints.targets, plan.frames, plan.fps)
    if spacing.kind == "STEP":
        return [thinned(curve, lambda channel: every(channel, spacing.step, must)) for curve in curves]
    if spacing.kind == "SPARSE":
        bound = Bound(spacing.bound / plan.rest.unit_scale, plan.stricter(), must)
        on_bones = [curve for curve in curves if curve.bone]
        if plan.controls is None:
            few = yield from reduce(plan.keyed, on_bones, modes, plan.matrix_world, bound)
        else:
            few = yield from reduce_checked(armature, plan.keyed, on_bones, modes, plan.matrix_world, bound)
        return [*(curve for curve in curves if not curve.bone), *few]
    return curves


def write(
    armature: bpy.types.Object, plan: Plan, curves: Sequence[Curve], action_name: str
) -> Generator[None, None, AppliedMotion]:
    """Key ``curves`` in a new Action, which ``armature`` plays in the end; when it fails everything is as it was.

    A generator that hands the thread back. Raises RetargetError when the armature or the Action went meanwhile.
    """
    uid, (action, _) = armature.session_uid, compat.new_action(armature, action_name)
    made = action.session_uid
    try:
        for curve in curves:
            keyframes.write(still_there(action_by_uid(made)), curve)
            yield
        armature, action = still_there(object_by_uid(uid)), still_there(action_by_uid(made))
        before = _played(armature)
        try:
            compat.assign_action(armature, action, next(iter(compat.slots(action)), None))
        except BaseException:
            _play(armature, *before)
            raise
    except BaseException:
        if (action := action_by_uid(made)) is not None:
            bpy.data.actions.remove(action)
        raise
    if before[0] is not None and before[0].users == 0 and not keyframes.is_all_generated(before[0]):
        before[0].use_fake_user = True
    keyed = tuple(dict.fromkeys(curve.bone for curve in curves if curve.bone))
    return AppliedMotion(action.name, keyed, (int(plan.frames[0]), int(plan.frames[-1])))


def _played(armature: bpy.types.Object) -> tuple[bpy.types.Action | None, compat.Slot]:
    animation = armature.animation_data
    return (None, None) if animation is None else (animation.action, compat.played_slot(armature))


def _play(armature: bpy.types.Object, action: bpy.types.Action | None, slot: compat.Slot) -> None:
    """Let ``armature`` play what it played before."""
    compat.assign_action(armature, action, slot)
