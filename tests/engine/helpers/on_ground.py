# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground that is not level, and a figure that was brought onto it."""

from __future__ import annotations

import dataclasses

import numpy as np

from blender_addon.shared.ground import ground_along
from blender_addon.shared.protocol import Generate, Ground, PromptBlock
from engine.finishing.finish import finish
from engine.validate import order_of

from .walking import FRAMES, stepping


def ground(kind: str) -> Ground:
    z = np.linspace(-2, 7, 901)
    heights = {
        "stairs up": 0.17 * np.clip(np.floor((z - 1) / 0.35) + 1, 0, 8),
        "stairs down": -0.17 * np.clip(np.floor((z - 1) / 0.35) + 1, 0, 8),
        "ramp": 0.27 * np.clip(z - 1, 0, 2),
        "bump": 0.14 * np.exp(-(((z - 2) / 0.3) ** 2)),
        "balcony": np.full(901, 3.0),
    }[kind]
    found = ground_along(np.stack([0 * z, z], -1), heights)
    assert found is not None
    return (
        dataclasses.replace(found, patches=(dataclasses.replace(found.patches[0], num_frames=FRAMES),))
        if len(found.patches) == 1
        else found
    )


def finished(
    on: Ground | None, frozen: np.ndarray | None = None, joints: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    made = stepping() if joints is None else joints
    block = PromptBlock("a person walks", 0, FRAMES)
    nothing = np.zeros((FRAMES, 22, 3), np.float32)
    order = order_of(Generate("r", (block,), FRAMES, nothing, np.zeros((FRAMES, 22), bool), ground=on))
    work = finish(order, made, np.zeros((FRAMES, 4)), () if frozen is None else (40,), frozen)
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value
