# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the published sizes, made from the published lists of names and shapes: loaded, compared, sampled from."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.checkpoints.folder import load_published
from engine.models.config import PAPER_V1, PAPER_V2, ModelConfig, as_mld, text_only, vae_only
from engine.sampling import sample

EVALUATORS = ("t2m_textencoder.", "t2m_moveencoder.", "t2m_motionencoder.")


@pytest.fixture(scope="module")
def listed(shared_dir: Path) -> Callable[[str], dict[str, tuple[int, ...]]]:
    """Names and shapes of a published control checkpoint, 'v1' or 'v2'."""

    def read(variant: str) -> dict[str, tuple[int, ...]]:
        lines = (shared_dir / "design" / f"state_dict_{variant}.txt").read_text().splitlines()
        rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
        return {name: tuple(ast.literal_eval(shape)) for name, shape, _ in rows}

    return read


def published(shapes: dict[str, tuple[int, ...]], config: ModelConfig) -> dict[str, Tensor]:
    """Small random tensors for the part of ``shapes`` that a checkpoint of this kind holds."""
    generator = torch.Generator().manual_seed(0)
    dropped = []
    if not config.has_control:
        dropped += ["controlnet.", "traj_encoder."]
    if not config.has_denoiser:
        dropped += ["denoiser."]
    if config.guidance_width is None:
        dropped += ["denoiser.time_embedding.cond_proj.", "controlnet.time_embedding.cond_proj."]
    return {
        name: 0.02 * torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
        if not name.startswith(tuple(dropped))
    }


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        (PAPER_V2, 749),
        (text_only(PAPER_V2), 473),
        (text_only(as_mld(PAPER_V2)), 472),
        (vae_only(PAPER_V2), 343),
        (PAPER_V1, 735),
        (text_only(PAPER_V1), 465),
        (text_only(as_mld(PAPER_V1)), 464),
        (as_mld(PAPER_V2), 747),
    ],
    ids=lambda value: value.name if isinstance(value, ModelConfig) else "",
)
def test_published_checkpoint(
    listed: Callable[[str], dict[str, tuple[int, ...]]], tmp_path: Path, config: ModelConfig, tensors: int
) -> None:
    state = published(listed(config.variant), config)
    assert len(state) == tensors
    path = tmp_path / f"{config.name}.ckpt"
    torch.save({"state_dict": state}, path)
    networks = load_published(path)
    path.unlink()

    assert networks.config == config
    loaded = networks.state_dict()
    assert loaded.keys() == {name for name in state if not name.startswith(EVALUATORS)}
    assert all(torch.equal(loaded[name], state[name]) for name in loaded)

    mask = torch.arange(60) < torch.tensor([[60], [44]])
    with torch.no_grad():
        features = torch.randn(2, 60, 263, generator=torch.Generator().manual_seed(1))
        mu, logvar = networks.vae.encode(features, mask)
        latent = mu
        assert mu.shape == logvar.shape == (2, config.num_latent_tokens, config.latent_width)
        if config.has_denoiser:
            latent = run(networks, mask)
        decoded = networks.decode(latent, mask)
    assert decoded.shape == (2, 60, 263)
    assert decoded.isfinite().all()
    assert not decoded[~mask].any()


def run(networks: object, mask: Tensor) -> Tensor:
    """A short sample, with a hint on the pelvis where the model takes controls."""
    config = networks.config
    text = torch.randn(2, 1, 768, generator=torch.Generator().manual_seed(2))
    control = None
    if config.has_control:
        hint_mask = torch.zeros(2, 60, 22, dtype=torch.bool)
        hint_mask[:, ::7, 0] = mask[:, ::7]
        control = networks.trajectory_encoder(torch.randn(2, 60, 22, 3), hint_mask)
        assert control.shape == (2, config.num_latent_tokens, config.latent_width)
    steps = 2 if config.kind == "lcm" else 3
    uncond = torch.zeros(1, 1, 768) if config.kind == "mld" else None
    latents = list(
        sample(networks, text, num_inference_steps=steps, control_embedding=control, uncond_embedding=uncond)
    )
    assert len(latents) == steps
    return latents[-1]
