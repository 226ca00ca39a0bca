# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps between patches go; what moves evenly, and all that is no pose, stays."""

from __future__ import annotations

import pytest
import torch

from engine.models.patch_blending import POSE, smooth_seams

PATCH, PATCHES, FEATURES = 8, 4, 263


def patches_of(line: torch.Tensor) -> torch.Tensor:
    """Patches (1, N, P, F) in which every feature follows ``line`` (T,)."""
    return line.reshape(1, PATCHES, PATCH, 1).repeat(1, 1, 1, FEATURES)


def smoothed(patches: torch.Tensor, frames: int = PATCH * PATCHES) -> torch.Tensor:
    """One feature of the pose over time, (T,)."""
    mask = torch.ones(1, frames, dtype=torch.bool)
    return smooth_seams(patches, mask)[0, :, :, POSE.start].flatten()[:frames]


def test_an_even_motion_is_left_alone() -> None:
    line = 0.3 * torch.arange(PATCH * PATCHES)
    assert torch.allclose(smoothed(patches_of(line)), line, atol=1e-5)


def test_a_step_is_spread_and_nothing_else_is_touched() -> None:
    line = torch.arange(PATCH * PATCHES) // PATCH * 1.0
    out = smooth_seams(patches_of(line), torch.ones(1, PATCH * PATCHES, dtype=torch.bool))[0].flatten(0, 1)
    assert float(out[:, POSE].diff(dim=0).abs().max()) < 0.5 < float(line.diff().max())
    others = torch.cat([out[:, : POSE.start], out[:, POSE.stop :]], 1)
    assert torch.equal(others, line[:, None].expand_as(others))
    assert not out[:4, POSE].any(), "frames far from a border move"


@pytest.mark.parametrize("frames", [8, 9, 10, 17, 25, 31])
def test_frames_beyond_the_end_do_not_count(frames: int) -> None:
    """What stands behind the last real frame changes nothing before it."""
    line = torch.randn(PATCH * PATCHES, generator=torch.Generator().manual_seed(frames))
    other = torch.where(torch.arange(len(line)) < frames, line, 99.0)
    tokens = -(-frames // PATCH)
    one, two = (smoothed(patches_of(each)[:, :tokens], frames) for each in (line, other))
    assert torch.equal(one, two)


def test_a_single_patch_has_no_border() -> None:
    patches = torch.randn(2, 1, PATCH, FEATURES)
    assert torch.equal(smooth_seams(patches, torch.ones(2, PATCH, dtype=torch.bool)), patches)
