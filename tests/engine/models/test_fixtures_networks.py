# SPDX-License-Identifier: GPL-3.0-or-later
"""Every network against the published system's numbers, 1e-5 absolute in float32 (reduced size, random weights)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine.checkpoints.folder import Networks
from engine.models.denoiser import timestep_embedding
from engine.sampling.scheduler import guidance_embedding

from ..conftest import Fixture

Read = Callable[[str], Fixture]


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(actual, expected, rtol=0.0, atol=tolerance)


@pytest.fixture(scope="module")
def nets(reference: Read) -> Fixture:
    return reference("v1_control_t_nets")


@torch.no_grad()
def test_vae_encodes(reference: Read, reference_networks: Networks) -> None:
    f = reference("v1_vae")
    mu, logvar = reference_networks.vae.encode(f["motion"], f["mask"])
    close(mu, f["mu"].transpose(0, 1))
    close((logvar / 2).exp(), f["std"].transpose(0, 1))
    close(mu + (logvar / 2).exp() * f["eps"].transpose(0, 1), f["z"])


@torch.no_grad()
def test_vae_decodes(reference: Read, reference_networks: Networks) -> None:
    f, vae = reference("v1_vae"), reference_networks.vae
    close(vae.decode(f["z"], f["mask"]), f["feats_z"])
    close(vae.decode(f["mu"].transpose(0, 1), f["mask"]), f["feats_mu"])
    close(vae.decode(f["z1"], torch.ones(1, f["feats1"].shape[1], dtype=torch.bool)), f["feats1"])


@torch.no_grad()
def test_embeddings(nets: Fixture, reference_networks: Networks) -> None:
    denoiser = reference_networks.denoiser
    assert denoiser is not None
    guidance = guidance_embedding(nets["w"], 32)
    close(timestep_embedding(nets["t_vector"], 64), nets["time_proj"])
    close(guidance, nets["w_embedding"])
    close(denoiser.time_embedding(nets["t_vector"], None), nets["time_emb"])
    close(denoiser.time_embedding(nets["t_vector"], guidance), nets["time_emb_w"])
    close(denoiser.emb_proj(nets["text_emb"]), nets["text_proj"])


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "time", "guided", "residuals"),
    [
        ("out_scalar_t", "t_scalar", False, None),
        ("out_vector_t", "t_vector", False, None),
        ("out_rand_residuals", "t_vector", False, "rand_residuals"),
        ("out_w", "t_vector", True, None),
        ("out_w_rand_residuals", "t_vector", True, "rand_residuals"),
        ("out_w_controlnet", "t_vector", True, "controlnet_residuals"),
    ],
)
def test_denoiser(
    nets: Fixture, reference_networks: Networks, name: str, time: str, guided: bool, residuals: str | None
) -> None:
    denoiser = reference_networks.denoiser
    assert denoiser is not None
    added = None if residuals is None else [r.transpose(0, 1) for r in nets[residuals]]
    guidance = nets["w_embedding"] if guided else None
    close(denoiser(nets["sample"], nets[time], nets["text_emb"], guidance, added), nets[name])


@torch.no_grad()
def test_trajectory_encoder(nets: Fixture, reference_networks: Networks) -> None:
    encoder, mask = reference_networks.trajectory_encoder, nets["hint_mask"].any(dim=-1)
    assert encoder is not None
    assert torch.equal(mask.any(dim=-1), nets["traj_mask"])
    close(encoder(nets["hint"], mask), nets["traj_cond"])
    close(encoder(torch.zeros_like(nets["hint"]), torch.zeros_like(mask)), nets["traj_cond_empty"])


@torch.no_grad()
def test_controlnet(nets: Fixture, reference_networks: Networks) -> None:
    controlnet = reference_networks.controlnet
    assert controlnet is not None
    close(controlnet.controlnet_cond_embedding(nets["traj_cond"]), nets["cond_embedding"])
    residuals = controlnet(nets["sample"], nets["t_vector"], nets["text_emb"], nets["w_embedding"], nets["traj_cond"])
    close(torch.stack(residuals).transpose(1, 2), nets["controlnet_residuals"])
