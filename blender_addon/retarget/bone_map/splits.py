# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a limb's bones is which part: where its upper part, its lower part, and hand or foot begin.

What names say and how long the bones are decides together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from .limbs import Pair
from .tree import BoneTree

MAX_LIMB_BONES = 14
FOOT_ANGLE_RAD, FOLDED_RAD = math.radians(25.0), math.radians(60.0)
MAX_SPLIT_COST = 1.5  # an upper bone more than four times its lower one is no limb
MAX_TAIL_COST = 0.4
ONE_BONE_COST = 0.8
COLLAR_COST, COLLAR_RATIO = 0.6, 0.3
"""Of an upper arm that begins nearer to the middle of the body than that share of its length."""
WORD_WEIGHT = 0.5  # of what names say beside the cost of a split
NAMED_OTHERWISE = 1.5  # how much a name for another part speaks against one
ARM_ROLES = ("collar", "upper_arm", "lower_arm", "hand", "finger")
LEG_ROLES = ("collar", "thigh", "shin", "foot", "toe")

Point = Sequence[float]
Split = tuple[int, int, int]
"""Places of the upper bone, of the lower one, and of hand or foot in a chain; the last may be the chain's length,
where the end of the lower bone is that of the limb."""


def split_leg(tree: BoneTree, legs: Pair, foot: str) -> Split | None:
    """Hip, knee and ankle as places in the chain: two bones of like length, after which the foot turns forward.

    ``foot``: the bone of a foot that hangs elsewhere, empty for none."""
    points, chain, found = legs.points[0], legs.chains[0], []
    if foot:
        points = np.concatenate([points[:-1], tree.heads[foot][None]])
    places = points.tolist()
    for cost, (i, j, k) in _splits(points, len(chain), tail=not foot):
        if k == len(chain):
            if not foot and _says(tree, chain, "foot"):
                continue
            cost += 0.0 if foot else 0.6
            straight = False
        else:
            straight = _bend(places[j], places[k], places[k + 1]) < FOOT_ANGLE_RAD
        folded = _bend(places[i], places[j], places[k]) > FOLDED_RAD
        said = _said(tree, chain, (i, j, k), LEG_ROLES)
        found.append((cost + 0.5 * straight + 0.5 * folded - WORD_WEIGHT * said, (i, j, k)))
    return _cheapest(found)


def split_arm(tree: BoneTree, arms: Pair) -> Split | None:
    """Shoulder, elbow and wrist as places in the chain: two bones of like length; the fingers fork at the hand."""
    chain = arms.chains[0]
    forks = [index for index, name in enumerate(chain) if index > 1 and len(tree.children[name]) == 2]
    palm = next((index for index, name in enumerate(chain) if index > 1 and len(tree.children[name]) > 2), None)
    found = []
    if len(chain) <= 2 and tree.words[chain[-1]].says("upper_arm"):
        one = (len(chain) - 1, len(chain), len(chain))  # an arm of one bone
        found.append((ONE_BONE_COST - WORD_WEIGHT * _said(tree, chain, one, ARM_ROLES), one))
    named = _says(tree, chain, "hand") or _says(tree, chain, "finger")
    for cost, split in _splits(arms.points[0], len(chain), tail=True):
        said = _said(tree, chain, split, ARM_ROLES)
        if named:
            cost += 0.6 * (split[2] == len(chain))
        elif palm is not None and palm >= 2:
            cost += 1.5 * (split[2] != palm)
        elif forks:
            cost += 0.3 * (split[2] not in forks)
        else:
            cost += 0.3 * abs(len(chain) - 1 - split[2])  # without fingers the hand is usually the last bone
        cost += COLLAR_COST * _starts_at_middle(arms, split[0])
        found.append((cost - WORD_WEIGHT * said, split))
    return _cheapest(found)


def _starts_at_middle(arms: Pair, at: int) -> bool:
    """Whether the bones number ``at`` begin at the middle of the body and lead out of it, as collar bones do."""
    first, second = arms.points
    if at + 1 >= len(first):
        return False
    apart = float(np.linalg.norm(first[at] - second[at]))
    return apart < 2 * COLLAR_RATIO * float(np.linalg.norm(first[at + 1] - first[at]))


def _splits(points: np.ndarray, last: int, tail: bool) -> Iterator[tuple[float, Split]]:
    """(cost, split) of every way to see an upper and a lower bone in a chain; bones in line count as one. ``tail``: the
    last of the points is one, and may lie anywhere."""
    last = min(last, MAX_LIMB_BONES)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    along = [0.0, *np.cumsum(steps).tolist()]
    for i, j, k in combinations(range(last + 1), 3):
        upper, lower = along[j] - along[i], along[k] - along[j]
        if min(upper, lower) <= 1e-9:
            continue
        unlike = abs(math.log(upper / lower))
        if tail and k == len(points) - 1 and unlike > MAX_TAIL_COST:
            unlike, lower = MAX_TAIL_COST, upper
        before = along[i] / (along[i] + upper + lower)
        yield unlike + 0.2 * (k - i - 2) + 3 * max(0.0, before - 0.25), (i, j, k)


def _said(tree: BoneTree, chain: Sequence[str], split: Split, roles: Sequence[str]) -> float:
    """How well the names in ``chain`` agree with a split."""
    total = 0.0
    for place, (name, role) in enumerate(
        [(chain[at], role) for at, role in zip(split, roles[1:4], strict=True) if at < len(chain)]
    ):
        total += _agrees(tree, name, role) * (1.0 if place < 2 else 0.8)
    if split[0] > 0:
        total += 0.5 * _agrees(tree, chain[split[0] - 1], roles[0])
    if split[2] + 1 < len(chain):
        total += 0.3 * _agrees(tree, chain[split[2] + 1], roles[4])
    return total


def _agrees(tree: BoneTree, name: str, role: str) -> float:
    words = tree.words[name]
    said = words.says(role)
    if said or not words.roles:
        return said
    return 0.0 if role == "collar" else -NAMED_OTHERWISE


def _says(tree: BoneTree, chain: Sequence[str], role: str) -> bool:
    return any(tree.words[name].says(role) >= 2.0 for name in chain)


def _cheapest(splits: list[tuple[float, Split]]) -> Split | None:
    cost, split = min(splits, default=(np.inf, None))
    return split if cost < MAX_SPLIT_COST else None


def _bend(before: Point, corner: Point, after: Point) -> float:
    """Angle between the ways to and from ``corner``."""
    # Written out: numpy takes ten times as long for one.
    a = [there - here for here, there in zip(before, corner, strict=True)]
    b = [there - here for here, there in zip(corner, after, strict=True)]
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return math.acos(max(-1.0, min(1.0, dot / max(math.hypot(*a) * math.hypot(*b), 1e-12))))
