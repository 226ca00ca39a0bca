# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the human in an armature whose bones have any names: two legs, two arms, a trunk between.

Rest pose, hierarchy and the words in names are looked at. The legs are the pair of limbs that points away from the
other one; the left is told by names, else by where the feet point. Names decide what shapes leave open; without any,
shapes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from .limbs import Pair, find_pairs
from .sides import find_left
from .splits import Split, split_arm, split_leg
from .tree import BoneTree
from .trunk import find_neck, find_trunk

OPPOSITE_COS = -0.6  # cosine: legs point away from the arms
PARALLEL_COS = 0.9  # cosine between the ways across from leg to leg and from arm to arm
FOOT_DISTANCE_RATIO = 0.35  # of the leg's length, from the end of a shin to a foot that hangs elsewhere
SHIN_RATIOS = 0.3, 2.2  # of the thigh's length: so long is the shin above a foot that its name tells, bent as it may be
LEG_LIKE_RATIO = 0.6  # of the leg's length: other limbs of that length are those of an animal
MAX_OTHER_LIMBS = 1  # pairs beside arms and legs that names do not tell
MAX_TRIED_PAIRS = 12


@dataclass(frozen=True)
class HumanChains:
    """Joint -> bone for pelvis, head and limbs, and the bones of spine and neck from the pelvis up."""

    bones: dict[str, str]
    spine: list[str]
    neck: list[str]


class NoHuman(Exception):
    """What an armature lacks of a human, in words that end a sentence; ``stage``: how near it came."""

    def __init__(self, lacking: str, stage: int) -> None:
        super().__init__(lacking)
        self.stage = stage


def find_human(tree: BoneTree) -> HumanChains:
    """The chains of a human. Raises NoHuman when the armature has no such structure."""
    pairs = find_pairs(tree)
    tried = sorted(permutations(pairs[:MAX_TRIED_PAIRS], 2), key=lambda two: -_fitness(*two))
    nearest = _no_pair(pairs)
    for legs, arms in tried:
        try:
            return _human(tree, pairs, legs, arms)
        except NoHuman as none:
            if none.stage > nearest.stage:
                nearest = none
    raise nearest


def _no_pair(pairs: list[Pair]) -> NoHuman:
    if not pairs:
        return NoHuman("it has no two limbs of two bones or more that are each other's mirror image", 0)
    limbs = "legs" if pairs[0].words["leg"] >= pairs[0].words["arm"] else "arms"
    others = "arms" if limbs == "legs" else "legs"
    return NoHuman(f"beside {_named(pairs[0])}, which may be {limbs}, it has no {others}", 0)


def _named(pair: Pair) -> str:
    return f"'{pair.chains[0][0]}' and '{pair.chains[1][0]}'"


def _fitness(legs: Pair, arms: Pair) -> float:
    """How well names say which pair is which; pairs of which they say nothing stay in their order."""
    return legs.words["leg"] - legs.words["arm"] + arms.words["arm"] - arms.words["leg"]


def point_apart(legs: Pair, arms: Pair) -> bool:
    """Whether the legs point away from the arms, along the trunk."""
    up = arms.start - legs.start
    far = float(np.linalg.norm(up)) * float(np.linalg.norm(legs.direction))
    return bool(np.linalg.norm(up) > 0.1 * legs.length and legs.direction @ up < OPPOSITE_COS * far)


def _human(tree: BoneTree, pairs: list[Pair], legs: Pair, arms: Pair) -> HumanChains:
    if arms.words["leg"] > arms.words["arm"] or legs.words["arm"] > legs.words["leg"]:
        raise NoHuman(f"{_named(arms)} are no arms by their names, as with an animal", 1)
    if legs.bones & arms.bones or abs(legs.axis @ arms.axis) < PARALLEL_COS:
        raise NoHuman("it has no two legs and two arms that are each other's mirror image", 1)
    if not point_apart(legs, arms):
        raise NoHuman(f"{_named(legs)} do not point away from {_named(arms)}, as legs do from arms", 2)
    up = arms.start - legs.start
    up = up / np.linalg.norm(up)
    trunk = find_trunk(tree, legs, arms)
    if trunk is None:
        raise NoHuman(f"no hips and spine lead from {_named(legs)} to {_named(arms)}", 3)
    others = _other_legs(tree, pairs, legs, arms)
    if others is not None:
        raise NoHuman(f"beside {_named(legs)} it has further legs, {_named(others)}, as an animal has", 5)
    if legs.fork == arms.fork and not _are_told(legs, arms):
        raise NoHuman(f"{_named(legs)} and {_named(arms)} hang on one bone, without a spine between", 3)
    feet = _feet_elsewhere(tree, legs, {*trunk.spine, trunk.pelvis, *arms.bones})
    leg_split, arm_split = split_leg(tree, legs, feet[0][0] if feet else ""), split_arm(tree, arms)
    if leg_split is None or arm_split is None:
        limb = legs if leg_split is None else arms
        raise NoHuman(f"{_named(limb)} have no upper and lower part of like length", 4)

    left = find_left(tree, legs, arms, leg_split, feet, up)
    found = {"pelvis": trunk.pelvis}
    found |= limb_bones(tree, legs, leg_split, ("hip", "knee", "ankle", "foot"), left)
    found |= limb_bones(tree, arms, arm_split, ("shoulder", "elbow", "wrist", ""), left)
    if feet:
        sides = ("left", "right") if legs.axis @ left > 0 else ("right", "left")
        for side, chain in zip(sides, feet, strict=True):
            found[f"{side}_ankle"] = chain[0]
            if len(chain) > 1:
                found[f"{side}_foot"] = chain[1]
    neck = find_neck(tree, arms, trunk.chest, up)
    if neck:
        found["head"] = neck.pop()
    return HumanChains(found, trunk.spine, neck)


def limb_bones(
    tree: BoneTree, pair: Pair, split: Split, joints: tuple[str, str, str, str], left: np.ndarray
) -> dict[str, str]:
    found = {}
    sides = ("left", "right") if pair.axis @ left > 0 else ("right", "left")
    for side, chain in zip(sides, pair.chains, strict=True):
        for joint, index in zip(joints, (*split, split[2] + 1), strict=True):
            if joint and index < len(chain) and not (joint == "wrist" and tree.words[chain[index]].says("finger")):
                found[f"{side}_{joint}"] = chain[index]
        if joints[0] == "shoulder" and split[0] > 0:
            found[f"{side}_collar"] = chain[split[0] - 1]
    return found


def _other_legs(tree: BoneTree, pairs: list[Pair], legs: Pair, arms: Pair) -> Pair | None:
    """More limbs like legs on the trunk, if any: those of a spider, a centaur."""
    body = legs.bones | arms.bones
    trunk = {*tree.path_up(arms.fork or arms.chains[0][0]), *tree.path_up(legs.fork or legs.chains[0][0])}
    others = [
        pair
        for pair in pairs
        if not pair.bones & (body | trunk)
        and pair.fork in trunk
        and tree.reach[pair.chains[0][0]] > LEG_LIKE_RATIO * legs.length
        and len(pair.chains[0]) > 2
    ]
    named = [pair for pair in others if pair.words["leg"] >= 1.0]
    if named or _are_told(legs, arms):
        return named[0] if named else None
    limbs = {chain[0] for pair in others for chain in pair.chains}
    return others[0] if len(limbs) > 2 * MAX_OTHER_LIMBS else None


def _are_told(legs: Pair, arms: Pair) -> bool:
    """Whether names say which limbs are legs and which are arms."""
    return legs.words["leg"] > 0 and arms.words["arm"] > 0


def _feet_elsewhere(tree: BoneTree, legs: Pair, taken: set[str]) -> tuple[list[str], list[str]] | None:
    """The chains of two feet that do not hang on the legs, in the order of these; None where feet hang there, or
    nowhere."""
    chains = legs.chains
    says_foot = any(tree.words[name].says("foot") >= 2.0 for name in chains[0])
    if says_foot or (len(chains[0]) > 2 and not legs.words["leg"]):
        return None
    found = []
    for chain, points in zip(chains, legs.points, strict=True):
        knee = points[min(1, len(points) - 2)]
        expected, length = 2 * knee - points[0], 2 * float(np.linalg.norm(knee - points[0]))
        choices = []
        for name, words in tree.words.items():
            named = words.says("foot") >= 2.0 and words.side == tree.words[chain[0]].side
            if words.aside or not (named or not words.roles):
                continue
            off = min(float(np.linalg.norm(tree.heads[name] - end)) for end in (expected, points[-1])) / length
            shin = 2 * float(np.linalg.norm(tree.heads[name] - knee)) / length
            likely = SHIN_RATIOS[0] < shin < SHIN_RATIOS[1] if named else off < FOOT_DISTANCE_RATIO
            if likely and not {name, *tree.path_up(name)} & (legs.bones | taken):
                choices.append((not named, off, name))
        if not choices:
            return None
        foot = min(choices)[2]
        toes = [child for child in tree.children[foot] if not tree.words[child].aside]
        found.append([foot, *sorted(toes, key=lambda child: -tree.step(foot, child))[:1]])
    return (found[0], found[1]) if found[0][0] != found[1][0] else None
