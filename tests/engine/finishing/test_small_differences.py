# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions that differ by a hair are finished alike: no choice of steps, borders or solver flips by centimetres."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared.protocol import Generate, PromptBlock
from engine.finishing.finish import finish
from engine.validate import order_of

from ..helpers.walking import FRAMES, stepping

HAIR_M = 1e-5


def finished(joints: np.ndarray) -> np.ndarray:
    hint, mask = np.zeros((FRAMES, 22, 3), np.float32), np.zeros((FRAMES, 22), bool)
    hint[:, 0], mask[:, 0] = stepping()[:, 0], True
    request = Generate("x", (PromptBlock("a person walks", 0, FRAMES),), FRAMES, hint, mask)
    work = finish(order_of(request), joints, np.zeros((FRAMES, 4)))
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value[0]


@pytest.mark.parametrize("period", [16, 20, 26])
def test_a_hair_more_or_less_moves_nothing_by_centimetres(period: int) -> None:
    random = np.random.default_rng(0)
    joints = stepping(period)
    joints = joints + 1e-3 * random.normal(size=joints.shape)  # not as even as by rule
    usual = finished(joints)
    off = [np.abs(finished(joints + HAIR_M * random.normal(size=joints.shape)) - usual).max() for _ in range(6)]
    assert np.median(off) < 2e-3 and max(off) < 1e-2
