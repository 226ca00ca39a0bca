# SPDX-License-Identifier: GPL-3.0-or-later
"""How many steps a second clips take, and at what tempo they are played to go faster or slower."""

import numpy as np

from blender_addon.shared.skeleton import FPS
from engine.library.cadence import misstep, steps_of, tempo_for, usual_cadence


def test_steps_and_speed_are_told_of_each_clip_by_itself() -> None:
    frames = np.arange(60)
    two_a_second = 0.3 * np.sin(np.pi * 2.0 * frames / FPS)
    stands = np.zeros(60)
    way = np.concatenate([frames * 1.2 / FPS, np.full(60, 4.0)])
    cadence, speed = steps_of(np.concatenate([two_a_second, stands]), way, np.array([0, 60]), np.array([59, 119]))
    assert abs(cadence[0] - 2.0) < 0.05 and abs(speed[0] - 1.2) < 0.01
    assert np.isnan(cadence[1]) and np.isnan(speed[1])


def test_a_quick_runner_takes_shorter_steps_to_go_slower_and_a_slow_one_quicker_steps_to_go_faster() -> None:
    speed = np.array([3.3])
    assert tempo_for(0.87, speed, np.array([2.5])) == 1.0  # few steps as it is
    assert tempo_for(1.15, speed, np.array([2.5])) == 1.15
    assert tempo_for(0.87, speed, np.array([3.6])) == 0.87
    assert tempo_for(0.87, speed, np.array([np.nan])) == 0.87


def test_a_usual_walker_does_some_of_both() -> None:
    speed = np.array([1.2])
    tempo = tempo_for(0.87, speed, usual_cadence(speed))
    assert 0.88 < tempo < 0.99
    assert misstep(0.87 * speed, tempo * usual_cadence(speed)) < 1e-9


def test_unusual_steps_cost_up_to_a_limit_and_unseen_ones_half_of_it() -> None:
    far, farther, unseen = misstep(np.full(3, 1.0), np.array([3.0, 9.0, np.nan]))
    assert far == farther == 2 * unseen > 0
