# SPDX-License-Identifier: GPL-3.0-or-later
"""An order as on a level floor, and the ground under hips that are drawn off it."""

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.ground import ground_along, heights_at
from blender_addon.shared.protocol import Generate, Ground, Obstacle, PromptBlock
from engine.control.ground import drawn_ground, on_level
from engine.motion_order import MotionOrder
from engine.validate import order_of

FRAMES = 81
PATH = np.stack([np.zeros(FRAMES), np.linspace(0, 4, FRAMES)], -1)
RAMP = 0.3 * PATH[:, 1]


def order(ground: Ground | None, hips: np.ndarray, free_height: bool = False) -> MotionOrder:
    hint, mask = np.zeros((FRAMES, 22, 3), np.float32), np.zeros((FRAMES, 22), bool)
    hint[:, 0], mask[:, 0] = np.stack([PATH[:, 0], hips, PATH[:, 1]], -1), True
    hint[40, 20], mask[40, 20] = (0.3, RAMP[40] + 1.2, PATH[40, 1]), True
    box = Obstacle("box", (0.0, RAMP[60] + 0.5, float(PATH[60, 1])), (0.2, 0.5, 0.2))
    block = PromptBlock("a person walks", 0, FRAMES)
    asked = Generate("r", (block,), FRAMES, hint, mask, free_height=free_height, obstacles=(box,), ground=ground)
    return order_of(asked)


def test_an_order_on_a_ramp_is_one_on_the_level_as_high_over_it() -> None:
    level = on_level(order(ground_along(PATH, RAMP), RAMP + 0.93, free_height=True))
    assert level.ground is None
    np.testing.assert_allclose(level.signal.hint[:, 0, 1], 0.93, atol=0.02)
    np.testing.assert_allclose(level.signal.hint[40, 20], (0.3, 1.2, PATH[40, 1]), atol=0.02)
    assert abs(level.obstacles[0].centre[1] - 0.5) < 0.02
    assert not level.signal.hint[~level.signal.hint_mask].any()


def test_without_a_ground_nothing_changes() -> None:
    plain = order(None, np.full(FRAMES, 0.93))
    assert plain.ground is None and on_level(plain) is plain


def test_hips_that_climb_have_a_ground_and_those_that_jump_or_sit_have_none() -> None:
    def ground(hips: np.ndarray) -> Ground | None:
        signal = order(None, hips).signal
        return drawn_ground(
            ControlSignal(signal.hint, signal.hint_mask), np.zeros((FRAMES, 22, 3)), np.zeros(FRAMES, bool)
        )

    found = ground(0.95 + RAMP)
    assert found is not None
    assert abs(heights_at(found, np.array([60]), PATH[60][None, None])[0, 0] - RAMP[60]) < 0.05
    assert ground(0.93 - 0.4 * PATH[:, 1]) is not None
    frames = np.arange(FRAMES)
    assert ground(0.93 + 0.5 * np.exp(-(((frames - 40) / 4) ** 2))) is None
    assert ground(np.where(frames < 40, 0.93, 0.5)) is None
