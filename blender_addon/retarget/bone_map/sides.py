# SPDX-License-Identifier: GPL-3.0-or-later
"""Which side of a figure is its left: told by names, else by which way it faces.

It faces where its toes are before its ankles, its face before its head, its knees before its legs; if nothing of this
shows, it faces the front of Blender, or of a file whose up is Y.
"""

from __future__ import annotations

import numpy as np

from .limbs import Pair
from .splits import Split
from .tree import BoneTree
from .vocabulary import FRONT

SHOWN_RATIO = 0.02  # of the leg's length that a foot or a knee must stand out to be believed


# Six: the figure as far as it is known.
def find_left(
    tree: BoneTree,
    legs: Pair,
    arms: Pair,
    split: Split,
    feet: tuple[list[str], list[str]] | None,
    up: np.ndarray,
) -> np.ndarray:
    """Direction (3,) to the left of the figure whose legs are split so; ``up`` (3,) points to its head."""
    said = sum(_said(tree, pair) * pair.axis for pair in (legs, arms))
    if np.linalg.norm(said) > 0.5:
        return np.asarray(said / np.linalg.norm(said))
    length = float(np.linalg.norm(legs.direction))
    for forward in _forwards(tree, legs, split, feet):
        level = forward - (forward @ up) * up - (forward @ legs.axis) * legs.axis
        if np.linalg.norm(level) > SHOWN_RATIO * length:
            return np.cross(up, level)
    front = np.array([0.0, -1.0, 0.0]) if abs(up[2]) > abs(up[1]) else np.array([0.0, 0.0, 1.0])
    return np.cross(up, front)


def _said(tree: BoneTree, pair: Pair) -> float:
    """1 where names say that the first limb of ``pair`` is the left one, -1 the right one, 0 if they say nothing."""
    votes = [
        (words.side == side) - (words.side == other)
        for chain, side, other in zip(pair.chains, ("left", "right"), ("right", "left"), strict=True)
        for words in (tree.words[name] for name in chain)
        if words.side
    ]
    return float(np.sign(sum(votes)))


def _forwards(tree: BoneTree, legs: Pair, split: Split, feet: tuple[list[str], list[str]] | None) -> list[np.ndarray]:
    """Directions (3,) in which something stands out, the surest first."""
    toes, tips, knees = np.zeros(3), np.zeros(3), np.zeros(3)
    for side, points in enumerate(legs.points):
        chain = feet[side] if feet else legs.chains[side][split[2] :]
        if len(chain) > 1:
            toes += tree.heads[chain[1]] - tree.heads[chain[0]]
        if chain:
            tips += tree.tails[chain[0]] - tree.heads[chain[0]]
        hip, knee, ankle = points[split[0]], points[split[1]], points[min(split[2], len(points) - 1)]
        line = (ankle - hip) / max(float(np.linalg.norm(ankle - hip)), 1e-9)
        knees += (knee - hip) - ((knee - hip) @ line) * line
    faces = [
        tree.heads[name] - tree.heads[above]
        for name, bone in tree.bones.items()
        if (above := bone.parent) in tree.bones
        and FRONT & set(tree.words[name].key.split())
        and tree.words[above].says("head")
    ]
    face = np.mean(faces, axis=0) if faces else np.zeros(3)
    return [toes, face, tips, knees]
