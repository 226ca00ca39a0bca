# SPDX-License-Identifier: GPL-3.0-or-later
"""What a take was made of survives its way through bytes, and an older or a damaged record is not taken for sound."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pytest

from blender_addon.shared.errors import BadFile
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.takes import packing as record


@dataclass(frozen=True, eq=False)
class Leaf:
    points: np.ndarray
    label: str
    place: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Tree:
    leaves: tuple[Leaf, ...]
    names: dict[str, str]
    heading: float | None = None
    added_later: int = 5


@dataclass(frozen=True, eq=False)
class OldTree:
    leaves: tuple[Leaf, ...]
    names: dict[str, str]
    dropped_since: str = "gone"


def tree(points: np.ndarray) -> Tree:
    return Tree((Leaf(points, "a"), Leaf(points[:1], "b", (2.0, 3.0))), {"pelvis": "Hips"}, 0.5, 7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, bool])
@pytest.mark.parametrize("length", [3, 100_000])
def test_there_and_back(dtype: type, length: int) -> None:
    points = np.arange(length * 3).reshape(-1, 3).astype(dtype)
    back = record.unpack(Tree, record.pack(tree(points)))
    assert back.names == {"pelvis": "Hips"} and back.heading == 0.5 and back.added_later == 7
    assert back.leaves[1].place == (2.0, 3.0) and back.leaves[0].points.dtype == dtype
    assert np.array_equal(back.leaves[0].points, points) and back.leaves[0].points.flags.writeable


def test_an_older_record_takes_defaults_and_forgets_what_was_dropped() -> None:
    old = OldTree((Leaf(np.zeros((1, 3)), "a"),), {})
    assert record.unpack(Tree, record.pack(old)).added_later == 5


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-3], lambda data: b"\x81" + data])
def test_damage_is_said(damage) -> None:
    with pytest.raises(BadFile, match="Restore"):
        record.unpack(Tree, damage(record.pack(tree(np.zeros((4, 3))))))


def test_a_request_is_the_same_request() -> None:
    hint, mask = np.random.default_rng(0).normal(size=(9, 22, 3)).astype(np.float32), np.zeros((9, 22), bool)
    order = Generate("a", (PromptBlock("a person walks", 0, 9),), 9, hint, mask, seed=3, guidance_scale=None)
    back = record.unpack(Generate, record.pack(order))
    for field in fields(Generate):
        assert np.array_equal(getattr(back, field.name), getattr(order, field.name)), field.name
