# SPDX-License-Identifier: GPL-3.0-or-later
"""The four losses, called as the published training calls them, on small published-style networks: values from the
fixtures' arrays and closed forms, gradients from differences.
"""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from blender_addon.shared.features import features_to_joints
from engine.checkpoints.folder import build_networks, load_published
from engine.models.config import as_mld
from engine.models.denoiser import Denoiser
from engine.sampling import scheduler
from training.control import ControlBatch, ControlLossConfig, ControlStatistics, control_step_loss
from training.distill import distill_loss
from training.mld import mld_loss
from training.stage_parts.latents import encode_motions
from training.stage_parts.losses import control_loss
from training.stage_parts.modules import mld_config
from training.vae import vae_loss


@pytest.fixture(scope="module")
def arrays(shared_dir):
    return {key: torch.from_numpy(value) for key, value in np.load(shared_dir / "fixtures" / "v1_vae.npz").items()}


@pytest.fixture(scope="module")
def statistics(shared_dir):
    folder = shared_dir / "data" / "humanml3d_sample"
    return tuple(torch.from_numpy(np.load(folder / name).astype(np.float32)) for name in ("Mean.npy", "Std.npy"))


@pytest.fixture
def networks(shared_dir):
    return load_published(shared_dir / "fixtures" / "v1_control_t.safetensors")


def smooth_l1(a, b):
    d = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    return np.where(d < 1, d * d / 2, d - 0.5)


def test_vae_loss_is_what_the_fixture_says(networks, arrays, statistics):
    mask = arrays["mask"]
    terms = vae_loss(networks.vae, arrays["motion"], mask, arrays["eps"].transpose(0, 1), *statistics)
    target = features_to_joints(arrays["motion"] * statistics[1] + statistics[0])
    expected = {
        "features": smooth_l1(arrays["feats_z"], arrays["motion"]).mean(-1),
        "joints": smooth_l1(arrays["joints_z"].flatten(2), target.flatten(2)).mean(-1),
    }
    for name, frames in expected.items():
        by_sample = [row[real].mean() for row, real in zip(frames, mask.numpy(), strict=True)]
        assert terms[name].item() == pytest.approx(np.mean(by_sample), rel=1e-4), name
    mu, std = arrays["mu"].double(), arrays["std"].double()
    kl = 0.5 * (mu**2 + std**2 - 1 - 2 * std.log()).mean()
    assert terms["kl"].item() == pytest.approx(1e-4 * kl.item(), rel=1e-4)
    assert set(terms) == {"features", "joints", "kl", "loss"}
    assert terms["loss"].item() == pytest.approx(sum(terms[k].item() for k in ("features", "joints", "kl")), rel=1e-6)


def batch_of(networks, batch=3, frames=40):
    torch.manual_seed(7)
    model = networks.config
    mask = torch.arange(frames)[None] < torch.tensor([frames, frames - 8, frames - 12])[:, None]
    hint_mask = (torch.rand(batch, frames, 22) < 0.2) & mask[..., None]
    return {
        "latent": torch.randn(batch, model.num_latent_tokens, model.latent_width),
        "features": torch.randn(batch, frames, 263) * mask[..., None],
        "mask": mask,
        "hint": torch.randn(batch, frames, 22, 3) * hint_mask[..., None],
        "hint_mask": hint_mask,
        "text": torch.randn(batch, 1, model.text_width),
        "timestep": torch.tensor([19, 500, 979]),
        "noise": torch.randn(batch, model.num_latent_tokens, model.latent_width),
        "w": torch.tensor([5.0, 6.5, 15.0]),
        "spatial": (torch.randn(22, 3), torch.rand(22, 3) + 0.5),
    }


def control_terms(networks, drawn, statistics, config, w=True):
    batch = ControlBatch(
        drawn["latent"], drawn["features"], drawn["mask"], drawn["hint"], drawn["hint_mask"], drawn["text"],
        drawn["timestep"], drawn["noise"], drawn["w"] if w else None,
    )  # fmt: skip
    return control_step_loss(networks, batch, ControlStatistics(*statistics, *drawn["spatial"]), config)


@pytest.mark.parametrize("kind", ["sum", "sum_mask", "mask"])
@pytest.mark.parametrize("use_3d", [True, False])
def test_control_step_loss_by_hand(networks, statistics, kind, use_3d):
    drawn = batch_of(networks)
    config = ControlLossConfig(kind, "l2", use_3d, cond_ratio=2.0, rot_ratio=0.5)
    terms = control_terms(networks, drawn, statistics, config)
    embedding = scheduler.guidance_embedding(drawn["w"], networks.config.guidance_width)
    abar = scheduler.alphas_cumprod()[drawn["timestep"]][:, None, None]
    noisy = abar.sqrt() * drawn["latent"] + (1 - abar).sqrt() * drawn["noise"]
    control = networks.trajectory_encoder(drawn["hint"], drawn["hint_mask"])
    residuals = networks.controlnet(noisy, drawn["timestep"], drawn["text"], embedding, control)
    output = networks.denoiser(noisy, drawn["timestep"], drawn["text"], embedding, residuals)
    clean = (noisy - (1 - abar).sqrt() * output) / abar.sqrt()
    assert terms["diffusion"].item() == pytest.approx((clean - drawn["latent"]).square().mean().item(), rel=1e-4)
    decoded = networks.vae.decode(clean, drawn["mask"])
    joints = features_to_joints(decoded * statistics[1] + statistics[0])
    mean, std = drawn["spatial"]
    asked = drawn["hint"] * std + mean if use_3d else drawn["hint"]
    error = ((joints if use_3d else (joints - mean) / std) - asked).square().sum(-1) * drawn["hint_mask"]
    turn = (decoded - drawn["features"]).square().sum(-1) * drawn["mask"]
    for name, values, mask, width, ratio in (
        ("control", error, drawn["hint_mask"], 3, 2.0), ("rotation", turn, drawn["mask"], 263, 0.5),
    ):  # fmt: skip
        each = values.flatten(1).sum(1) / mask.flatten(1).sum(1)
        whole = {"sum": values.sum() / mask.sum(), "sum_mask": each.mean(), "mask": each.mean() / width}[kind]
        assert terms[name].item() == pytest.approx(ratio * whole.item(), rel=1e-3), name
    assert terms["loss"].item() == pytest.approx(
        sum(value.item() for name, value in terms.items() if name != "loss"), rel=1e-5
    )


def test_a_mask_of_coordinates_is_a_mask_of_joints(networks, statistics):
    drawn = batch_of(networks)
    config = ControlLossConfig()
    plain = control_terms(networks, drawn, statistics, config)["loss"].item()
    drawn["hint_mask"] = drawn["hint_mask"][..., None].expand(-1, -1, -1, 3).float()
    assert control_terms(networks, drawn, statistics, config)["loss"].item() == plain


def test_a_controlnet_on_a_diffusion_model_learns_the_noise(statistics, networks):
    model = as_mld(networks.config)
    torch.manual_seed(3)
    base = build_networks(model).eval()
    drawn = batch_of(base)
    terms = control_terms(base, drawn, statistics, ControlLossConfig(), w=False)
    alone = mld_loss(base.denoiser, drawn["latent"], drawn["text"], drawn["timestep"], drawn["noise"])
    assert terms["diffusion"].item() == pytest.approx(alone["loss"].item(), rel=1e-5), "an untrained one adds nothing"
    output = base.denoiser(
        scheduler.add_noise(drawn["latent"], drawn["noise"], drawn["timestep"]), drawn["timestep"], drawn["text"]
    )
    assert alone["loss"].item() == pytest.approx((output - drawn["noise"]).square().mean().item(), rel=1e-5)


def slope_matches(loss, parameter, step, tolerance):
    """The gradient along a direction is the difference quotient. Half of the direction is the gradient's own, so that
    the slope stands well above what single precision loses (which differs between processors); the other is random.
    """
    value = loss()
    gradient = torch.autograd.grad(value, parameter)[0]
    random = torch.randn_like(parameter)
    direction = gradient / gradient.norm() + random / random.norm()
    direction /= direction.norm()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter.add_(direction, alpha=sign * step)
            ends.append(loss().item())
            parameter.sub_(direction, alpha=sign * step)
    expected = (gradient * direction).sum().item()
    assert abs(expected) > 0 and (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=tolerance, abs=1e-6)


def as_double(values):
    return {key: value.double() if torch.is_tensor(value) and value.is_floating_point() else value
            for key, value in values.items()}  # fmt: skip


def test_gradients_of_the_control_loss(networks, statistics):
    networks.to(dtype=torch.float64)
    drawn = as_double(batch_of(networks))
    drawn["spatial"] = tuple(value.double() for value in drawn["spatial"])
    numbers = tuple(value.double() for value in statistics)
    config = ControlLossConfig("mask", "l1_smooth", rot_ratio=0.1)
    for parameter in (
        networks.trajectory_encoder.skel_embedding.weight,
        networks.controlnet.controlnet_down_mid_blocks[1].weight,
        networks.controlnet.controlnet_cond_embedding[0].weight,
    ):
        slope_matches(lambda: control_terms(networks, drawn, numbers, config)["loss"], parameter, 1e-5, 1e-4)


def test_gradients_of_the_autoencoder_loss(networks, arrays, statistics):
    vae = networks.vae.double()
    motion, eps = arrays["motion"].double(), arrays["eps"].transpose(0, 1).double()
    numbers = tuple(value.double() for value in statistics)
    for parameter in (vae.global_motion_token, vae.final_layer.weight, vae.skel_embedding.weight):
        slope_matches(lambda: vae_loss(vae, motion, arrays["mask"], eps, *numbers)["loss"], parameter, 1e-6, 1e-4)


def distillation(networks):
    drawn = batch_of(networks)
    teacher = Denoiser(mld_config(networks.config)).eval().requires_grad_(False)
    state = networks.denoiser.state_dict()
    teacher.load_state_dict({key: state[key] for key in teacher.state_dict()})
    target = copy.deepcopy(networks.denoiser).requires_grad_(False)
    uncond = torch.randn(1, 1, networks.config.text_width)
    return (networks.denoiser, teacher, target, drawn["latent"], drawn["text"], uncond, torch.tensor([0, 24, 49]),
            drawn["noise"], drawn["w"], 50, 1e-3)  # fmt: skip


def test_distillation_of_a_published_network(networks):
    """What the target and the teacher's step are is worked out here in float64."""
    arguments = distillation(networks)
    student, teacher, target, latent, text, uncond, index, noise, w, _, c = arguments
    got = distill_loss(*arguments)
    assert set(got) == {"consistency", "loss"}
    table = scheduler.alphas_cumprod().double()
    start, end = index * 20 + 19, (index * 20 - 1).clamp(min=0)
    embedding = scheduler.guidance_embedding(w, networks.config.guidance_width)

    def pieces(t):
        return table[t].sqrt()[:, None, None], (1 - table[t]).sqrt()[:, None, None]

    def consistent(x, eps, t):
        signal, sigma = pieces(t)
        s = 10.0 * t.double()[:, None, None]
        return 0.25 / (s**2 + 0.25) * x + s / (s**2 + 0.25).sqrt() * (x - sigma * eps) / signal

    with torch.no_grad():
        signal, sigma = pieces(start)
        noisy = signal * latent + sigma * noise
        answers = [teacher(noisy.float(), start, t).double() for t in (text, uncond.expand_as(text))]
        eps = answers[0] + w[:, None, None] * (answers[0] - answers[1])
        before = torch.where(index == 0, table[0], table[(index * 20 - 1).clamp(min=0)])[:, None, None]
        previous = before.sqrt() * (noisy - sigma * eps) / signal + (1 - before).sqrt() * eps
        wanted = consistent(previous, target(previous.float(), end, text, embedding).double(), end)
        output = student(noisy.float(), start, text, embedding).double()
        difference = consistent(noisy, output, start) - wanted
    expected = ((difference**2 + c**2).sqrt() - c).mean().item()
    assert got["loss"].item() == pytest.approx(expected, rel=1e-4)
    square = distill_loss(*arguments, kind="l2")["loss"].item()
    assert square == pytest.approx((difference**2).mean().item(), rel=1e-3)


def test_gradients_of_the_distillation_loss(networks):
    arguments = distillation(networks)
    student = arguments[0]
    for parameter in (student.time_embedding.cond_proj.weight, student.emb_proj[1].weight):
        slope_matches(lambda: distill_loss(*arguments)["loss"], parameter, 1e-2, 2e-2)


def test_mixtures_of_experts_add_their_balance(networks):
    """With gates that tell nothing every expert is as likely: weight * number of slots."""
    model = dataclasses.replace(networks.config, moe=True)
    mixed = build_networks(model)
    drawn = batch_of(mixed)
    for module in mixed.parts.values():
        for name, parameter in module.named_parameters():
            if name.endswith("gate.weight"):
                torch.nn.init.zeros_(parameter)
    even = model.moe_loss_weight * model.moe_top_k
    teacher = Denoiser(mld_config(model))
    terms = mld_loss(teacher, drawn["latent"], drawn["text"], drawn["timestep"], drawn["noise"])
    assert terms["router"].item() > 0 and terms["loss"].item() == pytest.approx(
        terms["diffusion"].item() + terms["router"].item(), rel=1e-5
    )
    numbers = torch.zeros(263), torch.ones(263)
    control = control_terms(mixed, drawn, numbers, ControlLossConfig())
    assert control["router"].item() == pytest.approx(even, rel=1e-5)
    eps = torch.zeros_like(drawn["latent"])
    assert vae_loss(mixed.vae, drawn["features"], drawn["mask"], eps, *numbers)["router"].item() == pytest.approx(
        even, rel=1e-5
    )


def test_motions_encoded_in_groups_are_those_encoded_at_once(networks):
    torch.manual_seed(2)
    mask = torch.arange(60)[None] < torch.randint(5, 61, (37,))[:, None]
    features = torch.randn(37, 60, 263) * mask[..., None]
    for grouped, whole in zip(
        encode_motions(networks.vae, features, mask), networks.vae.encode(features, mask), strict=True
    ):
        torch.testing.assert_close(grouped, whole, atol=1e-5, rtol=1e-5)


def test_a_perfect_control_costs_nothing():
    points = torch.randn(2, 5, 22, 3)
    mask = torch.rand(2, 5, 22, 1) < 0.5
    dirty = torch.where(mask, points, 99.0)
    for kind in ("sum", "sum_mask", "mask"):
        assert control_loss(points, dirty, mask, kind, "l1").item() == 0
