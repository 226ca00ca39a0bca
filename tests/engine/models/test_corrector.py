# SPDX-License-Identifier: GPL-3.0-or-later
"""The corrector: what it is told in closed forms, that it starts by changing nothing, that it mends when trained."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from blender_addon.shared.errors import BadCheckpoint
from blender_addon.shared.features import features_to_joints
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.checkpoints.folder import EMBEDDED, load_default
from engine.checkpoints.networks import build_networks
from engine.models.config import PAPER_V2
from engine.models.corrector import NUM_MISS_FEATURES, Corrector, miss_features
from engine.sampling.correct import correct, correction

from ..helpers.random_model import CONFIG as TINY

PELVIS, WRIST = SKELETON.index("pelvis"), SKELETON.index("left_wrist")
CONFIG = dataclasses.replace(TINY, patch_size=8, latent_width=16, corrector_passes=2, corrector_width=32)


def told(frames, keys, turn=0.0):
    """miss_features of ``keys``: (frame, joint) -> miss, for one motion whose heading is ``turn`` about +Y."""
    missing, mask = torch.zeros(1, frames, 22, 3), torch.zeros(1, frames, 22, dtype=torch.bool)
    for (frame, joint), miss in keys.items():
        missing[0, frame, joint], mask[0, frame, joint] = torch.tensor(miss), True
    to_heading = torch.tensor([math.cos(turn / 2), 0.0, math.sin(turn / 2), 0.0]).expand(1, frames, 4)
    return miss_features(missing, mask, to_heading)[0]


def test_a_miss_runs_from_the_start_to_its_key_and_stays():
    seen = told(21, {(10, PELVIS): (0.2, 0.0, 0.4)})
    assert seen.shape == (21, 22, NUM_MISS_FEATURES)
    torch.testing.assert_close(seen[5, PELVIS, :3] / 5, torch.tensor([0.1, 0.0, 0.2]))
    torch.testing.assert_close(seen[15, PELVIS, :3] / 5, torch.tensor([0.2, 0.0, 0.4]))
    torch.testing.assert_close(seen[5, PELVIS, 3:6] / 2, torch.tensor([0.02, 0.0, 0.04]) * FPS)
    assert seen[15, PELVIS, 3:6].abs().max() == 0
    assert seen[:, PELVIS, 9].nonzero().flatten().tolist() == [10]
    assert seen[:, [j for j in range(22) if j != PELVIS]].abs().max() == 0


def test_it_is_seen_from_the_body():
    """A miss to the world's +X is a miss ahead for who walks that way."""
    ahead = told(5, {(4, PELVIS): (1.0, 0.0, 0.0)}, turn=-math.pi / 2)[4, PELVIS, :3] / 5
    torch.testing.assert_close(ahead, torch.tensor([0.0, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_other_joints_are_also_seen_beside_the_pelvis():
    keys = {(4, PELVIS): (0.1, 0.0, 0.0), (4, WRIST): (0.3, 0.0, 0.0)}
    torch.testing.assert_close(told(5, keys)[4, WRIST, 6:9] / 5, torch.tensor([0.2, 0.0, 0.0]))


def test_untrained_it_changes_nothing_and_padding_never_changes():
    torch.manual_seed(0)
    corrector = Corrector(CONFIG)
    latent, misses = torch.randn(2, 5, CONFIG.latent_width), torch.randn(2, 37, 22, NUM_MISS_FEATURES)
    assert corrector(latent, misses).abs().max() == 0
    torch.nn.init.normal_(corrector.output.weight)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    change = corrector(latent, misses, mask)
    assert change[1, 3:].abs().max() == 0 and change[0].abs().max() > 0
    other = misses.clone()
    other[1, 24:] += 1  # beyond the real tokens
    torch.testing.assert_close(corrector(latent, other, mask)[1], change[1])


def test_a_few_steps_of_training_bring_a_motion_nearer():
    torch.manual_seed(1)
    networks = build_networks(CONFIG).eval()
    assert networks.corrector is not None
    latent, mask = torch.randn(4, 4, CONFIG.latent_width), torch.ones(4, 32, dtype=torch.bool)
    hint, asked = torch.zeros(4, 32, 22, 3), torch.zeros(4, 32, 22, 3, dtype=torch.bool)
    hint[:, :, PELVIS, 2] = torch.arange(32) / 32
    asked[:, :, PELVIS] = True

    def miss():
        vectors = networks.decode(latent, mask)
        change = correction(networks.corrector, latent, vectors.detach(), mask, hint, asked)

        joints = features_to_joints(networks.decode(latent + change, mask))
        return (joints - hint)[:, :, PELVIS].norm(dim=-1).mean()

    optimizer = torch.optim.AdamW(networks.corrector.parameters(), lr=3e-3)
    first = miss().item()
    for _ in range(40):
        optimizer.zero_grad()
        loss = miss()
        loss.backward()
        optimizer.step()
    assert miss().item() < 0.5 * first


def test_without_corrector_a_latent_is_left_alone():
    networks = build_networks(dataclasses.replace(CONFIG, corrector_passes=0)).eval()
    latent, mask = torch.randn(1, 4, CONFIG.latent_width), torch.ones(1, 32, dtype=torch.bool)
    hint, asked = torch.zeros(1, 32, 22, 3), torch.ones(1, 32, 22, 3, dtype=torch.bool)
    assert networks.corrector is None and correct(networks, latent, mask, hint, asked) is latent


def test_only_the_patch_layout_has_one():
    with pytest.raises(BadCheckpoint, match="patch"):
        dataclasses.replace(PAPER_V2, corrector_passes=1)


@pytest.mark.skipif(not (EMBEDDED / "model.safetensors").is_file(), reason="needs the embedded weights")
def test_the_embedded_corrector_brings_an_answer_nearer():
    networks = load_default()
    if networks.corrector is None:
        pytest.skip("the embedded model has none")
    generator = torch.Generator().manual_seed(3)
    latent = 0.5 * torch.randn(1, 12, networks.config.latent_width, generator=generator)
    other = latent + 0.2 * torch.randn(latent.shape, generator=generator)
    mask = torch.ones(1, 96, dtype=torch.bool)
    statistics = networks.statistics
    assert statistics is not None
    mean, std = torch.from_numpy(statistics.feature_mean), torch.from_numpy(statistics.feature_std)

    def joints(z):
        with torch.no_grad():
            return features_to_joints(networks.decode(z, mask) * std + mean)

    asked = torch.zeros(1, 96, 22, 3, dtype=torch.bool)
    asked[:, :, PELVIS] = True
    hint = joints(other)
    corrected = correct(networks, latent, mask, hint, asked)
    before, after = ((joints(z) - hint)[:, :, PELVIS].norm(dim=-1).mean() for z in (latent, corrected))
    assert after < 0.5 * before
