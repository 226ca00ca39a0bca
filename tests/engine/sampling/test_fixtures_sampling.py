# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules and whole sampling runs against the published system's numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from blender_addon.shared.features import features_to_joints
from engine.checkpoints.folder import Networks
from engine.models.config import PAPER_V1, PAPER_V2
from engine.models.denoiser import timestep_embedding
from engine.sampling import sample, scheduler

from ..conftest import Fixture

Read = Callable[[str], Fixture]


def close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(actual, expected, rtol=0.0, atol=tolerance)


@pytest.fixture(scope="module")
def tables(reference: Read) -> Fixture:
    return reference("schedulers")


def test_tables(tables: Fixture) -> None:
    assert torch.equal(scheduler.alphas_cumprod(), tables["alphas_cumprod"])
    c_skip, c_out = scheduler.boundary_scalings(torch.arange(1000))
    close(c_skip, tables["c_skip"], 1e-6)
    close(c_out, tables["c_out"], 1e-6)


def test_time_steps(tables: Fixture) -> None:
    configs = {
        "v2_lcm": PAPER_V2,
        "v1_lcm": PAPER_V1,
        "v2_plain_lcm": dataclasses.replace(PAPER_V2, timesteps_map=None),
    }
    for name, expected in tables.items():
        family, _, count = name.rpartition("_timesteps_")
        if family in configs:
            assert list(scheduler.lcm_timesteps(configs[family], int(count))) == expected.tolist(), name
        elif family == "ddim":
            assert scheduler.ddim_scheduler(int(count)).timesteps.tolist() == expected.tolist(), name


def test_embeddings_to_float32_rounding(tables: Fixture) -> None:
    guidance = scheduler.guidance_embedding(torch.tensor([4.0, 6.5, 7.0, 11.5, 12.5]), 256)
    close(guidance, tables["w_embed_256"], 1e-6)
    close(timestep_embedding(torch.tensor([0, 1, 299, 799, 999]), 768), tables["time_embed_768"], 1e-6)


def test_lcm_steps(tables: Fixture) -> None:
    times = PAPER_V2.timesteps_map[4]
    x = tables["step_sample"]
    for index, time in enumerate(times):
        x = scheduler.lcm_denoise(x, tables["step_eps"], time)
        if index < 3:
            x = scheduler.add_noise(x, tables["lcm4_noise"][index], times[index + 1])
        close(x, tables["lcm4_prev"][index], 1e-5)


@pytest.mark.parametrize("time", [981, 1])
def test_ddim_steps(tables: Fixture, time: int) -> None:
    stepped = scheduler.ddim_scheduler(50).step(tables["step_eps"], time, tables["step_sample"]).prev_sample
    close(stepped, tables[f"ddim_prev_{time}"], 1e-5)


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("name", ["v1_t2m_sample", "v1_control_t_sample_hint"])
def test_sampling_runs(reference: Read, reference_networks: Networks, shared_dir: Path, name: str, steps: int) -> None:
    f, networks = reference(name), reference_networks
    run = {"num_inference_steps": steps, "guidance_scale": 7.5, "step_noise": f.get(f"s{steps}_step_noise")}
    with torch.no_grad():
        if "hint" in f:
            run["control_embedding"] = networks.trajectory_encoder(f["hint"], f["hint_mask"].any(dim=-1))
        else:
            networks = dataclasses.replace(networks, controlnet=None, trajectory_encoder=None)
        latents = list(sample(networks, f["text_emb"], latent=f["init_latents"], **run))
        features = networks.decode(latents[-1], f["mask"])

    assert list(scheduler.lcm_timesteps(networks.config, steps)) == f[f"s{steps}_timesteps"].tolist()
    # Latents reach a magnitude of 55 here, where float32 itself is 1.4e-5 from float64.
    close(torch.stack(latents), f[f"s{steps}_trajectory"], 1e-4)
    close(latents[-1], f[f"s{steps}_latents"], 1e-4)
    if steps == 1:
        close(features, f["s1_feats"], 1e-5)
    data = shared_dir / "data" / "humanml3d_sample"
    mean, std = (torch.from_numpy(np.load(data / f)).float() for f in ("Mean.npy", "Std.npy"))
    joints = features_to_joints(features * std + mean)
    close(joints, f[f"s{steps}_joints"], 1e-4)
