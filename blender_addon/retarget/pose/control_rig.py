# SPDX-License-Identifier: GPL-3.0-or-later
"""Control rigs as plain data: the target of each control, and what to key for it to get there.

On a rig whose bones hang on constraints the parents of the controls do not say where these come to stand. So the
motion is solved on a *stand-in*: the controls alone, each below the one of the joint above it, as the body moves. Where
the stand-in comes to stand are the *targets*; ``bake`` lets Blender find where the real parents are then, and
:func:`solve_controls` tells from both what to key. All in armature space; T frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...shared import quat
from ...shared.limbs import signed_angle
from ..bone_map.mapping import BoneMap, IkControls, body_parents
from ..rig import Rig
from . import alignment, fk
from .solve import Solution

LIMB_JOINTS = {
    f"{side}_{end}": tuple(f"{side}_{part}" for part in parts)
    for side in ("left", "right")
    for end, parts in (("wrist", ("shoulder", "elbow", "wrist")), ("ankle", ("hip", "knee", "ankle", "foot")))
}
STRAIGHT_RATIO, OVERSTRETCHED_RATIO = 0.02, 0.08
"""How far off the line from root to end a middle joint must be, as a share of the limb, to tell where the pole is: on
its usual side, and on the other, to which a straight limb strays by noise."""


@dataclass(frozen=True, eq=False)
class ControlTargets:
    """Targets of controls: ``matrices`` bone -> (T, 4, 4); which of them are rotated, and which are moved."""

    matrices: dict[str, np.ndarray]
    rotated: tuple[str, ...]
    moved: tuple[str, ...]
    properties: dict[tuple[str, str], float]

    @property
    def bones(self) -> tuple[str, ...]:
        """All controls that are rotated or moved, each once."""
        return tuple(dict.fromkeys((*self.rotated, *self.moved)))

    def with_bone(self, bone: str, matrices: np.ndarray) -> ControlTargets:
        """The same with one more bone that is rotated and moved."""
        return replace(
            self,
            matrices=self.matrices | {bone: matrices},
            rotated=(*self.rotated, bone),
            moved=(*self.moved, bone),
        )


def control_stand_in(rig: Rig, bone_map: BoneMap) -> Rig:
    """The mapped bones and the bones between alone, each below the next of them above it, at rest."""
    parents = body_parents(bone_map)
    bones = [
        replace(
            rig.by_name[bone],
            parent=parent,
            connected=False,
            inherit_rotation=True,
            inherit_scale=True,
            local_location=True,
            basis=np.eye(4),
        )
        for bone, parent in parents.items()
    ]
    return replace(rig, bones=bones)


def control_targets(
    rig: Rig, bone_map: BoneMap, stand_in: Rig, solution: Solution, limbs: str, pole_axes: dict[str, np.ndarray]
) -> ControlTargets:
    """Where the controls of ``rig`` are when its ``stand_in`` is posed by ``solution``.

    ``limbs``: "FK" for these alone, "BOTH" for IK controls that agree with them, "IK" for both with IK switched on.
    ``pole_axes``: pole bone -> rest direction (3,) that it turns towards itself, see :func:`.read_rig.pole_axis`.
    """
    bases = {bone: fk.to_transform(rotation) for bone, rotation in solution.rotations.items()}
    bases[solution.location_bone][:, :3, 3] = solution.location
    matrices = fk.pose_rig(stand_in, [bone.name for bone in stand_in.bones], bases)
    rotated, moved = list(solution.rotations), [solution.location_bone]
    properties: dict[tuple[str, str], float] = {}
    for end, controls in bone_map.limbs.items():
        bone, switch, in_fk, in_ik = controls.switch
        properties[bone, switch] = in_ik if limbs == "IK" else in_fk
        if limbs == "FK" or end not in bone_map:
            continue
        added = _ik_matrices(rig, bone_map, end, controls, matrices, pole_axes.get(controls.pole))
        matrices |= added
        rotated += [name for name in (controls.end, controls.toe) if name in added]
        moved += [name for name in (controls.end, controls.pole) if name in added]
        properties |= {(bone, prop): value for bone, prop, value in controls.pole_properties}
    return ControlTargets(matrices, tuple(rotated), tuple(moved), properties)


def _ik_matrices(
    rig: Rig,
    bone_map: BoneMap,
    end: str,
    controls: IkControls,
    matrices: dict[str, np.ndarray],
    pole_axis: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Matrices (T, 4, 4) of the IK controls of the limb that ends at joint ``end`` which give the pose ``matrices``."""
    joints = LIMB_JOINTS[end]
    found = {controls.end: _attached(rig, bone_map[end], controls.end, matrices)}
    if controls.toe and joints[-1] in bone_map:
        found[controls.toe] = _attached(rig, bone_map[joints[-1]], controls.toe, matrices)
    if controls.pole:
        upper, middle, last = (bone_map[joint] for joint in joints[:3])
        found[controls.pole] = _attached(rig, upper, controls.pole, matrices)
        found[controls.pole][:, :3, 3] = _pole_points(rig, (upper, middle, last), controls.pole, pole_axis, matrices)
    return found


def _pole_points(
    rig: Rig, limb: tuple[str, str, str], pole: str, pole_axis: np.ndarray | None, matrices: dict[str, np.ndarray]
) -> np.ndarray:
    """Points (T, 3) for the pole of ``limb``, upper, middle and end bone, at which IK bends it as ``matrices`` do.

    The limb turns ``pole_axis``, a direction of the upper bone, towards the pole. It may point elsewhere than the
    joint: the angle between the two at rest, about the line from root to end, is kept. A bent limb tells by itself
    where its joint is; a straight one leaves it to the upper bone.
    """
    at_rest = [alignment.head(rig, bone) for bone in limb]
    axis = alignment.head(rig, pole) - at_rest[1] if pole_axis is None else pole_axis
    line, off, bent = _bend(*(point[None] for point in at_rest))
    turn = signed_angle(line, off, axis) * (bent > STRAIGHT_RATIO / 4)
    line, off, bent = _bend(*(matrices[bone][:, :3, 3] for bone in limb))
    pointing = quat.rotate(quat.from_axis_angle(line, np.broadcast_to(turn, bent.shape)), off)
    upper = quat.from_matrix(matrices[limb[0]][:, :3, :3])
    by_upper = quat.rotate(quat.multiply(upper, quat.conjugate(alignment.rest_rotation(rig, limb[0]))), axis[None])
    by_upper = quat.normalize(by_upper - quat.dot(by_upper, line) * line)
    enough = np.interp(quat.dot(pointing, by_upper)[:, 0], (-0.5, 0.5), (OVERSTRETCHED_RATIO, STRAIGHT_RATIO))
    known = np.clip(bent / enough, 0, 1)[:, None] ** 2
    distance = np.linalg.norm(alignment.head(rig, pole) - at_rest[1])
    return matrices[limb[1]][:, :3, 3] + distance * quat.normalize(known * pointing + (1 - known) * by_upper)


def _bend(root: np.ndarray, middle: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of limbs (T, 3): the direction from root to end, the direction of the middle joint off that line, both (T, 3),
    and how far off it is (T), as a share of the limb."""
    line = quat.normalize(end - root)
    off = middle - root - quat.dot(middle - root, line) * line
    length = np.linalg.norm(middle - root, axis=-1) + np.linalg.norm(end - middle, axis=-1)
    return line, quat.normalize(off), np.linalg.norm(off, axis=-1) / length


def _attached(rig: Rig, parent: str, bone: str, matrices: dict[str, np.ndarray]) -> np.ndarray:
    """Where ``bone`` (T, 4, 4) would be if it were fixed to ``parent``."""
    at_rest = (np.asarray(rig.by_name[name].matrix, dtype=np.float64) for name in (parent, bone))
    parent_rest, bone_rest = (fk.strip_scale(matrix) for matrix in at_rest)
    return matrices[parent] @ np.linalg.inv(parent_rest) @ bone_rest


def parents_of(rig: Rig, bones: Iterable[str]) -> list[str]:
    """The parents that :func:`solve_controls` needs the matrices of."""
    found = (rig.by_name[bone].parent for bone in bones)
    return list(dict.fromkeys(parent for parent in found if parent is not None))


def solve_controls(
    rig: Rig, targets: ControlTargets, location_bone: str, parents: dict[str, np.ndarray]
) -> Generator[None, None, Solution]:
    """What to key on ``rig`` for its controls to be at ``targets`` while their ``parents`` (bone -> (T, 4, 4))
    are where Blender has found them to be; a generator that hands the thread back."""
    rotations, locations = {}, {}
    for name in targets.bones:
        bone, target = rig.by_name[name], targets.matrices[name]
        rotation_frame, location_frame = fk.parent_frames(rig, bone, parents.get(bone.parent or ""))
        if name in targets.rotated:
            turn = fk.strip_scale(rotation_frame)[..., :3, :3]
            rotations[name] = quat.make_continuous(quat.from_matrix(np.swapaxes(turn, -1, -2) @ target[:, :3, :3]))
        if name in targets.moved:
            missing = (target[:, :3, 3] - location_frame[..., :3, 3])[..., None]
            axes = np.broadcast_to(location_frame[..., :3, :3], (len(missing), 3, 3))
            locations[name] = np.linalg.solve(axes, missing)[..., 0]
        yield
    return Solution(rotations, location_bone, locations.pop(location_bone), locations, properties=targets.properties)
