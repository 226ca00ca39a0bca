# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that are faster than anybody was captured."""

import numpy as np

from engine.library.pace import pace_notice
from engine.library.route import Route, Way

from .made import SPEED, library, line, scores


def notice(speed: float) -> str:
    places = np.insert(line(speed), 1, 0.0, axis=-1)
    return pace_notice(library(), scores(1, 1, 1, 0).matching, Way.of(Route(places, np.ones(len(places), bool)), None))


def test_only_what_is_much_faster_is_said():
    assert notice(SPEED) == notice(0.5 * SPEED) == ""
    assert "1.8 m/s" in notice(2 * SPEED) and "0.9 m/s" in notice(2 * SPEED)
