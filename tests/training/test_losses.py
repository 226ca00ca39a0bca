# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages' losses: published fixtures, closed forms, and what must not change them."""

from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch

from blender_addon.shared.skeleton import SKELETON
from engine.checkpoints.networks import Networks
from engine.models.build import build_trajectory_encoder, build_vae
from engine.models.controlnet import ControlNet
from engine.models.denoiser import Denoiser
from engine.sampling import scheduler
from training.control import ControlBatch, ControlLossConfig, ControlStatistics, control_step_loss
from training.data.hint_masks import SIX_JOINTS, mixed_mask, spatial_mask, temporal_mask
from training.distill import ddim_grid, distill_loss
from training.mld import mld_loss
from training.recipes import get_recipe
from training.stage_parts.losses import control_loss, huber, kl_to_standard_normal, masked_mean, motion_terms
from training.stage_parts.modules import mld_config
from training.vae import vae_loss

MODEL = get_recipe("debug").model
MEAN, STD = torch.zeros(263), torch.ones(263) * 0.1


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def published(shared_dir):
    return {
        key: torch.from_numpy(value) for key, value in np.load(shared_dir / "fixtures" / "control_loss.npz").items()
    }


@pytest.mark.parametrize("kind", ["sum", "sum_mask", "mask"])
@pytest.mark.parametrize("function", ["l1", "l1_smooth", "l2"])
@pytest.mark.parametrize("what", ["joints", "feats"])
def test_control_loss_gives_the_published_values(published, kind, function, what):
    source, target, mask = (
        (published["src"], published["tgt"], published["mask"])
        if what == "joints"
        else (published["feats_src"], published["feats_tgt"], published["feats_mask"])
    )
    assert control_loss(source, target, mask, kind, function).item() == pytest.approx(
        published[f"{what}_{kind}_{function}"].item(), abs=1e-5
    )


@pytest.mark.parametrize("kind", ["sum", "sum_mask", "mask"])
def test_control_loss_with_an_empty_sample(published, kind):
    mask = published["mask"].clone()
    mask[1] = False
    value = control_loss(published["src"], published["tgt"], mask, kind, "l2").item()
    expected = published[f"emptysample_{kind}_l2"].item()
    assert (math.isnan(value) and math.isnan(expected)) or value == pytest.approx(expected, abs=1e-5)
    assert math.isnan(value) == (kind != "sum")


def test_masked_mean_ignores_padding():
    values = torch.randn(3, 10, 4)
    mask = torch.arange(10)[None] < torch.tensor([10, 4, 7])[:, None]
    dirty = torch.where(mask[..., None], values, 1e6)
    by_hand = torch.stack([values[b, : int(mask[b].sum())].mean() for b in range(3)]).mean()
    assert masked_mean(dirty, mask).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_kl_of_the_standard_normal_is_zero_and_matches_torch():
    assert kl_to_standard_normal(torch.zeros(4), torch.zeros(4)).item() == 0
    mu, logvar = torch.randn(5, 3), torch.randn(5, 3)
    ours = kl_to_standard_normal(mu, logvar)
    other = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, (logvar / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    ).mean()
    assert ours.item() == pytest.approx(other.item(), rel=1e-5)


def test_huber_is_quadratic_near_zero_and_linear_far_away():
    assert huber(torch.tensor(1e-2).double(), 0.5).item() == pytest.approx(1e-4 / (2 * 0.5), rel=1e-3)
    assert huber(torch.tensor(1e3), 0.5).item() == pytest.approx(1e3 - 0.5, rel=1e-5)


def test_planted_feet_are_punished_for_sliding_only_where_they_stand():
    target = torch.zeros(1, 20, 22, 3)
    mask = torch.ones(1, 20, dtype=torch.bool)
    sliding = target.clone()
    sliding[..., 0] = torch.arange(20)[None, :, None] / 20.0  # 1 m/s
    assert motion_terms(sliding, target, mask)["planted"].item() == pytest.approx(1.0, rel=1e-3)
    assert motion_terms(sliding, sliding, mask)["planted"].item() == 0


def test_vae_loss_is_the_sum_of_its_terms_and_uses_the_draw():
    vae = build_vae(MODEL).eval()
    features = torch.randn(2, 40, 263)
    mask = torch.arange(40)[None] < torch.tensor([40, 28])[:, None]
    features = features * mask[..., None]
    eps = torch.randn(2, MODEL.num_tokens(40), MODEL.latent_width)
    terms = vae_loss(vae, features, mask, eps, MEAN, STD)
    assert terms["loss"].item() == pytest.approx(sum(v.item() for k, v in terms.items() if k != "loss"), rel=1e-5)
    assert set(terms) == {"features", "joints", "kl", "loss"}
    again = vae_loss(vae, features, mask, eps, MEAN, STD)["loss"]
    other = vae_loss(vae, features, mask, eps + 1, MEAN, STD)["loss"]
    assert again.item() == terms["loss"].item() != other.item()


def test_mld_loss_of_a_denoiser_that_knows_the_noise_is_zero():
    latent, noise = torch.randn(4, 5, 8), torch.randn(4, 5, 8)
    time = torch.tensor([0, 300, 700, 999])
    text = torch.randn(4, 1, 16)

    def oracle(noisy, timestep, text_embedding, latent_mask=None):
        signal, sigma = scheduler.signal_and_noise(timestep, noisy)
        return (noisy - signal * latent) / sigma

    assert mld_loss(oracle, latent, text, time, noise)["loss"].item() < 1e-4
    assert mld_loss(lambda *_, **__: latent, latent, text, time, noise, prediction_type="sample")["loss"].item() == 0


def test_mld_loss_ignores_padded_tokens():
    denoiser = Denoiser(mld_config(MODEL)).eval()
    latent, noise = torch.randn(2, 6, MODEL.latent_width), torch.randn(2, 6, MODEL.latent_width)
    mask = torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    text, time = torch.randn(2, 1, MODEL.text_width), torch.tensor([100, 500])
    dirty = torch.where(mask[..., None], latent, 50.0)
    clean = mld_loss(denoiser, latent, text, time, noise, mask, "sample")["loss"]
    assert mld_loss(denoiser, dirty, text, time, noise, mask, "sample")["loss"].item() == pytest.approx(
        clean.item(), rel=1e-4
    )


def distillation(model, index, w):
    teacher = Denoiser(mld_config(model)).eval()
    student = Denoiser(model).eval()
    student.load_state_dict(teacher.state_dict(), strict=False)
    latent, noise = torch.randn(3, 4, model.latent_width), torch.randn(3, 4, model.latent_width)
    text, uncond = torch.randn(3, 1, model.text_width), torch.randn(1, 1, model.text_width)
    return teacher, student, latent, text, uncond, index, noise, w


@pytest.mark.parametrize("prediction", ["epsilon", "sample"])
def test_distill_loss_by_hand(prediction):
    """The first DDIM time has abar_0 before it; without guidance the teacher's answer is the student's own."""
    model = dataclasses.replace(MODEL, prediction_type=prediction)
    index, w = torch.tensor([0, 4, 9]), torch.zeros(3)
    teacher, student, latent, text, uncond, index, noise, w = distillation(model, index, w)
    target = copy.deepcopy(student)
    got = distill_loss(
        student, teacher, target, latent, text, uncond, index, noise, w, 10, 0.5, prediction_type=prediction
    )
    grid = ddim_grid(10)
    assert grid.tolist() == list(range(99, 1000, 100))
    losses = []
    table = scheduler.alphas_cumprod().double()
    with torch.no_grad():
        for b, i in enumerate(index.tolist()):
            start, end = int(grid[i]), max(int(grid[i]) - 100, 0)
            noisy = table[start].sqrt() * latent[b].double() + (1 - table[start]).sqrt() * noise[b].double()
            embedding = scheduler.guidance_embedding(w[b], model.guidance_width)
            out = student(noisy.float()[None], start, text[b : b + 1], embedding)[0].double()
            answer = teacher(noisy.float()[None], start, text[b : b + 1])[0].double()

            def clean(x, output, t):
                return output if prediction == "sample" else (x - (1 - table[t]).sqrt() * output) / table[t].sqrt()

            def scaled(x, x0, t):
                s = 10.0 * t
                return 0.25 / (s * s + 0.25) * x + s / math.sqrt(s * s + 0.25) * x0

            x0 = clean(noisy, answer, start)
            eps = (noisy - table[start].sqrt() * x0) / (1 - table[start]).sqrt()
            before = table[0] if i == 0 else table[int(grid[i - 1])]
            previous = before.sqrt() * x0 + (1 - before).sqrt() * eps
            second = target(previous.float()[None], end, text[b : b + 1], embedding)[0].double()
            difference = scaled(noisy, clean(noisy, out, start), start) - scaled(
                previous, clean(previous, second, end), end
            )
            losses.append((difference.square() + 0.25).sqrt() - 0.5)
    assert got["loss"].item() == pytest.approx(torch.stack(losses).mean().item(), abs=1e-5)


def test_distillation_moves_the_student_only():
    teacher, student, *rest = distillation(MODEL, torch.tensor([1, 5, 9]), torch.tensor([0.5, 2.0, 4.0]))
    target = copy.deepcopy(student)
    loss = distill_loss(student, teacher, target, *rest, 10, 0.5, prediction_type="sample")["loss"]
    loss.backward()
    assert student.time_embedding.cond_proj.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in (*teacher.parameters(), *target.parameters()))


@pytest.fixture(scope="module")
def control_networks():
    torch.manual_seed(1)
    vae, denoiser = build_vae(MODEL).eval(), Denoiser(MODEL).eval()
    controlnet, encoder = ControlNet(MODEL).eval(), build_trajectory_encoder(MODEL).eval()
    controlnet.copy_denoiser(denoiser)
    return Networks(MODEL, vae.requires_grad_(False), denoiser.requires_grad_(False), controlnet, encoder)


def control_arguments(batch=3, frames=40):
    tokens = MODEL.num_tokens(frames)
    features, mask = torch.randn(batch, frames, 263), torch.ones(batch, frames, dtype=torch.bool)
    hint_mask = spatial_mask(mask, ("pelvis", "left_wrist"), torch.Generator().manual_seed(2))
    given = ControlBatch(
        latent=torch.randn(batch, tokens, MODEL.latent_width),
        features=features,
        mask=mask,
        hint=torch.randn(batch, frames, 22, 3),
        hint_mask=hint_mask,
        text_embedding=torch.randn(batch, 1, MODEL.text_width),
        timestep=torch.tensor([99, 499, 999]),
        noise=torch.randn(batch, tokens, MODEL.latent_width),
        w=torch.tensor([0.0, 1.0, 3.0]),
    )
    return given, ControlStatistics(MEAN, STD, torch.zeros(22, 3), torch.ones(22, 3))


def test_control_step_loss_trains_controlnet_and_trajectory_encoder_only(control_networks):
    terms = control_step_loss(control_networks, *control_arguments(), ControlLossConfig())
    assert set(terms) == {"diffusion", "control", "loss"}
    terms["loss"].backward()
    grads = [p.grad for p in control_networks.controlnet.controlnet_down_mid_blocks.parameters()]
    assert max(g.abs().max() for g in grads) > 0
    assert all(p.grad is None for p in (*control_networks.denoiser.parameters(), *control_networks.vae.parameters()))


def test_hints_outside_the_mask_do_not_matter(control_networks):
    batch, statistics = control_arguments()
    first = control_step_loss(control_networks, batch, statistics, ControlLossConfig())
    other = dataclasses.replace(batch, hint=torch.where(batch.hint_mask[..., None], batch.hint, 77.0))
    second = control_step_loss(control_networks, other, statistics, ControlLossConfig())
    assert first["loss"].item() == second["loss"].item()


def test_an_untrained_controlnet_predicts_what_the_denoiser_does(control_networks):
    batch, statistics = control_arguments()
    noisy = scheduler.add_noise(batch.latent, batch.noise, batch.timestep)
    embedding = scheduler.guidance_embedding(batch.w, MODEL.guidance_width)
    plain = control_networks.denoiser(noisy, batch.timestep, batch.text_embedding, embedding)
    expected = (scheduler.predict_clean(noisy, plain, batch.timestep, "sample") - batch.latent).square().mean()
    terms = control_step_loss(control_networks, batch, statistics, ControlLossConfig())
    assert terms["diffusion"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_masks_show_what_they_say():
    mask = torch.arange(60)[None] < torch.tensor([60, 40, 24])[:, None]
    generator = torch.Generator().manual_seed(0)
    one = spatial_mask(mask, SIX_JOINTS, generator)
    assert (one.any(1).sum(1) == 1).all() and not (one & ~mask[..., None]).any()
    early = temporal_mask(mask)
    assert early.any(2).sum(1).tolist() == [15, 10, 6] and (early.any(1).sum(1) == 6).all()
    mixed = torch.cat([mixed_mask(mask, 0.6, generator) for _ in range(60)])
    assert not (mixed & ~mask.repeat(60, 1)[..., None]).any() and mixed.any((1, 2)).all()
    only_pelvis = mixed[:, :, 0].any(1) & (mixed.any(1).sum(1) == 1)
    assert 0.45 < only_pelvis.float().mean() < 0.75
    assert mixed.any(1).any(0).all(), "every joint is shown sometimes"


def test_standing_feet_may_not_slide_and_lifted_ones_may():
    target = torch.from_numpy(a_walk())
    joints = target.clone()
    mask, contacts = torch.ones(1, joints.shape[1], dtype=torch.bool), torch.ones(1, joints.shape[1], 4)
    toes = SKELETON.indices("left_foot", "right_foot")
    joints[:, :, toes] = 0.0
    joints[..., toes, 0] = 0.03 * torch.arange(joints.shape[1])[None, :, None]  # 0.6 m/s, on the floor
    assert float(motion_terms(joints, target, mask, contacts)["standing"]) == pytest.approx(0.6, abs=0.01)
    assert float(motion_terms(joints, target, mask, 0 * contacts)["standing"]) == 0
    joints[..., toes, 1] = 0.5
    assert float(motion_terms(joints, target, mask, contacts)["standing"]) < 1e-3
    assert "standing" not in motion_terms(joints, target, mask)


def a_walk():
    from ..shared.test_features import walking

    return walking(40)[None].astype(np.float32)
