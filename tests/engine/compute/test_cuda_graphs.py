# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded calls give what the calls give. Where there is no card, a recorder with the rules of one stands in: inputs
and answers in fixed places, which the next replay overwrites.
"""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from engine.checkpoints.folder import Networks
from engine.compute import cuda_graphs as module
from engine.compute.cuda_graphs import Call, GraphCache, Inputs, Replay, record_on_card
from engine.sampling import sample

from ..conftest import TINY_V2, tiny_networks
from ..models.test_models import PATCH

CONFIGS = [TINY_V2, PATCH]


class FixedPlaces:
    """Records as a card does, and counts."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, call: Call, inputs: Inputs) -> Replay:
        self.recorded += 1
        held = [None if x is None else x.clone() for x in inputs]
        place = call(*held)

        def replay(given: Inputs) -> Tensor:
            self.replayed += 1
            for own, new in zip(held, given, strict=True):
                if own is not None and new is not None:
                    own.copy_(new)
            return place.copy_(call(*held)).clone()

        return replay


def motion(networks: Networks, seed: int, led: bool, frames: int = 24) -> Tensor:
    """Decoded features of one request in two steps."""
    config, drawn = networks.config, torch.Generator().manual_seed(seed)
    tokens = config.num_tokens(frames)
    text = torch.randn(1, 1, config.text_width, generator=drawn)
    control = torch.randn(1, tokens, config.control_input_width, generator=drawn) if led else None
    *_, latent = sample(
        networks,
        text,
        num_inference_steps=2,
        control_embedding=control,
        uncond_embedding=text + 1,
        num_tokens=tokens,
        generator=drawn,
    )
    with torch.no_grad():
        return networks.decode(latent, torch.ones(1, frames, dtype=torch.bool))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_replayed_motions_are_those_that_calls_make(config) -> None:
    networks, recorder = tiny_networks(config), FixedPlaces()
    asked = [(seed, led, frames) for frames in (24, 32) for led in (True, False) for seed in range(3)]
    plain = [motion(networks, *each) for each in asked]
    networks.graph_cache = GraphCache(recorder)
    again = [motion(networks, *each) for each in asked]
    for one, other in zip(plain, again, strict=True):  # all at the end: no answer lies where a later one is written
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert recorder.replayed > recorder.recorded > 2


def test_gradients_are_never_recorded() -> None:
    networks, recorder = tiny_networks(TINY_V2), FixedPlaces()
    networks.graph_cache = GraphCache(recorder)
    for _ in range(3):
        latent = torch.randn(1, TINY_V2.num_latent_tokens, TINY_V2.latent_width, requires_grad=True)
        *_, out = sample(networks, torch.zeros(1, 1, TINY_V2.text_width), num_inference_steps=1, latent=latent)
        networks.decode(out, torch.ones(1, 24, dtype=torch.bool)).sum().backward()
        assert latent.grad is not None and latent.grad.abs().max() > 0
    assert recorder.recorded == 0


@torch.no_grad()
def test_old_shapes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDINGS", 4)
    recorder = FixedPlaces()
    cache = GraphCache(recorder)
    for size in (1, 2, 3, 4, 5, 6):
        for _ in range(3):
            assert torch.equal(cache("double", lambda x: 2 * x, torch.ones(size)), torch.full((size,), 2.0))
    assert len(cache._known) == 4 and recorder.recorded == 6


def _refuses(call: Call, inputs: Inputs) -> Replay:
    raise RuntimeError("operation not permitted when stream is capturing")


def _is_wrong(call: Call, inputs: Inputs) -> Replay:
    answer = call(*inputs)
    return lambda given: answer + 1


def _is_not_a_number(call: Call, inputs: Inputs) -> Replay:
    answer = call(*inputs)
    return lambda given: answer * float("nan")


@torch.no_grad()
@pytest.mark.parametrize("record", [_refuses, _is_wrong, _is_not_a_number])
def test_a_recording_that_fails_or_is_wrong_is_told_of_once_and_not_used(
    record, caplog: pytest.LogCaptureFixture
) -> None:
    cache = GraphCache(record)
    with caplog.at_level(logging.WARNING):
        for value in range(5):
            x = torch.full((3,), float(value))
            assert torch.equal(cache("double", lambda x: 2 * x, x), 2 * x)
            assert torch.equal(cache("triple", lambda x: 3 * x, x), 3 * x)
    assert not cache.works and len(caplog.records) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@torch.no_grad()
def test_on_a_card(config) -> None:
    networks = tiny_networks(config).to("cuda").freeze()
    cache, frames = GraphCache(record_on_card), 24
    for seed in range(4):
        latent = torch.randn(1, config.num_tokens(frames), config.latent_width, device="cuda") + seed
        mask = torch.ones(1, frames, dtype=torch.bool, device="cuda")
        made = cache("decode", networks.vae.decode, latent, mask)
        torch.testing.assert_close(made, networks.vae.decode(latent, mask), rtol=1e-4, atol=1e-4)
    assert cache.works
