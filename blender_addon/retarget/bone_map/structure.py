# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the human in an armature whose bones have any names: two legs, two arms, a trunk between.

Rest pose, hierarchy and the words in names are looked at. The legs are the pair of limbs that points away from the
other one; the left is told by names, else by where the feet point. Names decide what shapes leave open; without any,
shapes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np

from .limbs import Pair, Split, find_pairs, split_arm, split_leg
from .sides import find_left
from .tree import BoneTree

OPPOSITE_COS = -0.6  # cosine: legs point away from the arms
PARALLEL_COS = 0.9  # cosine between the ways across from leg to leg and from arm to arm
HEAD_LENGTH_RATIO = 1.25  # a head is this much longer than any bone of the neck; what follows it is its end or its hair
NEAR_HIPS_RATIO, AT_HIPS_RATIO = 0.6, 0.25  # of the leg's length from the hip sockets
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
    leg_length, up = legs.length, arms.start - legs.start
    up = up / np.linalg.norm(up)
    trunk = _trunk(tree, legs, arms, leg_length)
    if trunk is None:
        raise NoHuman(f"no hips and spine lead from {_named(legs)} to {_named(arms)}", 3)
    others = _other_legs(tree, pairs, legs, arms)
    if others is not None:
        raise NoHuman(f"beside {_named(legs)} it has further legs, {_named(others)}, as an animal has", 5)
    if legs.fork == arms.fork and not _are_told(legs, arms):
        raise NoHuman(f"{_named(legs)} and {_named(arms)} hang on one bone, without a spine between", 3)
    pelvis, spine, chest = trunk
    feet = _feet_elsewhere(tree, legs, {*spine, pelvis, *arms.bones})
    leg_split, arm_split = split_leg(tree, legs, feet[0][0] if feet else ""), split_arm(tree, arms)
    if leg_split is None or arm_split is None:
        limb = legs if leg_split is None else arms
        raise NoHuman(f"{_named(limb)} have no upper and lower part of like length", 4)

    left = find_left(tree, legs, arms, leg_split, feet, up)
    found = {"pelvis": pelvis}
    found |= limb_bones(tree, legs, leg_split, ("hip", "knee", "ankle", "foot"), left)
    found |= limb_bones(tree, arms, arm_split, ("shoulder", "elbow", "wrist", ""), left)
    if feet:
        sides = ("left", "right") if legs.axis @ left > 0 else ("right", "left")
        for side, chain in zip(sides, feet, strict=True):
            found[f"{side}_ankle"] = chain[0]
            if len(chain) > 1:
                found[f"{side}_foot"] = chain[1]
    neck = _neck(tree, arms, chest, up)
    if neck:
        found["head"] = neck.pop()
    return HumanChains(found, spine, neck)


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


def _trunk(tree: BoneTree, legs: Pair, arms: Pair, leg_length: float) -> tuple[str, list[str], str] | None:
    """Pelvis, the spine above it up to the chest, and the chest: on the way from the arms down to the legs."""
    fork = arms.fork
    while fork and (tree.words[fork].says("neck", "head") or fork in legs.bones) and tree.bones[fork].parent:
        fork = str(tree.bones[fork].parent)  # arms that hang on the neck
    if not fork or fork not in tree.bones:
        return None
    up_arms = tree.path_up(fork)
    up_legs = tree.path_up(legs.fork) if legs.fork else []
    if (legs.bones | arms.bones) & {*up_arms, *up_legs}:
        return None
    shared = next((name for name in up_arms if name in up_legs), None)
    socket = (legs.points[0][0] + legs.points[1][0]) / 2

    def off(name: str) -> float:
        return float(np.linalg.norm(tree.heads[name] - socket)) / leg_length

    start = up_arms.index(shared) if shared is not None else len(up_arms)
    below = up_legs[: up_legs.index(shared)][::-1] if shared in up_legs else up_legs[::-1]
    near = shared is not None and off(shared) <= NEAR_HIPS_RATIO
    if near and tree.words[str(shared)].says("spine") > tree.words[str(shared)].says("pelvis"):
        below = [name for name in below if tree.words[name].says("pelvis")]  # hips that hang on the spine
    elif near:
        below = []
    hips = next((name for name in below if off(name) <= NEAR_HIPS_RATIO), None)
    if hips is not None:
        return hips, up_arms[: start + near][::-1], fork
    if not near:
        # Legs on a root beside the hips: the lowest bone of the trunk that is near them.
        start = next((at for at in range(start - 1, -1, -1) if off(up_arms[at]) <= NEAR_HIPS_RATIO), -1)
        if start < 0:
            return None
    at = start
    while at + 1 < len(up_arms) and off(up_arms[at + 1]) <= AT_HIPS_RATIO and _is_pelvis_above(tree, up_arms, at):
        at += 1
    above = up_arms[:at][::-1]
    # What lies between the pelvis and the legs is a part of it, but for a spine that the legs hang on.
    stiff = above[: at - start]
    kept = [name for name in stiff if tree.words[name].says("spine") >= 1.0]
    rest = above[at - start :]
    while rest and len(rest) > 1 and tree.words[rest[0]].says("pelvis") > tree.words[rest[0]].says("spine"):
        rest = rest[1:]
    return up_arms[at], kept + rest, fork


def _is_pelvis_above(tree: BoneTree, path: list[str], at: int) -> bool:
    here, above = tree.words[path[at]], tree.words[path[at + 1]]
    if above.aside or here.says("pelvis") > here.says("spine"):
        return False
    return above.says("pelvis") > 0 or not (here.roles or above.roles)


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


def _neck(tree: BoneTree, arms: Pair, chest: str, up: np.ndarray) -> list[str]:
    """The bones above the chest in the middle, the head last: the way to the bone called head, else the chain that
    rises most, up to where it forks."""
    named = [
        name
        for name, words in tree.words.items()
        if words.says("head") >= 2.0 and not words.aside and not words.side and name not in arms.bones
    ]
    for head in sorted(named, key=lambda name: len(tree.path_up(name))):
        path = tree.path_up(head)
        if chest in path:
            return path[: path.index(chest)][::-1]
    beside = next((name for name in named if (tree.heads[name] - tree.heads[chest]) @ up > 0), None)
    rising = []
    for child in tree.children[chest]:
        if child in arms.bones or tree.words[child].aside or tree.words[child].side:
            continue
        chain = [child]
        while len(tree.children[chain[-1]]) == 1:
            above = tree.children[chain[-1]][0]
            if tree.step(chain[-1], above) < 0.2 * tree.lengths[chain[-1]]:
                break  # a bone that begins where the head begins: a face
            chain.append(above)
        offset = tree.heads[chain[-1]] - tree.heads[chest]
        if np.linalg.norm(offset) < 1e-3 * tree.extent:
            offset = tree.tails[chain[-1]] - tree.heads[chest]
        if offset @ up > 0.7 * np.linalg.norm(offset):
            rising.append((offset @ up, _up_to_head(tree, chain)))
    neck = max(rising, key=lambda found: found[0])[1] if rising else []
    return neck if beside is None else [*(name for name in neck if tree.words[name].says("neck")), beside]


def _up_to_head(tree: BoneTree, chain: list[str]) -> list[str]:
    """``chain``, neck and head, without what goes on beyond the head."""
    steps = [tree.step(below, above) for below, above in pairwise(chain)]
    for index in range(1, len(steps)):
        if steps[index] > HEAD_LENGTH_RATIO * max(steps[:index]):
            return chain[: index + 1]
    return chain
