# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the human in an armature whose bones have any names: two mirrored legs, two mirrored arms, a trunk between.

Only the rest pose is looked at. A limb is the longest chain of bones below a fork; two limbs of one fork are a pair
when each is the other's mirror image. The legs are the pair that points away from the other one; the left is told by
where the feet point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from ..rig import BoneRest

LIMB_MIRROR_TOLERANCE_RATIO = 0.08  # of the limb's length
MIN_LIMB_RATIO = 0.15  # of the armature's extent: what is shorter is a finger, an ear or a toe
MIN_LIMB_BONES = 3
OPPOSITE_COS = -0.6  # cosine: legs point away from the arms
FOOT_ANGLE_RAD = np.radians(25.0)
HEAD_LENGTH_RATIO = 1.25  # a head is this much longer than any bone of the neck; what follows it is its end or its hair
MAX_SPLIT_COST = 1.5  # an upper bone more than four times its lower one is no limb

Split = tuple[int, int, int]


@dataclass(frozen=True)
class HumanChains:
    """Joint -> bone for pelvis, head and limbs, and the bones of spine and neck from the pelvis up."""

    bones: dict[str, str]
    spine: list[str]
    neck: list[str]


@dataclass(frozen=True)
class _Pair:
    """Two mirrored limbs below ``fork``: for each its bones and its points (bones + 1, 3), heads and the last tail."""

    fork: str
    chains: tuple[list[str], list[str]]
    points: tuple[np.ndarray, np.ndarray]
    axis: np.ndarray  # from the second limb to the first

    @property
    def start(self) -> np.ndarray:
        return (self.points[0][0] + self.points[1][0]) / 2

    @property
    def direction(self) -> np.ndarray:
        """From the roots to the ends, in the middle between the two."""
        return (self.points[0][-1] + self.points[1][-1]) / 2 - self.start


class _Tree:
    def __init__(self, bones: list[BoneRest]) -> None:
        self.bones = {bone.name: bone for bone in bones}
        self.children: dict[str, list[str]] = {bone.name: [] for bone in bones}
        for bone in bones:
            if bone.parent in self.children:
                self.children[bone.parent].append(bone.name)
        self.reach: dict[str, float] = {}
        for name in reversed(self.top_down()):
            self.reach[name] = max(
                (self.step(name, child) + self.reach[child] for child in self.children[name]), default=self.length(name)
            )

    def top_down(self) -> list[str]:
        order = [name for name, bone in self.bones.items() if bone.parent not in self.bones]
        for name in order:
            order.extend(self.children[name])
        return order

    def head(self, name: str) -> np.ndarray:
        return np.asarray(self.bones[name].head, dtype=np.float64)

    def tail(self, name: str) -> np.ndarray:
        return np.asarray(self.bones[name].tail, dtype=np.float64)

    def length(self, name: str) -> float:
        return float(np.linalg.norm(self.tail(name) - self.head(name)))

    def step(self, name: str, child: str) -> float:
        return float(np.linalg.norm(self.head(child) - self.head(name)))

    def main_chain(self, name: str) -> list[str]:
        """``name`` and below it always the child that reaches farthest."""
        chain = [name]
        while self.children[chain[-1]]:
            here = chain[-1]
            chain.append(max(self.children[here], key=lambda child: self.step(here, child) + self.reach[child]))
        return chain

    def points(self, chain: list[str]) -> np.ndarray:
        return np.array([self.head(name) for name in chain] + [self.tail(chain[-1])])

    def path_up(self, name: str) -> list[str]:
        path = [name]
        while self.bones[path[-1]].parent in self.bones:
            path.append(self.bones[path[-1]].parent)  # type: ignore[arg-type]
        return path


def find_human(bones: list[BoneRest]) -> HumanChains | None:
    """The chains of a human, or None when the armature has no such structure."""
    tree = _Tree(bones)
    pairs = sorted(_pairs(tree), key=lambda pair: -tree.reach[pair.chains[0][0]])
    for first, second in combinations(pairs, 2):
        for legs, arms in ((first, second), (second, first)):
            found = _human(tree, legs, arms)
            if found is not None:
                return found
    return None


def _pairs(tree: _Tree) -> Iterator[_Pair]:
    """All mirrored pairs of limbs that are long enough to be arms or legs."""
    corners = np.array([point for name in tree.bones for point in (tree.head(name), tree.tail(name))])
    extent = float(np.ptp(corners, axis=0).max()) if len(corners) else 0.0
    for fork, children in tree.children.items():
        long_enough = [child for child in children if tree.reach[child] >= MIN_LIMB_RATIO * extent]
        for one, other in combinations(long_enough, 2):
            chains = tree.main_chain(one), tree.main_chain(other)
            if len(chains[0]) != len(chains[1]) or len(chains[0]) < MIN_LIMB_BONES:
                continue
            points = tree.points(chains[0]), tree.points(chains[1])
            difference = points[0] - points[1]
            axis = difference.sum(0)
            if np.linalg.norm(axis) < 1e-9:
                continue
            axis /= np.linalg.norm(axis)
            middle = (points[0] + points[1]) / 2 - (points[0][0] + points[1][0]) / 2
            skew = np.linalg.norm(difference - (difference @ axis)[:, None] * axis, axis=-1)
            if max(skew.max(), abs(middle @ axis).max()) < LIMB_MIRROR_TOLERANCE_RATIO * tree.reach[one]:
                yield _Pair(fork, chains, points, axis)


def _human(tree: _Tree, legs: _Pair, arms: _Pair) -> HumanChains | None:
    arm_path, leg_path = tree.path_up(arms.fork), tree.path_up(legs.fork)
    pelvis = next((name for name in arm_path if name in leg_path), None)
    limbs = {name for chain in (*legs.chains, *arms.chains) for name in chain}
    if pelvis is None or limbs & set(arm_path + leg_path) or abs(legs.axis @ arms.axis) < 0.9:
        return None
    up = arms.start - legs.start
    leg_length = float(np.linalg.norm(legs.direction))
    if np.linalg.norm(up) < 0.1 * leg_length or np.linalg.norm(tree.head(pelvis) - legs.start) > 0.6 * leg_length:
        return None
    up = up / np.linalg.norm(up)
    if legs.direction @ up > OPPOSITE_COS * leg_length:
        return None
    leg_split, arm_split = _split_leg(legs.points[0]), _split_arm(tree, arms)
    if leg_split is None or arm_split is None:
        return None

    left = _left(tree, legs, leg_split, up)
    bones = {"pelvis": pelvis}
    for pair, split, joints in (
        (legs, leg_split, ("hip", "knee", "ankle")),
        (arms, arm_split, ("shoulder", "elbow", "wrist")),
    ):
        sides = ("left", "right") if pair.axis @ left > 0 else ("right", "left")
        for side, chain in zip(sides, pair.chains, strict=True):
            bones |= {
                f"{side}_{joint}": chain[index]
                for joint, index in zip(joints, split, strict=True)
                if index < len(chain)
            }
            if pair is legs and split[2] + 1 < len(chain):
                bones[f"{side}_foot"] = chain[split[2] + 1]
            if pair is arms and split[0] > 0:
                bones[f"{side}_collar"] = chain[split[0] - 1]
    spine = arm_path[: arm_path.index(pelvis)][::-1]
    neck = _neck(tree, arms, up)
    if neck:
        bones["head"] = neck.pop()
    return HumanChains(bones, spine, neck)


def _splits(points: np.ndarray, last: int) -> Iterator[tuple[float, Split]]:
    """(cost, (root, middle, end)) of every way to see an upper and a lower bone in a chain; bones in line count
    as one."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    for i, j, k in combinations(range(last + 1), 3):
        upper, lower = steps[i:j].sum(), steps[j:k].sum()
        if min(upper, lower) <= 1e-9:
            continue
        before = steps[:i].sum() / (steps[:i].sum() + upper + lower)
        yield abs(np.log(upper / lower)) + 0.2 * (k - i - 2) + 3 * max(0.0, before - 0.25), (i, j, k)


def _split_leg(points: np.ndarray) -> Split | None:
    """Hip, knee and ankle as indices in the chain: two bones of like length, after which the foot turns forward."""
    found = []
    for cost, (i, j, k) in _splits(points, len(points) - 1):
        straight = k == len(points) - 1 or _angle(points[k] - points[j], points[k + 1] - points[k]) < FOOT_ANGLE_RAD
        folded = _angle(points[j] - points[i], points[k] - points[j]) > np.radians(60)
        found.append((cost + 0.5 * straight + 0.5 * folded, (i, j, k)))
    return _cheapest(found)


def _split_arm(tree: _Tree, arms: _Pair) -> Split | None:
    """Shoulder, elbow and wrist as indices in the chain: two bones of like length; the fingers fork at the hand."""
    chain = arms.chains[0]
    palm = next((index for index, name in enumerate(chain) if index > 1 and len(tree.children[name]) > 2), None)
    splits = _splits(arms.points[0], len(chain))
    if palm is not None:
        return _cheapest([(cost, split) for cost, split in splits if split[2] == palm])
    # Without fingers the hand is usually the last bone.
    return _cheapest([(cost + 0.3 * abs(len(chain) - 1 - split[2]), split) for cost, split in splits])


def _cheapest(splits: list[tuple[float, Split]]) -> Split | None:
    cost, split = min(splits, default=(np.inf, None))
    return split if cost < MAX_SPLIT_COST else None


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))


def _left(tree: _Tree, legs: _Pair, split: Split, up: np.ndarray) -> np.ndarray:
    """Direction of the character's left: the feet point forward; without feet, Blender's (or a Y-up file's) front
    is taken."""
    forward = np.zeros(3)
    for points in legs.points:
        forward += points[min(split[2] + 1, len(points) - 1)] - points[split[2]]
    forward -= (forward @ up) * up + (forward @ legs.axis) * legs.axis
    if np.linalg.norm(forward) < 0.02 * np.linalg.norm(legs.direction):
        forward = np.array([0.0, -1.0, 0.0]) if abs(up[2]) > abs(up[1]) else np.array([0.0, 0.0, 1.0])
    return np.cross(up, forward)


def _neck(tree: _Tree, arms: _Pair, up: np.ndarray) -> list[str]:
    """The bones above the chest in the middle, the head last: the chain that rises most, up to where it forks."""
    rising = []
    for child in tree.children[arms.fork]:
        if child in arms.chains[0] + arms.chains[1]:
            continue
        chain = [child]
        while len(tree.children[chain[-1]]) == 1:
            above = tree.children[chain[-1]][0]
            if tree.step(chain[-1], above) < 0.2 * tree.length(chain[-1]):
                break  # a bone that begins where the head begins: a face
            chain.append(above)
        offset = tree.tail(chain[-1]) - tree.head(arms.fork)
        if offset @ up > 0.7 * np.linalg.norm(offset):
            rising.append((offset @ up, _up_to_head(tree, chain)))
    return max(rising, key=lambda found: found[0])[1] if rising else []


def _up_to_head(tree: _Tree, chain: list[str]) -> list[str]:
    """``chain``, neck and head, without what goes on beyond the head."""
    steps = [tree.step(below, above) for below, above in pairwise(chain)]
    for index in range(1, len(steps)):
        if steps[index] > HEAD_LENGTH_RATIO * max(steps[:index]):
            return chain[: index + 1]
    return chain
