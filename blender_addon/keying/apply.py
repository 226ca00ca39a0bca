# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a motion onto an armature: one call from the engine's joints to keyframes. Nothing but the armature's Action
changes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from .. import compat
from ..character.read_rig import pole_axis
from ..lookup import action_by_uid, object_by_uid, require_existing
from ..retarget.bone_map import BoneMap
from ..retarget.keys.reduce import Bound, reduce
from ..retarget.keys.spline_fit import Curve, Spacing, every, thinned
from ..retarget.pose import Solution, control_rig, wiring
from ..retarget.pose.root_motion import apply_root_motion
from ..retarget.pose.solve import find_location_bone
from ..retarget.proportions.adapt import Constraints, sparse_rows
from ..shared.errors import RetargetError
from ..time_slices import run_to_end
from . import keyframes
from .bake_controls import bake_controls
from .plan import Plan, plan_motion
from .reduce_on_rig import reduce_checked


@dataclass(frozen=True)
class AppliedMotion:
    """What was written: the Action's name (Blender may have numbered it), the bones, the first and the last scene
    frame keyed."""

    action_name: str
    bones_keyed: tuple[str, ...]
    frames: tuple[int, int]


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
    once goes through :func:`plan_motion`, :meth:`Plan.segments`, :meth:`Plan.solve`, :func:`to_controls`,
    :func:`space_keys` and :func:`write_action` one after the other.
    """
    plan = run_to_end(
        plan_motion(
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
    return run_to_end(write_action(armature, plan, curves, action_name))


def to_controls(armature: bpy.types.Object, plan: Plan, solution: Solution) -> Generator[None, None, Solution]:
    """What to key for ``armature`` to be as ``solution`` poses ``plan.solved_rig``; a generator that hands the thread
    back.

    That is ``solution`` itself unless bones hang on constraints, elsewhere than a body's, or something else than the
    hips carries them.
    """
    rooted = yield from apply_root_motion(
        plan.solved_rig,
        plan.keyed_rig,
        plan.bone_map,
        solution,
        plan.root_motion,
        plan.matrix_world,
        plan.object_basis,
        plan.fps,
    )
    solution = rooted.solution
    if plan.wired is not None:
        yield
        return (yield from wiring.on_armature(plan.wired, plan.solved_rig, plan.bone_map, solution, rooted.root))
    if plan.controls is None:
        return solution
    yield
    location_bone = find_location_bone(plan.controls, plan.bone_map["pelvis"])
    if location_bone != plan.bone_map["pelvis"]:
        raise RetargetError(
            f"The bone '{plan.bone_map['pelvis']}' is connected to its parent, so it cannot move the hips.",
            "Choose another bone for the pelvis under Bones.",
        )
    poles = {limb.pole: pole_axis(armature, limb.pole) for limb in plan.bone_map.limbs.values() if limb.pole}
    pole_axes = {pole: axis for pole, axis in poles.items() if axis is not None}
    targets = control_rig.control_targets(
        plan.controls, plan.bone_map, plan.solved_rig, solution, plan.limbs, pole_axes
    )
    if rooted.root is not None:
        targets = targets.with_bone(*rooted.root)
    yield
    baked = yield from bake_controls(armature, plan.controls, targets, location_bone)
    return replace(baked, object_matrices=solution.object_matrices)


def space_keys(
    armature: bpy.types.Object, plan: Plan, solution: Solution, spacing: Spacing
) -> Generator[None, None, list[Curve]]:
    """The curves of ``solution`` with as many keys as ``spacing`` says; a generator that hands the thread back.

    Where the object itself carries the motion it has a key a frame, unless these are set every few frames.
    """
    modes = {bone.name: bone.rotation_mode for bone in plan.keyed_rig.bones} | {"": plan.object_mode}
    curves = yield from keyframes.solution_curves(plan.frames, solution, modes)
    must = sparse_rows(plan.constraints.targets, plan.frames, plan.fps)
    if spacing.kind == "STEP":
        return [thinned(curve, lambda channel: every(channel, spacing.step, must)) for curve in curves]
    if spacing.kind == "SPARSE":
        bound = Bound(spacing.bound / plan.solved_rig.unit_scale, plan.bound_divisors(), must)
        on_bones = [curve for curve in curves if curve.bone]
        if plan.controls is None:
            few = yield from reduce(plan.keyed_rig, on_bones, modes, plan.matrix_world, bound)
        else:
            few = yield from reduce_checked(armature, plan.keyed_rig, on_bones, modes, plan.matrix_world, bound)
        return [*(curve for curve in curves if not curve.bone), *few]
    return curves


def write_action(
    armature: bpy.types.Object, plan: Plan, curves: Sequence[Curve], action_name: str
) -> Generator[None, None, AppliedMotion]:
    """Key ``curves`` in a new Action, which ``armature`` plays in the end; when it fails everything is as it was.

    A generator that hands the thread back. Raises RetargetError when the armature or the Action went meanwhile.
    """
    uid, (action, _) = armature.session_uid, compat.new_action(armature, action_name)
    action_uid = action.session_uid
    try:
        for curve in curves:
            keyframes.write_curve(require_existing(action_by_uid(action_uid)), curve)
            yield
        armature, action = require_existing(object_by_uid(uid)), require_existing(action_by_uid(action_uid))
        played = _played(armature)
        try:
            compat.assign_action(armature, action, next(iter(compat.slots(action)), None))
        except BaseException:
            _play(armature, *played)
            raise
    except BaseException:
        if (action := action_by_uid(action_uid)) is not None:
            bpy.data.actions.remove(action)
        raise
    if played[0] is not None and played[0].users == 0 and not keyframes.is_all_generated(played[0]):
        played[0].use_fake_user = True
    keyed = tuple(dict.fromkeys(curve.bone for curve in curves if curve.bone))
    return AppliedMotion(action.name, keyed, (int(plan.frames[0]), int(plan.frames[-1])))


def _played(armature: bpy.types.Object) -> tuple[bpy.types.Action | None, compat.Slot]:
    animation = armature.animation_data
    return (None, None) if animation is None else (animation.action, compat.played_slot(armature))


def _play(armature: bpy.types.Object, action: bpy.types.Action | None, slot: compat.Slot) -> None:
    """Let ``armature`` play what it played before."""
    compat.assign_action(armature, action, slot)
