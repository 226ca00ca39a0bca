# SPDX-License-Identifier: GPL-3.0-or-later
"""Control rigs as plain data: where each control shall be, and what to key for it to be there.

On a rig whose bones hang on constraints the parents of the controls do not say where these come to stand. So the
motion is solved on a *stand-in*: the controls alone, each on the one of the joint above it, as the body moves. Where
the stand-in comes to stand are the *targets*; ``bake`` lets Blender find where the real parents are then, and
:func:`solve_controls` tells from both what to key. All in armature space; T frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...shared import quat
from ...shared.limbs import signed_angle
from ...shared.skeleton import SKELETON
from ..bone_map.detect import BoneMap, IkControls
from ..rig import Rig
from . import alignment, fk
from .solve import Solution

TRUNK = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
LIMB_OF = {
    f"{side}_{end}": tuple(f"{side}_{part}" for part in parts)
    for side in ("left", "right")
    for end, parts in (("wrist", ("shoulder", "elbow", "wrist")), ("ankle", ("hip", "knee", "ankle", "foot")))
}
STRAIGHT, OVERSTRETCHED = 0.02, 0.08
"""How far off the line from root to end a middle joint is, as a share of the limb, from where on it says where the
pole is: on the side that it usually is on, and on the other, to which a straight limb strays by noise."""


@dataclass(frozen=True, eq=False)
class ControlTargets:
    """Where controls shall be: ``places`` bone -> (T, 4, 4); which of them are turned, and which are moved."""

    places: dict[str, np.ndarray]
    turned: tuple[str, ...]
    moved: tuple[str, ...]
    properties: dict[tuple[str, str], float]

    def with_bone(self, bone: str, places: np.ndarray) -> ControlTargets:
        """The same with one more bone that is turned and moved."""
        return ControlTargets(self.places | {bone: places}, (*self.turned, bone), (*self.moved, bone), self.properties)


def stand_in(rig: Rig, bone_map: BoneMap) -> Rig:
    """The mapped bones and the bones between alone, each below the next of them above it, at rest."""
    parents = _parents(bone_map)
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


def _parents(bone_map: BoneMap) -> dict[str, str | None]:
    """Bone -> the bone that carries it in the stand-in, parents first.

    As the body's joints do: bones above a control tell little, because controls often hang on copies of each other.
    """
    heights = {bone_map[joint]: float(height) for height, joint in enumerate(TRUNK) if joint in bone_map}
    for bone, (below, above, share) in bone_map.between.items():
        heights[bone] = TRUNK.index(below) + share * (TRUNK.index(above) - TRUNK.index(below))
    trunk = sorted(heights, key=heights.__getitem__)
    parents: dict[str, str | None] = dict(zip(trunk, [None, *trunk], strict=False))
    for joint in SKELETON.names:
        if joint in bone_map and joint not in TRUNK:
            carrier = SKELETON.names[SKELETON.parents[SKELETON.index(joint)]]
            while carrier not in bone_map:
                carrier = SKELETON.names[SKELETON.parents[SKELETON.index(carrier)]]
            parents[bone_map[joint]] = bone_map[carrier]
    return parents


def control_targets(
    rig: Rig, bone_map: BoneMap, rest: Rig, solution: Solution, limbs: str, pole_axes: dict[str, np.ndarray]
) -> ControlTargets:
    """Where the controls of ``rig`` are when its stand-in ``rest`` is posed by ``solution``.

    ``limbs``: "FK" for these alone, "BOTH" for IK controls that agree with them, "IK" for both with IK switched on.
    ``pole_axes``: pole bone -> rest direction (3,) that it leads, see :func:`.rig.pole_axis`.
    """
    bases = {bone: fk.to_matrix(rotation) for bone, rotation in solution.rotations.items()}
    bases[solution.carrier][:, :3, 3] = solution.location
    places = fk.pose_rig(rest, [bone.name for bone in rest.bones], bases)
    turned, moved = list(solution.rotations), [solution.carrier]
    properties: dict[tuple[str, str], float] = {}
    for end, controls in bone_map.limbs.items():
        bone, switch, in_fk, in_ik = controls.switch
        properties[bone, switch] = in_ik if limbs == "IK" else in_fk
        if limbs == "FK" or end not in bone_map:
            continue
        added = _ik_places(rig, bone_map, end, controls, places, pole_axes.get(controls.pole))
        places |= added
        turned += [name for name in (controls.end, controls.toe) if name in added]
        moved += [name for name in (controls.end, controls.pole) if name in added]
        properties |= {(held, prop): value for held, prop, value in controls.held}
    return ControlTargets(places, tuple(turned), tuple(moved), properties)


def _ik_places(
    rig: Rig,
    bone_map: BoneMap,
    end: str,
    controls: IkControls,
    places: dict[str, np.ndarray],
    pole_axis: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Places (T, 4, 4) of the IK controls of the limb that ends at joint ``end`` which give the pose ``places``."""
    joints = LIMB_OF[end]
    found = {controls.end: _carried(rig, bone_map[end], controls.end, places)}
    if controls.toe and joints[-1] in bone_map:
        found[controls.toe] = _carried(rig, bone_map[joints[-1]], controls.toe, places)
    if controls.pole:
        upper, middle, last = (bone_map[joint] for joint in joints[:3])
        found[controls.pole] = _carried(rig, upper, controls.pole, places)
        found[controls.pole][:, :3, 3] = _pole_points(rig, (upper, middle, last), controls.pole, pole_axis, places)
    return found


def _pole_points(
    rig: Rig, limb: tuple[str, str, str], pole: str, pole_axis: np.ndarray | None, places: dict[str, np.ndarray]
) -> np.ndarray:
    """Points (T, 3) for the pole of ``limb``, upper, middle and end bone, at which IK bends it as ``places`` does.

    The pole leads ``pole_axis``, a direction of the upper bone, which may point elsewhere than the joint: the angle
    between the two at rest, about the line from root to end, is kept. A bent limb says itself where its joint is; a
    straight one leaves it with the upper bone.
    """
    at_rest = [alignment.head(rig, bone) for bone in limb]
    axis = alignment.head(rig, pole) - at_rest[1] if pole_axis is None else pole_axis
    line, off, bent = _bend(*(point[None] for point in at_rest))
    turn = signed_angle(line, off, axis) * (bent > STRAIGHT / 4)
    line, off, bent = _bend(*(places[bone][:, :3, 3] for bone in limb))
    pointing = quat.rotate(quat.from_axis_angle(line, np.broadcast_to(turn, bent.shape)), off)
    upper = quat.from_matrix(places[limb[0]][:, :3, :3])
    carried = quat.rotate(quat.multiply(upper, quat.conjugate(alignment.rest_rotation(rig, limb[0]))), axis[None])
    carried = quat.normalize(carried - quat.dot(carried, line) * line)
    enough = np.interp(quat.dot(pointing, carried)[:, 0], (-0.5, 0.5), (OVERSTRETCHED, STRAIGHT))
    known = np.clip(bent / enough, 0, 1)[:, None] ** 2
    distance = np.linalg.norm(alignment.head(rig, pole) - at_rest[1])
    return places[limb[1]][:, :3, 3] + distance * quat.normalize(known * pointing + (1 - known) * carried)


def _bend(root: np.ndarray, middle: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of limbs (T, 3): the direction from root to end, the direction of the middle joint off that line, both (T, 3),
    and how far off it is (T), as a share of the limb."""
    line = quat.normalize(end - root)
    off = middle - root - quat.dot(middle - root, line) * line
    length = np.linalg.norm(middle - root, axis=-1) + np.linalg.norm(end - middle, axis=-1)
    return line, quat.normalize(off), np.linalg.norm(off, axis=-1) / length


def _carried(rig: Rig, carrier: str, bone: str, places: dict[str, np.ndarray]) -> np.ndarray:
    """Where ``bone`` (T, 4, 4) would be if it were fixed to ``carrier``."""
    at_rest = (np.asarray(rig.by_name[name].matrix, dtype=np.float64) for name in (carrier, bone))
    carrier_rest, bone_rest = (fk.strip_scale(matrix) for matrix in at_rest)
    return places[carrier] @ np.linalg.inv(carrier_rest) @ bone_rest


def parents_of(rig: Rig, bones: Iterable[str]) -> list[str]:
    """The parents that :func:`solve_controls` wants to know the places of."""
    found = (rig.by_name[bone].parent for bone in bones)
    return list(dict.fromkeys(parent for parent in found if parent is not None))


def solve_controls(
    rig: Rig, wanted: ControlTargets, carrier: str, parents: dict[str, np.ndarray]
) -> Generator[None, None, Solution]:
    """What to key on ``rig`` for its controls to be where ``wanted`` says while their ``parents`` (bone -> (T, 4, 4))
    are where Blender has found them to be; a generator that hands the thread back."""
    rotations, locations = {}, {}
    for name in dict.fromkeys((*wanted.turned, *wanted.moved)):
        bone, target = rig.by_name[name], wanted.places[name]
        rotation_frame, location_frame = fk.parent_frames(rig, bone, parents.get(bone.parent or ""))
        if name in wanted.turned:
            turn = fk.strip_scale(rotation_frame)[..., :3, :3]
            rotations[name] = quat.make_continuous(quat.from_matrix(np.swapaxes(turn, -1, -2) @ target[:, :3, :3]))
        if name in wanted.moved:
            missing = (target[:, :3, 3] - location_frame[..., :3, 3])[..., None]
            axes = np.broadcast_to(location_frame[..., :3, :3], (len(missing), 3, 3))
            locations[name] = np.linalg.solve(axes, missing)[..., 0]
        yield
    return Solution(rotations, carrier, locations.pop(carrier), locations, properties=wanted.properties)
