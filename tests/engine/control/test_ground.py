# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground along a path, read at the places of feet."""

import numpy as np

from engine.control.ground import footing_at

FRAMES = 60


def test_a_foot_that_stands_keeps_its_ground_while_the_body_goes_on():
    pelvis = np.stack([np.zeros(FRAMES), 0.05 * np.arange(FRAMES)], -1)
    ground = 0.2 * pelvis[:, 1]
    foot = np.broadcast_to([0.1, 1.5], (FRAMES, 1, 2))
    np.testing.assert_allclose(footing_at(pelvis, ground, foot)[:, 0], 0.3, atol=1e-6)
    np.testing.assert_allclose(footing_at(pelvis, ground, pelvis[:, None])[:, 0], ground, atol=1e-6)


def test_where_the_pelvis_stands_all_places_are_on_its_ground():
    pelvis, places = np.zeros((FRAMES, 2)), np.random.default_rng(0).normal(size=(FRAMES, 4, 2))
    ground = np.linspace(0.2, 0.4, FRAMES)
    assert np.ptp(footing_at(pelvis, ground, places), axis=0).max() < 1e-9
    assert footing_at(pelvis[:1], ground[:1], places[:1]).tolist() == [[0.2] * 4]
