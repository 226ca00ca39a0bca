# SPDX-License-Identifier: GPL-3.0-or-later
"""A human told by names alone, where bones hang on each other in no order that shows one: all on one root, say.

Bones of a limb are put in the order in which they lie, and then read as a chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .limbs import ARM_WORDS, LEG_WORDS, Pair, make_pair
from .splits import split_arm, split_leg
from .structure import HumanChains, limb_bones, point_apart
from .tree import BoneTree


def find_named(tree: BoneTree) -> HumanChains | None:
    """The chains of a human whose sides and parts are all named; None where they are not."""
    pelvis = _surest(tree, "pelvis")
    if not pelvis:
        return None
    legs, arms = _pair_of(tree, LEG_WORDS, pelvis), _pair_of(tree, ARM_WORDS, "")
    if legs is None or arms is None:
        return None
    up = (arms.start - legs.start) / max(float(np.linalg.norm(arms.start - legs.start)), 1e-9)
    if not point_apart(legs, arms):
        return None
    leg_split, arm_split = split_leg(tree, legs, ""), split_arm(tree, arms)
    if leg_split is None or arm_split is None or leg_split[2] >= len(legs.chains[0]):
        return None
    # The first chain is the left one by its names.
    found = {"pelvis": pelvis}
    found |= limb_bones(tree, legs, leg_split, ("hip", "knee", "ankle", "foot"), legs.axis)
    found |= limb_bones(tree, arms, arm_split, ("shoulder", "elbow", "wrist", ""), arms.axis)
    spine, neck = ([name for name in _middle(tree, role, up) if name != pelvis] for role in ("spine", "neck"))
    head = _surest(tree, "head")
    if head:
        found["head"] = head
    return HumanChains(found, spine, neck)


def _surest(tree: BoneTree, role: str) -> str:
    """The bone of the middle whose name says ``role`` most surely, empty for none."""
    names = [name for name, words in tree.words.items() if words.says(role) and not words.side and not words.aside]
    return max(names, key=lambda name: tree.words[name].says(role), default="")


def _middle(tree: BoneTree, role: str, up: np.ndarray) -> list[str]:
    names = [name for name, words in tree.words.items() if words.says(role) >= 2.0 and not words.side]
    return sorted((name for name in names if not tree.words[name].aside), key=lambda name: float(tree.heads[name] @ up))


def _pair_of(tree: BoneTree, roles: Sequence[str], start: str) -> Pair | None:
    """The two limbs whose bones' names say ``roles``, in their order from the bone ``start``, or else from those of
    their own that are nearest to each other."""
    sides = []
    for side in ("left", "right"):
        sides.append(
            [
                name
                for name, words in tree.words.items()
                if words.side == side and not words.aside and words.says(*roles) >= 1.0 and not words.says("finger")
            ]
        )
    if min(map(len, sides)) < 2 or len(sides[0]) != len(sides[1]):
        return None
    inner = min(((tree.step(one, other), one, other) for one in sides[0] for other in sides[1]), default=None)
    starts = (start, start) if start or inner is None else inner[1:]
    chains = [sorted(names, key=lambda name: tree.step(at, name)) for names, at in zip(sides, starts, strict=True)]
    return make_pair(tree, "", (chains[0], chains[1]), strides=True)
