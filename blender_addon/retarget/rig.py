# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature as plain data: what retargeting needs to know of it, free of Blender."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

Measure = TypeVar("Measure")

MAX_TAIL_RATIO = 0.35  # of the figure's size


def _unit_matrix() -> np.ndarray:
    return np.eye(4)


@dataclass(frozen=True, eq=False, slots=True)
class BoneRest:
    """One bone at rest, in armature space (the object's own, before its scale and place), and how it hangs on its
    parent.

    ``matrix`` (4, 4): rest matrix, Y along the bone. ``basis`` (4, 4): the pose that it has now on top of its rest;
    bones without a joint keep it. ``is_tip``: Blender has no such bone, it is a point of its parent; see
    :mod:`.bone_map.tips`.
    """

    name: str
    parent: str | None
    head: Sequence[float]
    tail: Sequence[float]
    matrix: np.ndarray
    connected: bool = False
    inherit_rotation: bool = True
    inherit_scale: bool = True
    local_location: bool = True
    rotation_mode: str = "QUATERNION"
    basis: np.ndarray = field(default_factory=_unit_matrix)
    is_tip: bool = False


@dataclass(frozen=True, eq=False)
class Rig:
    """An armature object: its bones, parents before children, where it stands (``matrix_world`` 4x4, scene units)
    and metres per unit. ``standing_pose``: the same with its bones where the character stands, as far as that is not
    its rest pose. ``skin``: points (N, 3) of the mesh at the feet by the bone that carries them, in its axes."""

    name: str
    bones: list[BoneRest]
    matrix_world: np.ndarray = field(default_factory=_unit_matrix)
    unit_scale: float = 1.0
    standing_pose: Rig | None = None
    skin: dict[str, np.ndarray] = field(default_factory=dict)
    _measured: dict[str, tuple[object, object]] = field(default_factory=dict, init=False, repr=False)

    @property
    def standing(self) -> Rig:
        """The armature as it stands upright, or nearly, on its ground: itself if it rests so."""
        return self.standing_pose or self

    @cached_property
    def by_name(self) -> dict[str, BoneRest]:
        return {bone.name: bone for bone in self.bones}

    def carrier(self, name: str) -> str:
        """The bone of Blender's that carries ``name``: itself, but for a tip."""
        bone = self.by_name[name]
        return bone.parent if bone.is_tip and bone.parent is not None else name

    def point_of_tip(self, name: str) -> tuple[float, float, float]:
        """Where a tip is in the axes of the bone that carries it."""
        carrier = np.asarray(self.by_name[self.carrier(name)].matrix, dtype=np.float64)
        x, y, z, _ = np.linalg.inv(carrier) @ np.append(self.by_name[name].head, 1.0)
        return float(x), float(y), float(z)

    @cached_property
    def rest_offsets(self) -> dict[str, np.ndarray]:
        """Bone -> its rest matrix (4, 4) in the axes of its parent at rest; for bones with a parent."""
        children = [bone for bone in self.bones if bone.parent in self.by_name]
        if not children:
            return {}
        parents = np.array([self.by_name[str(bone.parent)].matrix for bone in children], dtype=np.float64)
        own = np.array([bone.matrix for bone in children], dtype=np.float64)
        offsets = np.linalg.inv(parents) @ own  # all at once: a call takes long beside what it does
        return {bone.name: offset for bone, offset in zip(children, offsets, strict=True)}

    def measured(self, what: str, by: object, measure: Callable[[], Measure]) -> Measure:
        """What ``measure`` says, the same for each question ``what`` and bone map ``by``; asked once."""
        known = self._measured.get(what)
        if known is None or known[0] is not by:
            known = self._measured[what] = (by, measure())
        return cast("Measure", known[1])

    def ancestors(self, name: str) -> list[str]:
        """Parents of ``name`` from the nearest to the root."""
        return ancestors(self.by_name, name)

    def with_ancestors(self, names: Iterable[str]) -> list[str]:
        """``names`` and all their parents in the rig's order, the same in every run: parents before children."""
        needed = {above for name in names for above in (name, *self.ancestors(name))}
        return [bone.name for bone in self.bones if bone.name in needed]


def ancestors(by_name: dict[str, BoneRest], name: str) -> list[str]:
    """Parents of ``name`` from the nearest to the root."""
    found: list[str] = []
    parent = by_name[name].parent
    while parent is not None and parent in by_name:
        found.append(parent)
        parent = by_name[parent].parent
    return found


def with_plausible_tails(bones: list[BoneRest]) -> list[BoneRest]:
    """``bones`` with tails no farther from their heads than bones of a figure are long: some importers invent tails
    many times the figure's size away."""
    heads = np.array([bone.head for bone in bones], dtype=np.float64)
    rows = {bone.name: row for row, bone in enumerate(bones)}
    children = [(row, rows[bone.parent]) for row, bone in enumerate(bones) if bone.parent in rows]
    farthest = np.zeros(len(bones))
    if children:
        own, parents = np.array(children).T
        np.maximum.at(farthest, parents, np.linalg.norm(heads[own] - heads[parents], axis=-1))
    along = np.array([bone.tail for bone in bones], dtype=np.float64) - heads
    lengths = np.linalg.norm(along, axis=-1)
    limits = np.maximum(MAX_TAIL_RATIO * np.linalg.norm(np.ptp(heads, axis=0)), 1.5 * farthest)
    found = list(bones)
    for row in np.flatnonzero((lengths > limits) & (limits > 0)):
        tail = heads[row] + along[row] * (limits[row] / lengths[row])
        found[row] = replace(bones[row], tail=tuple(tail))
    return found
