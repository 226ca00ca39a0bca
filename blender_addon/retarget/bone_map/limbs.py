# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of limbs in a tree of bones, and which of a limb's bones is which part.

Two chains are a pair when they hang on one bone and each is the other's mirror image, or when their names are the same
but for the side. What names say and how long the bones are decides together where upper and lower part of a limb
begin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from .tree import BoneTree

LIMB_MIRROR_TOLERANCE_RATIO = 0.08  # of the limb's length
ALIKE_RATIO = 0.02  # of the limb's length by which a part of it may be longer than the other's
MIN_LIMB_RATIO = 0.15  # of the armature's extent: what is shorter is a finger, an ear or a toe
MIN_LIMB_BONES = 2
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
ARM_WORDS, LEG_WORDS = ("upper_arm", "lower_arm", "hand", "finger", "collar"), ("thigh", "shin", "foot", "toe")

Point = Sequence[float]
Split = tuple[int, int, int]
"""Places of the upper bone, of the lower one, and of hand or foot in a chain; the last may be the chain's length,
where the end of the lower bone is that of the limb."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two limbs: for each its bones and its points (bones + 1, 3), heads and the last tail. ``fork``: the bone that
    both hang on, empty for none; ``axis`` from the second limb to the first."""

    fork: str
    chains: tuple[list[str], list[str]]
    points: tuple[np.ndarray, np.ndarray]
    axis: np.ndarray
    words: dict[str, float] = field(default_factory=dict)

    @property
    def start(self) -> np.ndarray:
        return (self.points[0][0] + self.points[1][0]) / 2

    @property
    def direction(self) -> np.ndarray:
        """From the roots to the last bones' heads, in the middle between the two; tails, which importers invent, are
        asked where there is one bone alone."""
        last = max(len(self.chains[0]) - 1, 1)
        return (self.points[0][last] + self.points[1][last]) / 2 - self.start

    @property
    def length(self) -> float:
        """About how long the limbs are."""
        return float(np.linalg.norm(self.direction)) * (2.0 if len(self.chains[0]) == 2 else 1.0)

    @property
    def bones(self) -> set[str]:
        return {*self.chains[0], *self.chains[1]}


def find_pairs(tree: BoneTree) -> list[Pair]:
    """All pairs of limbs that are long enough to be arms or legs, those that names tell first, then the longest."""
    found: dict[frozenset[str], Pair] = {}
    for pair in (*_named_pairs(tree), *_mirrored_pairs(tree)):
        found.setdefault(frozenset((pair.chains[0][0], pair.chains[1][0])), pair)
    return sorted(found.values(), key=lambda pair: (-sum(pair.words.values()), -tree.reach[pair.chains[0][0]]))


def _mirrored_pairs(tree: BoneTree) -> Iterator[Pair]:
    roots = [name for name, bone in tree.bones.items() if bone.parent not in tree.bones]
    for fork, children in (("", roots), *tree.children.items()):
        long_enough = [
            child
            for child in children
            if tree.reach[child] >= MIN_LIMB_RATIO * tree.extent and not tree.words[child].aside
        ]
        for one, other in combinations(long_enough, 2):
            chains = tree.main_chain(one), tree.main_chain(other)
            count = min(map(len, chains))
            # Something held in one hand makes its chain longer.
            if count >= MIN_LIMB_BONES + (len(chains[0]) != len(chains[1])):
                cut = chains[0][:count], chains[1][:count]
                pair = make_pair(tree, fork, cut)
                if pair is not None and _mirrored(pair, tree.reach[one]):
                    yield pair
                    continue
                striding = make_pair(tree, fork, cut, strides=True)
                if striding is not None and count > MIN_LIMB_BONES and _alike(striding):
                    yield striding


def _mirrored(pair: Pair, reach: float) -> bool:
    first, second = (points[:-1] for points in pair.points)
    difference = first - second
    middle = (first + second) / 2 - (first[0] + second[0]) / 2
    skew = np.linalg.norm(difference - (difference @ pair.axis)[:, None] * pair.axis, axis=-1)
    return bool(max(skew.max(), abs(middle @ pair.axis).max()) < LIMB_MIRROR_TOLERANCE_RATIO * reach)


def _alike(pair: Pair) -> bool:
    """Whether the limbs have parts of the same length, though they are posed otherwise: a rest pose in mid-stride."""
    steps = [np.linalg.norm(np.diff(points[:-1], axis=0), axis=-1) for points in pair.points]
    return bool(np.abs(steps[0] - steps[1]).max() < ALIKE_RATIO * max(steps[0].sum(), 1e-12))


def _named_pairs(tree: BoneTree) -> Iterator[Pair]:
    """Pairs that begin at the first bones of a limb by name, wherever these hang."""
    by_key: dict[tuple[str, str], str] = {}
    for name in tree.bones:
        words = tree.words[name]
        by_key.setdefault((words.side, words.key), name)
    for name in tree.bones:
        words = tree.words[name]
        kind = next((kind for kind in (ARM_WORDS, LEG_WORDS) if words.says(*kind)), None)
        if words.side != "left" or words.aside or kind is None or words.says("finger", "toe", "hand") >= 1.0:
            continue
        other = by_key.get(("right", words.key))
        above = tree.path_up(name)[1:]
        if other is None or any(tree.words[up].side == "left" and tree.words[up].says(*kind) for up in above):
            continue
        chains = tree.main_chain(name), tree.main_chain(other)
        count = min(len(chains[0]), len(chains[1]))
        common = [up for up in above if up in tree.path_up(other)]
        pair = make_pair(tree, common[0] if common else "", (chains[0][:count], chains[1][:count]), strides=True)
        if pair is not None and (count >= MIN_LIMB_BONES or kind is ARM_WORDS):
            yield pair


def make_pair(tree: BoneTree, fork: str, chains: tuple[list[str], list[str]], strides: bool = False) -> Pair | None:
    """The two chains as a pair, None where they lie on each other; with ``strides`` they may be posed otherwise."""
    points = tree.points(chains[0]), tree.points(chains[1])
    apart = points[0] - points[1]
    axis = apart[0] if strides else apart[:-1].sum(0)  # limbs in mid-stride are side by side at their roots alone
    if np.linalg.norm(axis) < 1e-9:
        return None
    said = {
        kind: sum(min(tree.words[name].says(*roles), 2.0) for name in chains[0])
        for kind, roles in (("arm", ARM_WORDS), ("leg", LEG_WORDS))
    }
    return Pair(fork, chains, points, axis / np.linalg.norm(axis), said)


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
