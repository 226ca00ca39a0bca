# SPDX-License-Identifier: GPL-3.0-or-later
"""The few diagonals are those of the matrix that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from engine.finishing.second_differences import apply_transposed, gram_band


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 40])
def test_they_are_those_of_second_differences(frames: int) -> None:
    differences = np.diff(np.eye(frames), n=2, axis=0) if frames > 2 else np.zeros((0, frames))
    whole, band = differences.T @ differences, gram_band(frames)
    for away in range(min(3, frames)):
        np.testing.assert_allclose(band[away, : frames - away], np.diagonal(whole, -away))
    if frames > 2:
        values = np.random.default_rng(frames).normal(size=(frames - 2, 2, 3))
        expected = np.einsum("bt,bij->tij", differences, values)
        np.testing.assert_allclose(apply_transposed(values), expected, atol=1e-12)
