# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration survives JSON, and a wrong one is refused with a remedy."""

from __future__ import annotations

import dataclasses
import json

import pytest

from blender_addon.shared.errors import BadCheckpoint
from engine.models.config import PAPER_V1, PAPER_V2, ModelConfig, as_mld, text_only, vae_only

ALL = [PAPER_V1, PAPER_V2] + [f(c) for f in (text_only, as_mld, vae_only) for c in (PAPER_V1, PAPER_V2)]


@pytest.mark.parametrize("config", ALL, ids=lambda c: c.name)
def test_json_round_trip(config: ModelConfig) -> None:
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_entry_gets_a_suggestion() -> None:
    values = PAPER_V2.to_dict() | {"hiden_width": 128}
    with pytest.raises(BadCheckpoint) as caught:
        ModelConfig.from_dict(values)
    assert "'hidden_width'" in caught.value.hint


def test_a_missing_entry_is_named() -> None:
    values = PAPER_V2.to_dict()
    del values["normalize_before"]
    with pytest.raises(BadCheckpoint, match="normalize_before"):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "v3"},
        {"hidden_width": 250},
        {"num_layers": 8},
        {"latent_width": 32},
        {"num_latent_tokens": 0},
        {"token_layout": "patch"},
        {"guidance_width": None},
    ],
    ids=lambda c: next(iter(c)),
)
def test_contradictions_are_refused(changes: dict) -> None:
    with pytest.raises(BadCheckpoint):
        dataclasses.replace(PAPER_V1, **changes)


@pytest.mark.parametrize(
    "entry", [{"guidance_scales": 7}, {"num_heads": 0}, {"timesteps_map": {"two": [1]}}, {"hidden_width": "x"}]
)
def test_wrong_types_are_refused(entry: dict) -> None:
    with pytest.raises(BadCheckpoint):
        ModelConfig.from_dict(PAPER_V2.to_dict() | entry)


def test_guidance_follows_the_number_of_steps() -> None:
    assert [PAPER_V2.guidance_for(n) for n in (1, 2, 3, 4, 8)] == [8.0, 12.5, 12.5, 13.5, 13.5]
    assert PAPER_V1.guidance_for(4) == 7.5


def test_number_of_tokens() -> None:
    patch = dataclasses.replace(PAPER_V2, token_layout="patch", patch_size=8, num_latent_tokens=0)
    assert [patch.num_tokens(n) for n in (1, 8, 9, 196)] == [1, 1, 2, 25]
    assert PAPER_V2.num_tokens(100) == 16


def test_only_a_diffusion_model_that_lists_its_times_refines_between_steps() -> None:
    patch = dataclasses.replace(PAPER_V2, token_layout="patch", patch_size=8, num_latent_tokens=0)
    listed = dataclasses.replace(as_mld(patch), timesteps_map={4: (999, 749, 499, 249)}, refining_steps=1)
    assert listed.takes_hints and as_mld(listed).refining_steps == 0
    for wrong in (patch, as_mld(patch), as_mld(PAPER_V2)):
        with pytest.raises(BadCheckpoint, match="refines between its steps"):
            dataclasses.replace(wrong, refining_steps=1)
