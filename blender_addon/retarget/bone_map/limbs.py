# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of limbs in a tree of bones.

Two chains are a pair when they hang on one bone and each is the other's mirror image, or as long part by part; or when
their names are the same but for the side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from .tree import BoneTree

LIMB_MIRROR_TOLERANCE_RATIO = 0.08  # of the limb's length
ALIKE_RATIO = 0.02  # of the limb's length by which a part of it may be longer than the other's
MIN_LIMB_RATIO = 0.15  # of the armature's extent: what is shorter is a finger, an ear or a toe
MIN_LIMB_BONES = 2
ARM_WORDS, LEG_WORDS = ("upper_arm", "lower_arm", "hand", "finger", "collar"), ("thigh", "shin", "foot", "toe")


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
        chain_of = {child: tree.main_chain(child) for child in long_enough}
        for one, other in combinations(long_enough, 2):
            chains = chain_of[one], chain_of[other]
            count = min(map(len, chains))
            # Something held in one hand makes its chain longer.
            if count >= MIN_LIMB_BONES + (len(chains[0]) != len(chains[1])):
                first, second = (tree.step(*chain[:2]) for chain in chains)
                if abs(first - second) > 2 * LIMB_MIRROR_TOLERANCE_RATIO * tree.reach[one]:
                    continue
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
