# SPDX-License-Identifier: GPL-3.0-or-later
"""What keying a motion needs to know of an armature and its scene, read once; and the motion solved on it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace

import bpy
import numpy as np

from ..character.read_rig import check_keyable, constrained_bones, is_object_moving, object_matrices
from ..character.setup import limb_controls, read_character, root_motion
from ..retarget.bone_map import BoneMap, IkControls
from ..retarget.pose import RootMotion, alignment, control_rig, solve, twist, wiring
from ..retarget.pose.resample import resample, scene_frames
from ..retarget.proportions import contacts
from ..retarget.proportions.adapt import Constraints, RigClock, adapt
from ..retarget.rig import Rig
from ..shared import quat
from ..shared.errors import RetargetError
from ..shared.pose import global_rotations
from ..shared.skeleton import CONTACT_JOINTS, SKELETON
from ..shared.space import model_to_blender

SOLVED_FRAMES_PER_STEP = 128
"""Scene frames that are solved before Blender's main thread gets a chance to draw."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything of the armature and the scene that solving needs, and nothing of Blender's: numbers that outlive any
    change there.

    T model frames, K scene frames. ``solved_rig`` is what the motion is solved on: the armature itself; or, where
    constraints move its bones, the stand-in for its ``controls``, which are the armature then; or, where bones hang
    elsewhere than a body's, the body of the armature ``wired``.
    """

    solved_rig: Rig
    bone_map: BoneMap
    joints: np.ndarray
    scale: float
    start_frame: float
    fps: float
    frames: np.ndarray
    matrix_world: np.ndarray
    constraints: Constraints = field(default_factory=Constraints)
    controls: Rig | None = None
    wired: Rig | None = None
    limbs: str = "BOTH"
    root_motion: RootMotion = field(default_factory=RootMotion)
    object_basis: np.ndarray = field(default_factory=lambda: np.eye(4))
    object_mode: str = "XYZ"

    @property
    def keyed_rig(self) -> Rig:
        """The armature that gets the keys."""
        return self.controls or self.wired or self.solved_rig

    def segments(self) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
        """At the scene frames: rotations of the model's segments (K, 22, 4), model axes, and the hips (K, 3)
        as world points; a generator that hands the thread back."""
        rotations, pelvis = global_rotations(self.joints), self.joints[:, SKELETON.index("pelvis")] * self.scale
        parts = []
        for run in self._runs():
            yield
            parts.append(resample(rotations, pelvis, self.frames[run], self.start_frame, self.fps))
        at_frames, hips = (np.concatenate(part) for part in zip(*parts, strict=True))
        return at_frames, model_to_blender(hips, self.solved_rig.unit_scale)

    def _runs(self) -> list[slice]:
        return [
            slice(first, first + SOLVED_FRAMES_PER_STEP) for first in range(0, len(self.frames), SOLVED_FRAMES_PER_STEP)
        ]

    def bound_divisors(self) -> dict[str, np.ndarray]:
        """Bone -> what its bound is divided by (K,): a foot in contact stays within the bound of every position that
        it has meanwhile."""
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
        """What to key, from :meth:`segments`, under the constraints: a generator that hands the thread back between
        runs of frames."""
        clock = RigClock(
            self.solved_rig,
            self.bone_map,
            self.matrix_world,
            self.frames,
            self.start_frame,
            self.fps,
            self.scale / self.solved_rig.unit_scale,
        )
        alignment.neutral_rotations(self.solved_rig.standing, self.bone_map)  # what every run of frames asks for
        yield
        rotations, pelvis = yield from adapt(clock, self.constraints, self.joints, rotations, pelvis)
        parts = []
        for run in self._runs():
            matrices = self.matrix_world[run] if self.matrix_world.ndim == 3 else self.matrix_world
            parts.append(solve.solve(self.solved_rig, self.bone_map, rotations[run], pelvis[run], matrices))
            yield
        continuous = {}
        for bone in (bone for bone in parts[0].rotations if not self.solved_rig.by_name[bone].is_tip):
            continuous[bone] = quat.make_continuous(np.concatenate([part.rotations[bone] for part in parts]))
            yield
        return solve.Solution(
            rotations=continuous,
            location_bone=parts[0].location_bone,
            location=np.concatenate([part.location for part in parts]),
        )


# Eight: as apply_motion.
def plan_motion(
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
    :func:`.apply.apply_motion`. A generator that hands the thread back."""
    joints = np.asarray(joints, dtype=np.float64)
    if (
        joints.ndim != 3
        or joints.shape[1:] != (SKELETON.num_joints, 3)
        or len(joints) == 0
        or not np.isfinite(joints).all()
    ):
        raise RetargetError(
            f"The motion does not have {SKELETON.num_joints} finite joints; its shape is {joints.shape}.",
            "Generate it again; if that does not help, please report it.",
        )
    rest, found = read_character(armature, scene)
    yield
    bone_map = bone_map or found
    check_keyable(armature, bone_map.posed_bones)
    constrained = constrained_bones(armature)
    unposed = set(solve.posed_chain(rest, bone_map)) - bone_map.posed_bones
    bone_map = replace(bone_map, limbs=_switchable(armature, bone_map))
    is_control_rig = bool(bone_map.limbs or bone_map.hang_on_constraints or unposed & constrained)
    if not is_control_rig:
        bone_map = replace(bone_map, twists=twist.twist_shares(rest, bone_map, constrained))
    fps = scene.render.fps / scene.render.fps_base
    frames = scene_frames(len(joints), start_frame, fps)
    matrices = rest.matrix_world
    if is_object_moving(armature):
        matrices = yield from object_matrices(armature, frames)
    solved = control_rig.control_stand_in(rest, bone_map) if is_control_rig else wiring.wired_as_body(rest, bone_map)
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
        rest if is_control_rig else None,
        rest if not is_control_rig and solved is not rest else None,
        limbs or limb_controls(armature),
        root_motion(armature),
        np.array(armature.matrix_basis, dtype=np.float64),
        armature.rotation_mode,
    )


def _switchable(armature: bpy.types.Object, bone_map: BoneMap) -> dict[str, IkControls]:
    """The limbs whose switch between FK and IK is there: its name changes with the versions of some rigs."""
    return {end: limb for end, limb in bone_map.limbs.items() if limb.switch[1] in armature.pose.bones[limb.switch[0]]}
