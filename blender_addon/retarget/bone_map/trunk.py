# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies between the legs and the arms of a figure, and above: pelvis, spine, chest, neck and head."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .limbs import Pair
from .tree import BoneTree

HEAD_LENGTH_RATIO = 1.25  # a head is this much longer than any bone of the neck; what follows it is its end or its hair
NEAR_HIPS_RATIO, AT_HIPS_RATIO = 0.6, 0.25  # of the leg's length from the hip sockets
SUNK_RATIO = 0.1  # of the leg's length below the sockets, from which on a bone that names do not tell is no pelvis


@dataclass(frozen=True)
class Trunk:
    """``spine``: the bones above the pelvis up to the ``chest``, which carries the arms."""

    pelvis: str
    spine: list[str]
    chest: str


def find_trunk(tree: BoneTree, legs: Pair, arms: Pair) -> Trunk | None:
    """The trunk on the way from the arms down to the legs; None where there is none."""
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
    start = up_arms.index(shared) if shared is not None else len(up_arms)
    near = shared is not None and _off(tree, legs, shared) <= NEAR_HIPS_RATIO
    hips = _hips_of_legs(tree, legs, arms, up_legs, shared if near else None, shared)
    if hips is not None:
        # A spine that the legs hang on bends above them all the same.
        with_shared = near and bool(tree.words[str(shared)].says("spine"))
        return Trunk(hips, up_arms[: start + with_shared][::-1], fork)
    if not near:
        # Legs on a root beside the hips: the lowest bone of the trunk that is near them.
        choices = (at for at in range(start - 1, -1, -1) if _off(tree, legs, up_arms[at]) <= NEAR_HIPS_RATIO)
        start = next(choices, -1)
        if start < 0:
            return None
    return Trunk(*_climbed(tree, legs, up_arms, start), fork)


def _off(tree: BoneTree, legs: Pair, name: str) -> float:
    """How far a bone begins from the middle between the hip sockets, in lengths of the leg."""
    return float(np.linalg.norm(tree.heads[name] - legs.start)) / legs.length


def _hips_of_legs(
    tree: BoneTree, legs: Pair, arms: Pair, up_legs: list[str], near: str | None, shared: str | None
) -> str | None:
    """Hips that carry the legs and not the spine, where what carries both, ``shared``, is no pelvis: a root that is not
    ``near``, a spine, a bone far below the sockets."""
    below = up_legs[: up_legs.index(shared)][::-1] if shared in up_legs else up_legs[::-1]
    if near is not None:
        words, up = tree.words[near], arms.start - legs.start
        sunk = (legs.start - tree.heads[near]) @ up > SUNK_RATIO * legs.length * np.linalg.norm(up)
        if words.says("spine") <= words.says("pelvis") and not (sunk and not words.roles):
            return None
        below = [name for name in below if tree.words[name].says("pelvis")]
    return next((name for name in below if _off(tree, legs, name) <= NEAR_HIPS_RATIO), None)


def _climbed(tree: BoneTree, legs: Pair, up_arms: list[str], start: int) -> tuple[str, list[str]]:
    """The pelvis and the spine, from the bone number ``start`` of the path ``up_arms`` on: what is above it at the hips
    may be the pelvis instead."""
    at = start
    while at + 1 < len(up_arms) and _is_pelvis_above(tree, legs, up_arms, at):
        at += 1
    above = up_arms[:at][::-1]
    # What lies between the pelvis and the legs is a part of it, but for a spine that the legs hang on.
    kept = [name for name in above[: at - start] if tree.words[name].says("spine") >= 1.0]
    rest = above[at - start :]
    while len(rest) > 1 and tree.words[rest[0]].says("pelvis") > tree.words[rest[0]].says("spine"):
        rest = rest[1:]
    return up_arms[at], kept + rest


def _is_pelvis_above(tree: BoneTree, legs: Pair, path: list[str], at: int) -> bool:
    here, above = tree.words[path[at]], tree.words[path[at + 1]]
    if above.aside or here.says("pelvis") > here.says("spine") or _off(tree, legs, path[at + 1]) > AT_HIPS_RATIO:
        return False
    return above.says("pelvis") > 0 or not (here.roles or above.roles)


def find_neck(tree: BoneTree, arms: Pair, chest: str, up: np.ndarray) -> list[str]:
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
