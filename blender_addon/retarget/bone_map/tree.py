# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones of an armature as a tree: where they begin, what hangs on them, how far that reaches, what their names
say."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..rig import BoneRest
from .words import Words, read_name

ASIDE_REACH_RATIO = 0.2  # of its reach that a bone of no body counts for where a chain may go on either way
NAMED_PULL = 5.0  # how much more a bone counts there whose name says a part of a limb
LIMBS = frozenset(("upper_arm", "lower_arm", "hand", "finger", "collar", "thigh", "shin", "foot", "toe"))


class BoneTree:
    """Bones by name, with their children; all distances in armature units."""

    def __init__(self, bones: Sequence[BoneRest]) -> None:
        self.bones = {bone.name: bone for bone in bones}
        heads = np.array([bone.head for bone in bones], float).reshape(-1, 3)
        tails = np.array([bone.tail for bone in bones], float).reshape(-1, 3)
        self.heads = dict(zip(self.bones, heads, strict=True))
        self.tails = dict(zip(self.bones, tails, strict=True))
        self.lengths = dict(zip(self.bones, np.linalg.norm(tails - heads, axis=-1).tolist(), strict=True))
        self.words: dict[str, Words] = {bone.name: read_name(bone.name) for bone in bones}
        self.children: dict[str, list[str]] = {bone.name: [] for bone in bones}
        for bone in bones:
            if bone.parent in self.children:
                self.children[bone.parent].append(bone.name)
        self.reach: dict[str, float] = {}
        self.promise: dict[str, float] = {}  # how surely a name says a part of a limb, there or below
        for name in reversed(self._top_down()):
            far = [self.step(name, child) + self.reach[child] for child in self.children[name]]
            self.reach[name] = max(far, default=self._likely_length(name))
            own = 0.0 if self.words[name].aside else self.words[name].says(*LIMBS)
            self.promise[name] = max([own, *(self.promise[child] for child in self.children[name])])
        self.extent = float(np.ptp(heads, axis=0).max()) if self.bones else 0.0

    def _top_down(self) -> list[str]:
        order = [name for name, bone in self.bones.items() if bone.parent not in self.bones]
        for name in order:
            order.extend(self.children[name])
        return order

    def _likely_length(self, name: str) -> float:
        """The length of a bone that nothing hangs on; not more than that of the part before it, for its tail may have
        been invented."""
        parent = self.bones[name].parent
        before = self.step(parent, name) if parent in self.bones else 0.0
        return min(self.lengths[name], before or self.lengths[name])

    def step(self, name: str, child: str) -> float:
        """From the head of ``name`` to that of ``child``."""
        return math.dist(self.heads[name], self.heads[child])

    def main_chain(self, name: str) -> list[str]:
        """``name`` and below it always the child that reaches farthest, parts of the body before others."""
        chain = [name]
        while self.children[chain[-1]]:
            here = chain[-1]
            chain.append(max(self.children[here], key=lambda child: self._pull(here, child)))
        return chain

    def _pull(self, here: str, child: str) -> float:
        far, words, side = self.step(here, child) + self.reach[child], self.words[child], self.words[here].side
        if (words.aside and not self.promise[child]) or (words.side and side and words.side != side):
            return far * ASIDE_REACH_RATIO
        return far * (1.0 + NAMED_PULL * self.promise[child] ** 2)

    def points(self, chain: Sequence[str]) -> np.ndarray:
        """Heads (N + 1, 3) of ``chain`` and the tail of its last bone."""
        return np.array([self.heads[name] for name in chain] + [self.tails[chain[-1]]])

    def path_up(self, name: str) -> list[str]:
        """``name`` and all bones above it, to the root."""
        path = [name]
        while self.bones[path[-1]].parent in self.bones:
            path.append(self.bones[path[-1]].parent)  # type: ignore[arg-type]
        return path
