# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of an armature is which joint of the model: by the names of known rig families, else by the armature's
structure.

A table's match counts only where the bones hang together as the joints do, so that a rig that merely shares some names
with a family is not taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ...shared.errors import RetargetError
from ...shared.skeleton import SKELETON
from ..rig import BoneRest, ancestors
from . import structure
from .check import check_map
from .mapping import LIMB_JOINTS, BoneMap, IkControls
from .named import find_named
from .tables import TABLES
from .tables.table import BoneTable, LimbControls
from .tree import BoneTree

LIMB_PARTS = ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")
LIMB_PARTS_BELOW_ROOT = ("elbow", "wrist", "knee", "ankle", "foot")
FOUND_SIZE = 16
_FOUND: dict[tuple[object, ...], BoneMap] = {}


def detect_bones(bones: list[BoneRest], rests_as_human: bool = True) -> BoneMap:
    """The bone map of an armature. Raises RetargetError when no two legs, two arms and a trunk can be made out, and
    for a bone that the body needs and Blender cannot move. The same bones are looked at once. ``rests_as_human``: else,
    as in some captures, the rest pose tells nothing and the names all.
    """
    asked: tuple[object, ...] = (rests_as_human,)
    asked += tuple((bone.name, bone.parent, tuple(bone.head), tuple(bone.tail), bone.connected) for bone in bones)
    if asked not in _FOUND:
        tree = BoneTree(bones)
        found = _detect(bones, tree)
        if rests_as_human and not found.limbs and not found.hang_on_constraints:
            check_map(bones, found, tree)  # what controls hang on tells little
        while len(_FOUND) >= FOUND_SIZE:
            del _FOUND[next(iter(_FOUND))]
        _FOUND[asked] = found
    return _FOUND[asked]


def _detect(bones: list[BoneRest], tree: BoneTree) -> BoneMap:
    by_canonical: dict[str, str] = {}
    for bone in bones:
        by_canonical.setdefault(canonical(bone.name), bone.name)
    candidates = [candidate for table in TABLES for candidate in _match_table(table, tree, by_canonical)]
    best = max(candidates, key=lambda candidate: candidate.score, default=None)
    if best is not None and (best.limbs or best.hang_on_constraints or len(best.bones) == SKELETON.num_joints):
        return best
    try:
        shaped = _map_of(structure.find_human(tree), "its structure")
    except structure.NoHuman as none:
        if best is not None:
            return best
        named = find_named(tree)
        if named is not None:
            return _map_of(named, "its names")
        raise RetargetError(
            f"No human figure was found among the {len(bones)} bones of this armature: {none}.",
            "Choose an armature with two legs, two arms and a spine, or choose the bones by hand under Bones.",
        ) from None
    return shaped if best is None or _is_fuller(shaped, best) else best


def _is_fuller(shaped: BoneMap, named: BoneMap) -> bool:
    """Whether a map by structure says the same of the limbs as one by a table, and more of the rest."""
    same = all(shaped.bones.get(joint) == named.bones.get(joint) for joint in LIMB_JOINTS)
    return same and len(shaped.posed_bones) > len(named.posed_bones)


def _map_of(chains: structure.HumanChains, family: str) -> BoneMap:
    joints, between = spread_trunk(chains.bones, chains.spine, chains.neck)
    return BoneMap(joints, family, 0.0, between)


@lru_cache(maxsize=8192)
def canonical(name: str) -> str:
    """``name`` without namespace, separators and case: "mixamorig:Left_Arm" and "leftarm" are the same."""
    return re.sub(r"[\s._\-]", "", name.rsplit(":", 1)[-1]).lower()


def spread_trunk(
    bones: dict[str, str], spine: list[str], neck: list[str]
) -> tuple[dict[str, str], dict[str, tuple[str, str, float]]]:
    """Add a spine and a neck of any number of bones, both from the pelvis up, to the joints in ``bones``.

    The last spine bone carries the arms and is the chest, ``spine3``. Returns the joints and :attr:`BoneMap.between`.
    """
    joints = dict(bones)
    between: dict[str, tuple[str, str, float]] = {}
    stations = ("pelvis", "spine1", "spine2", "spine3")
    heights = {bone: 3 * number / len(spine) for number, bone in enumerate(spine, start=1)}  # pelvis 0, chest 3
    for station in (1, 2, 3):
        distance, near = min(((abs(along - station), bone) for bone, along in heights.items()), default=(1.0, ""))
        if distance < 0.4:
            joints[stations[station]] = near
    for bone, along in heights.items():
        if bone not in joints.values():
            between[bone] = (stations[int(along)], stations[int(along) + 1], along - int(along))
    if neck:
        joints["neck"] = neck[0]
        between |= {bone: ("neck", "head", number / len(neck)) for number, bone in enumerate(neck) if number}
    return joints, between


def _match_table(table: BoneTable, tree: BoneTree, by_canonical: dict[str, str]) -> Iterator[BoneMap]:
    """The map that ``table`` gives under each prefix that a pelvis bone suggests; nothing where a needed joint is
    missing."""
    ends = [canonical(name) for name in table.pelvis]
    for prefix in sorted({name[: -len(end)] for name in by_canonical for end in ends if name.endswith(end)}, key=len):
        joints, spine, neck = _named(table, by_canonical, prefix)
        placed, between = spread_trunk(joints, spine, neck)
        if not table.hang_on_constraints:
            placed = _keep_connected(placed, tree.bones)
        if all(joint in placed for joint in LIMB_JOINTS) and len(set(placed.values())) == len(placed):
            # A bone between stands for a joint; names that need no prefix are the surer ones.
            found, possible = (
                len(placed) + len(between) + 0.5 * (prefix == ""),
                SKELETON.num_joints + len(between) + 0.5,
            )
            limbs = dict(_ik_controls(table, by_canonical, prefix))
            yield BoneMap(
                placed, table.family, found / possible, between, limbs, hang_on_constraints=table.hang_on_constraints
            )


def _ik_controls(table: BoneTable, by_canonical: dict[str, str], prefix: str) -> Iterator[tuple[str, IkControls]]:
    """(joint at the limb's end, its IK controls) of every limb whose IK control and switch are there."""
    for joint, controls in (("wrist", table.arm_controls), ("ankle", table.leg_controls)):
        for side, words in zip(("left", "right"), table.sides, strict=True):
            if controls is not None:
                found = _ik_controls_of(controls, by_canonical, prefix, words[0], side)
                if found is not None:
                    yield f"{side}_{joint}", found


def _ik_controls_of(
    controls: LimbControls, by_canonical: dict[str, str], prefix: str, word: str, side: str
) -> IkControls | None:
    def first(names: tuple[str, ...]) -> str:
        keys = (prefix + canonical(name.format(side=word)) for name in names)
        return next((by_canonical[key] for key in keys if key in by_canonical), "")

    end, switch_bone = first(controls.end), first(controls.switch_bone)
    if not end or not switch_bone:
        return None
    pole_properties = tuple((switch_bone, prop, value) for prop, value in controls.pole_properties)
    switch = (switch_bone, controls.switch.format(side=side), controls.fk, controls.ik)
    return IkControls(end, first(controls.pole), first(controls.toe), switch, pole_properties)


def _named(table: BoneTable, by_canonical: dict[str, str], prefix: str) -> tuple[dict[str, str], list[str], list[str]]:
    """Joints, spine and neck by their names in ``table`` behind ``prefix``."""

    def find(names: tuple[str, ...], side: str = "") -> list[str]:
        keys = [prefix + canonical(name.format(side=side)) for name in names]
        return [by_canonical[key] for key in dict.fromkeys(keys) if key in by_canonical]

    choices = {"pelvis": find(table.pelvis), "head": find(table.head)}
    for side, words in zip(("left", "right"), table.sides, strict=True):
        for part in LIMB_PARTS:
            choices[f"{side}_{part}"] = [bone for word in words for bone in find(getattr(table, part), word)]
    return {joint: names[0] for joint, names in choices.items() if names}, find(table.spine), find(table.neck)


def _keep_connected(joints: dict[str, str], by_name: dict[str, BoneRest]) -> dict[str, str]:
    """``joints`` without those whose bone does not hang, directly or not, where the joint hangs.

    That is on the bone of the nearest mapped joint above; in the trunk, where rigs branch in their own ways, on that
    of any above.
    """
    kept = {"pelvis": joints["pelvis"]} if "pelvis" in joints else {}
    for joint in SKELETON.names[1:]:
        if joint not in joints:
            continue
        parents = [kept[above] for above in _above(joint) if above in kept]
        if joint.endswith(LIMB_PARTS_BELOW_ROOT):
            parents = parents[:1]
        if set(parents) & set(ancestors(by_name, joints[joint])):
            kept[joint] = joints[joint]
    return kept


def _above(joint: str) -> Iterator[str]:
    """The joints from the parent of ``joint`` to the pelvis."""
    index = SKELETON.parents[SKELETON.index(joint)]
    while index >= 0:
        yield SKELETON.names[index]
        index = SKELETON.parents[index]
