# SPDX-License-Identifier: GPL-3.0-or-later
"""A bone map that the animator has made: checked, completed, mirrored, and as a file that fits other armatures of the
same make.

The file is JSON: ``{"gaitway_bones": 1, "joints": {"left_knee": "mixamorig:LeftLeg", ...}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise

import numpy as np

from ...shared.errors import BadFile, RetargetError
from ...shared.skeleton import SKELETON, joint_label
from ..rig import BoneRest, ancestors
from .check import check_map
from .detect import canonical, detect_bones
from .mapping import REQUIRED_JOINTS, TRUNK_JOINTS, BoneMap

BONES_FORMAT = "gaitway_bones"
FORMAT_VERSION = 1
FIGURE_MIRROR_TOLERANCE_RATIO = 0.05  # of the figure's extent


def custom_map(bones: list[BoneRest], joints: Mapping[str, str]) -> BoneMap:
    """The map that ``joints`` (joint -> bone) makes; raises RetargetError for what is missing or cannot be.

    Spine bones between two chosen ones turn with them. IK controls come from the rig's family where it is known.
    """
    by_name = {bone.name: bone for bone in bones}
    joints = {joint: joints[joint] for joint in SKELETON.names if joints.get(joint)}
    lost = [bone for bone in joints.values() if bone not in by_name]
    if lost:
        raise RetargetError(
            f"The armature has no bone called '{lost[0]}'.", "Choose another bone under Bones, or press Detect there."
        )
    missing = [joint for joint in REQUIRED_JOINTS if joint not in joints]
    if missing:
        raise RetargetError(
            f"No bone is chosen for the {_spoken(missing)}.", "Choose one under Bones, or press Detect there."
        )
    for joint, bone in joints.items():
        other = next((found for found in joints if found != joint and joints[found] == bone), None)
        if other is not None:
            raise RetargetError(
                f"The bone '{bone}' is chosen for the {_spoken([joint, other])}.", "Choose another for one of them."
            )
    limbs, between, on_constraints = {}, _between(by_name, joints), False
    with suppress(RetargetError):
        known = detect_bones(bones)
        limbs = {end: ik for end, ik in known.limbs.items() if known.bones.get(end) == joints.get(end)}
        if all(known.bones.get(joint) == joints.get(joint) for joint in TRUNK_JOINTS):
            between, on_constraints = known.between, known.hang_on_constraints
    found = BoneMap(joints, "your choice", 1.0, between, limbs, hang_on_constraints=on_constraints)
    if not limbs and not on_constraints:
        check_map(bones, found)  # what controls hang on tells little
    return found


def _between(by_name: dict[str, BoneRest], joints: dict[str, str]) -> dict[str, tuple[str, str, float]]:
    """Bones of the trunk that hang between two chosen ones, spread evenly; see :attr:`BoneMap.between`."""
    found = {}
    trunk = [joint for joint in TRUNK_JOINTS if joint in joints]
    for below, above in pairwise(trunk):
        line = ancestors(by_name, joints[above])
        if joints[below] in line or not set(line) & {*joints.values()}:
            # Where the spine hangs beside the hips, up to what carries both.
            shared = {joints[below], *ancestors(by_name, joints[below])}
            inner = [bone for bone in line if bone not in shared][::-1]
            for number, bone in enumerate(inner, start=1):
                found[bone] = (below, above, number / (len(inner) + 1))
    return found


def _spoken(joints: list[str]) -> str:
    words = [joint_label(joint) for joint in joints]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def mirrored(bones: list[BoneRest], joints: Mapping[str, str]) -> dict[str, str]:
    """The bones of the right side, by joint, that lie at rest where those of the left side in ``joints`` lie, seen
    in a mirror through the trunk. Joints whose bone has no such counterpart are left out."""
    heads, tails = (np.array([getattr(bone, end) for bone in bones], float) for end in ("head", "tail"))
    index_of = {bone.name: index for index, bone in enumerate(bones)}
    mapped = {joint: index_of[bone] for joint, bone in joints.items() if bone in index_of}
    left = {joint: index for joint, index in mapped.items() if joint.startswith("left_")}
    middle = heads[[mapped[joint] for joint in TRUNK_JOINTS if joint in mapped]]
    if not len(middle) or not left:
        return {}
    roots = [index for joint, index in left.items() if joint.endswith(("collar", "shoulder", "hip"))]
    centre, axis = middle.mean(0), _left_of(middle, heads[roots or list(left.values())])
    tolerance = FIGURE_MIRROR_TOLERANCE_RATIO * float(np.ptp(np.concatenate([heads, tails]), axis=0).max())
    # The first mirror is a guess; the pairs that it finds place the second one.
    for loose in (3.0, 1.0):
        found: dict[int, tuple[float, str, int]] = {}
        for joint, index in left.items():
            apart = np.linalg.norm(heads - _reflected(heads[index], centre, axis), axis=-1)
            apart += np.linalg.norm(tails - _reflected(tails[index], centre, axis), axis=-1)
            apart[index] = np.inf
            nearest = int(np.argmin(apart))
            if apart[nearest] < min(loose * tolerance, found.get(nearest, (np.inf,))[0]):
                found[nearest] = (float(apart[nearest]), joint, index)
        if not found:
            return {}
        pairs = np.array([(heads[index], heads[other]) for other, (_, _, index) in found.items()])
        axis = (pairs[:, 0] - pairs[:, 1]).sum(0)
        axis, centre = axis / np.linalg.norm(axis), pairs.mean((0, 1))
    return {"right_" + joint.removeprefix("left_"): bones[other].name for other, (_, joint, _) in found.items()}


def _left_of(middle: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Direction (3,) about to the figure's left: what of its left side lies off the line of its trunk, (N, 3) each."""
    axis = left.mean(0) - middle.mean(0)
    along = middle[-1] - middle[0]
    if np.linalg.norm(along) > 1e-9:
        axis = axis - (axis @ along) / (along @ along) * along
    return axis / max(float(np.linalg.norm(axis)), 1e-12)


def _reflected(point: np.ndarray, centre: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return point - 2 * ((point - centre) @ axis) * axis


def to_json(joints: Mapping[str, str]) -> str:
    """The text of a file with these joints."""
    return json.dumps({BONES_FORMAT: FORMAT_VERSION, "joints": dict(joints)}, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, bones: list[BoneRest]) -> tuple[dict[str, str], list[str]]:
    """The joints of a file for an armature with ``bones``, and the names that it does not have.

    Namespace, case and separators may differ. Raises BadFile for what is no such file.
    """
    hint = "Choose a file that was saved with Save Bones."
    try:
        content = json.loads(text)
        joints = content["joints"]
        version = content[BONES_FORMAT]
    except (ValueError, KeyError, TypeError) as error:
        raise BadFile("This file does not say which bone is which joint.", hint) from error
    if version != FORMAT_VERSION:
        raise BadFile(
            f"This file has format version {version!r}; this add-on reads version {FORMAT_VERSION}.",
            "Update the add-on.",
        )
    if not isinstance(joints, dict) or not all(
        joint in SKELETON.names and isinstance(bone, str) for joint, bone in joints.items()
    ):
        raise BadFile("This file names joints that Gaitway does not know.", hint)
    names = {bone.name for bone in bones}
    alike: dict[str, str] = {}
    for bone in bones:
        alike.setdefault(canonical(bone.name), bone.name)
    found = {joint: bone if bone in names else alike.get(canonical(bone), "") for joint, bone in joints.items()}
    return {joint: bone for joint, bone in found.items() if bone}, [
        bone for joint, bone in joints.items() if bone and not found[joint]
    ]
