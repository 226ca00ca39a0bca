# SPDX-License-Identifier: GPL-3.0-or-later
"""Latents on disk are those that the autoencoder gives, drawn with their captions, and made anew with another one."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from engine.models.build import build_vae
from training import vae
from training.loop.schedule import StageSchedule
from training.loop.trainer import _schedule
from training.recipes import PAPER_V2_RECIPE
from training.stage_parts.latent_cache import CachedLatents, latent_source
from training.stage_parts.latents import LARGEST, LatentSampler, channel_weights

from ..data.test_data import made_up_data  # noqa: F401
from ..test_stages import recipe, run  # noqa: F401

CPU = torch.device("cpu")


@pytest.fixture
def trained(run):  # noqa: F811
    vae.train(run)
    return run


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_draws_are_parts_of_whole_clips_latents(trained):
    run = trained  # noqa: F811
    source = latent_source(run, dataclasses.replace(run.recipe.mld, batch_size=32), CPU)
    assert isinstance(source, CachedLatents)
    one, two, other = (source.draw(generator(seed), 0, 0.5) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], two[name]) for name in one) and not torch.equal(one["text"], other["text"])
    mean, std = run.statistics
    whole = []
    for clip in (clip for clip in run.clips["train"] if not clip.carried):
        for offset in (0, 4):
            take = (clip.num_frames - offset) // 4 * 4
            features = ((torch.from_numpy(clip.crop(offset, take)) - mean) / std)[None]
            with torch.no_grad():
                mu = source.vae.encode(features, torch.ones(1, take, dtype=torch.bool))[0][0]
            whole.append(mu.clamp(-LARGEST, LARGEST))
    for latent, mask in zip(one["latent"], one["latent_mask"], strict=True):
        count = int(mask.sum())
        assert not latent[count:].any() and 2 <= count <= 5
        near = [(w.unfold(0, count, 1).transpose(1, 2) - latent[:count]).abs().amax((1, 2)).min() for w in whole if
                len(w) >= count]  # fmt: skip
        assert min(near) < 5e-3, "to float16"
    empty = (one["text"] == source.uncond).flatten(1).all(1).float().mean()
    assert 0.2 < empty < 0.8
    assert int(source.token_counts(one, "x")["x"]) == int(one["latent_mask"].sum())


def test_they_are_made_once_for_an_autoencoder(trained):
    run = trained  # noqa: F811
    first = CachedLatents(run, run.recipe.mld, CPU).draw(generator(), 0, 0.0)["latent"]
    path = run.folder / "latents" / "train.f16"
    stamp = path.stat().st_mtime_ns
    CachedLatents(run, run.recipe.mld, CPU)
    assert path.stat().st_mtime_ns == stamp
    state = torch.load(run.folder / "vae.pt", weights_only=True)
    for part in ("module", "ema"):
        state[part]["encoder_linear.weight"] *= 0.5
    torch.save(state, run.folder / "vae.pt")
    again = CachedLatents(run, run.recipe.mld, CPU).draw(generator(), 0, 0.0)["latent"]
    assert path.stat().st_mtime_ns != stamp and again.shape == first.shape and not torch.allclose(again, first)


def test_published_layouts_encode_what_they_draw(trained, monkeypatch):
    made = []
    monkeypatch.setattr(LatentSampler, "__init__", lambda self, *rest: made.append(rest))
    latent_source(dataclasses.replace(trained, recipe=PAPER_V2_RECIPE), PAPER_V2_RECIPE.mld, CPU)
    assert made


def test_numbers_count_by_what_they_change(recipe):  # noqa: F811
    network = build_vae(recipe.model)
    with torch.no_grad():
        network.decoder_linear.weight[:, 0] *= 10
    weights = channel_weights(network, 1.0)
    assert weights.mean() == pytest.approx(1.0, abs=1e-6) and weights[0] > 5 * weights[1:].max()
    ratio = channel_weights(network, 2.0)[0] / channel_weights(network, 2.0)[1]
    assert ratio == pytest.approx(float(weights[0] / weights[1]) ** 2, rel=1e-4)
    assert channel_weights(network, 0.0) is None


def test_a_flat_rate_goes_to_zero_in_the_last_third():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    stage = StageSchedule(steps=30, batch_size=1, learning_rate=1.0, warmup_steps=5, scheduler="flat_then_zero")
    scheduler, rates = _schedule(stage, optimizer), []
    for _ in range(30):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert rates[0] == 0 and min(rates[5:21]) > 0.999 and 0 < rates[-1] < 0.11
    assert scheduler.get_last_lr()[0] == 0


def test_an_encoder_frozen_as_it_began_is_its_linear_code(recipe):  # noqa: F811
    network = build_vae(recipe.model).eval()
    features, mask = torch.randn(2, 20, 263, generator=generator()), torch.ones(2, 20, dtype=torch.bool)
    with torch.no_grad():
        network.encoder_net.output.bias[:8] = 0.1
        before = [value.clone() for value in network.encode(features, mask)]
        network.encoder_net.requires_grad_(False)
        for value, expected in zip(network.encode(features, mask), before, strict=True):
            torch.testing.assert_close(value, expected)
        network.encoder_net.output.weight.normal_(generator=generator())
        assert not torch.allclose(network.encode(features, mask)[0], before[0])
