# SPDX-License-Identifier: GPL-3.0-or-later
"""What the networks promise beyond the published numbers: masks, layouts, options, initial weights, gradients."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.checkpoints.networks import build_networks
from engine.models.config import PAPER_V2, ModelConfig
from engine.models.controlnet import ControlNet
from engine.models.denoiser import Denoiser
from engine.models.layers import Attention, MixtureOfExperts, Positions, SkipStack, activate, sine_positions
from engine.models.trajectory_encoder import TrajectoryEncoder
from engine.models.vae import MldVae, draw_latent

from ..conftest import TINY_V2, tiny_networks

PATCH = dataclasses.replace(TINY_V2, name="tiny-patch", token_layout="patch", patch_size=8, num_latent_tokens=0)


def inputs(config: ModelConfig, batch: int = 2, tokens: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return {
        "latent": noise(batch, tokens, config.latent_width),
        "timestep": torch.randint(0, 1000, (batch,), generator=generator),
        "text_embedding": noise(batch, 1, config.text_width),
        "guidance_embedding": noise(batch, config.guidance_width or 1),
    }


def with_noise(network: nn.Module) -> Any:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


# --- layers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cross", [False, True])
def test_attention_is_torchs_own(masked: bool, cross: bool) -> None:
    ours, theirs = with_noise(Attention(16, 4, 0.1)), nn.MultiheadAttention(16, 4, batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 5, 16)
    keys = torch.randn(2, 7, 16) if cross else x
    real = torch.arange(keys.shape[1]) < torch.tensor([[keys.shape[1]], [3]])
    expected, _ = theirs(x, keys, keys, key_padding_mask=~real if masked else None)
    actual = ours(x, keys if cross else None, mask=real[:, None, None] if masked else None)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [1, 2])
def test_attention_to_a_short_memory_is_folded_without_changing_it(batch: int, length: int) -> None:
    ours = with_noise(Attention(16, 4, 0.1))
    theirs = nn.MultiheadAttention(16, 4, batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())
    x, memory = torch.randn(batch, 50, 16), torch.randn(batch, length, 16, requires_grad=True)
    assert ours._folds(x, memory)
    expected, actual = theirs(x, memory, memory)[0], ours(x, memory)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)
    slopes = [torch.autograd.grad(out.square().sum(), memory)[0] for out in (actual, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("num_layers", [1, 5])
def test_a_stack_that_is_read_in_part_answers_the_same(pre_norm: bool, num_layers: int) -> None:
    config = dataclasses.replace(TINY_V2, normalize_before=pre_norm)
    stack = with_noise(SkipStack(config, width=16, inner=32, num_heads=2, num_layers=num_layers))
    x, real = torch.randn(2, 9, 16), torch.arange(9) < torch.tensor([[9], [5]])
    mask = real[:, None, None]
    torch.testing.assert_close(stack(x, mask=mask, read=3), stack(x, mask=mask)[:, :3], rtol=0, atol=1e-6)


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_layers_are_torchs_own(pre_norm: bool, activation: str) -> None:
    config = dataclasses.replace(TINY_V2, normalize_before=pre_norm, activation=activation)
    stack = with_noise(SkipStack(config, width=16, inner=32, num_heads=2, num_layers=3))
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.1, activation, batch_first=True, norm_first=pre_norm).eval()
    layer.load_state_dict(stack.middle_block.state_dict())
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(stack.middle_block(x), layer(x), rtol=0, atol=1e-5)

    decoder = with_noise(SkipStack(config, width=16, inner=32, num_heads=2, num_layers=3, cross=True))
    layer = nn.TransformerDecoderLayer(16, 2, 32, 0.1, activation, batch_first=True, norm_first=pre_norm).eval()
    layer.load_state_dict(decoder.middle_block.state_dict())
    memory = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(decoder.middle_block(x, memory), layer(x, memory), rtol=0, atol=1e-5)


def test_geglu_gates_the_first_half_by_the_second() -> None:
    x = torch.randn(3, 8)
    assert torch.equal(activate(x, "geglu"), x[:, :4] * F.gelu(x[:, 4:]))


def test_a_skip_stack_is_a_u() -> None:
    stack = with_noise(SkipStack(TINY_V2, width=16, inner=32, num_heads=2, num_layers=5))
    x = torch.randn(1, 4, 16)
    residuals, taps = [torch.randn(1, 4, 16) for _ in range(5)], []
    actual = stack(x, residuals=residuals, taps=taps)
    a = stack.input_blocks[0](x) + residuals[0]
    b = stack.input_blocks[1](a) + residuals[1]
    m = stack.middle_block(b) + residuals[2]
    c = stack.output_blocks[0](stack.linear_blocks[0](torch.cat([m, b], dim=-1))) + residuals[3]
    d = stack.output_blocks[1](stack.linear_blocks[1](torch.cat([c, a], dim=-1))) + residuals[4]
    assert torch.equal(actual, stack.norm(d))
    assert all(torch.equal(tap, expected) for tap, expected in zip(taps, (a, b, m, c, d), strict=True))
    assert len(residuals) == 5


def test_mixture_of_experts_picks_two_of_four() -> None:
    config = dataclasses.replace(TINY_V2, moe=True)
    mixture = with_noise(MixtureOfExperts(16, 32, config))
    x = torch.randn(2, 3, 16)
    weights, picks = mixture.gate(x).softmax(-1).topk(2, dim=-1)
    weights = weights / weights.sum(-1, keepdim=True)
    every = torch.stack([expert(x) for expert in mixture.experts], dim=2)  # (B,S,E,H)
    expected = (every.take_along_dim(picks[..., None], dim=2) * weights[..., None]).sum(2)
    torch.testing.assert_close(mixture(x), expected, rtol=0, atol=1e-6)


def test_router_loss_can_be_reached_and_trained() -> None:
    config = dataclasses.replace(TINY_V2, moe=True, moe_jitter=0.1)
    denoiser = Denoiser(config).train()
    assert Denoiser(TINY_V2).router_loss() is None
    denoiser(**inputs(config))
    loss = denoiser.router_loss()
    # Perfect balance gives weight * slots; a router cannot do much worse than one expert for everything.
    assert 0.01 < loss.item() < 0.01 * 2 * 4
    loss.backward()
    assert all(m.gate.weight.grad.abs().sum() > 0 for m in denoiser.modules() if isinstance(m, MixtureOfExperts))


def test_positions() -> None:
    learned = Positions(16, "learned")
    assert learned.pe.shape == (500, 1, 16)
    assert float(learned.pe.detach().min()) >= 0 and float(learned.pe.detach().max()) <= 1
    x = torch.zeros(1, 7, 16)
    assert torch.equal(learned(x)[0], learned.pe[:7, 0])
    with pytest.raises(ValueError, match="501"):
        learned.rows(501)
    fixed = Positions(16, "sine")
    assert "pe" in fixed.state_dict() and not list(fixed.parameters())
    table = sine_positions(10, 16)
    angle = torch.tensor(3 / 10000 ** (4 / 16))
    torch.testing.assert_close(table[3, 4:6], torch.stack([angle.sin(), angle.cos()]))


# --- denoiser and ControlNet -------------------------------------------------------------------------------------


@torch.no_grad()
def test_padding_does_not_reach_real_latents() -> None:
    denoiser, controlnet = with_noise(Denoiser(PATCH)), with_noise(ControlNet(PATCH))
    given = inputs(PATCH, tokens=6)
    control = torch.randn(2, 6, PATCH.latent_width)
    mask = torch.arange(6) < torch.tensor([[6], [4]])
    given["latent"][1, 4:] = 100.0
    residuals = controlnet(**given, control_embedding=control, latent_mask=mask)
    padded = denoiser(**given, residuals=residuals, latent_mask=mask)
    alone = {key: value[1:] for key, value in given.items()} | {"latent": given["latent"][1:, :4]}
    alone_residuals = controlnet(**alone, control_embedding=control[1:, :4])
    torch.testing.assert_close(padded[1:, :4], denoiser(**alone, residuals=alone_residuals), rtol=0, atol=1e-5)
    assert residuals[0].shape == (2, 6 + 2, PATCH.hidden_width)


@torch.no_grad()
def test_token_order() -> None:
    """'patch' puts time and text first, so that their positions do not move with the length of the motion."""
    seen = {}
    for config in (TINY_V2, PATCH):
        denoiser = with_noise(Denoiser(config))
        denoiser.encoder.register_forward_pre_hook(lambda _, a, name=config.name: seen.update({name: a[0]}))
        given = inputs(config)
        denoiser(**given)
        time = denoiser.time_embedding(given["timestep"], given["guidance_embedding"])
        text = denoiser.emb_proj(given["text_embedding"])[:, 0]
        latents = denoiser.latent_pre(given["latent"])
        parts = (
            [latents, time[:, None], text[:, None]] if config is TINY_V2 else [time[:, None], text[:, None], latents]
        )
        expected = torch.cat(parts, dim=1) + denoiser.query_pos.pe[:6, 0]
        torch.testing.assert_close(seen[config.name], expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_scalar_times_and_single_guidance_are_for_the_whole_batch() -> None:
    denoiser, given = with_noise(Denoiser(TINY_V2)), inputs(TINY_V2)
    given["timestep"] = torch.tensor([5, 5])
    given["guidance_embedding"] = given["guidance_embedding"][:1].expand(2, -1)
    expected = denoiser(**given)
    given["guidance_embedding"] = given["guidance_embedding"][:1]
    for timestep in (5, torch.tensor(5)):
        torch.testing.assert_close(denoiser(**given | {"timestep": timestep}), expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_several_text_tokens() -> None:
    denoiser, controlnet, given = with_noise(Denoiser(TINY_V2)), with_noise(ControlNet(TINY_V2)), inputs(TINY_V2)
    given["text_embedding"] = torch.randn(2, 3, TINY_V2.text_width)
    residuals = controlnet(**given, control_embedding=given["latent"])
    assert denoiser(**given, residuals=residuals).shape == given["latent"].shape


@torch.no_grad()
def test_an_untrained_controlnet_changes_nothing() -> None:
    config = TINY_V2
    networks = build_networks(config).eval()
    given = inputs(config)
    residuals = networks.controlnet(**given, control_embedding=torch.randn(2, 4, config.latent_width))
    assert not any(r.any() for r in residuals)
    assert torch.equal(networks.denoiser(**given, residuals=residuals), networks.denoiser(**given))
    without = networks.denoiser(given["latent"], given["timestep"], given["text_embedding"])
    assert torch.equal(networks.denoiser(**given), without)  # cond_proj starts at zero, so a student is its teacher


def test_a_controlnet_starts_from_the_denoiser() -> None:
    networks = tiny_networks()
    down = networks.controlnet.controlnet_down_mid_blocks[0].weight.clone()
    networks.controlnet.copy_denoiser(networks.denoiser)
    ours, theirs = networks.controlnet.state_dict(), networks.denoiser.state_dict()
    shared = ours.keys() & theirs.keys()
    assert theirs.keys() - shared == {"encoder.norm.weight", "encoder.norm.bias"}
    assert all(torch.equal(ours[name], theirs[name]) for name in shared)
    assert torch.equal(networks.controlnet.controlnet_down_mid_blocks[0].weight, down)


def test_gradients_reach_every_weight_but_the_unused_way_out() -> None:
    networks = tiny_networks()
    given = inputs(TINY_V2)
    hint_mask = torch.rand(2, 12, 22) > 0.7
    control = networks.trajectory_encoder(torch.randn(2, 12, 22, 3), hint_mask)
    out = networks.denoiser(**given, residuals=networks.controlnet(**given, control_embedding=control))
    out.square().sum().backward()
    for network in (networks.denoiser, networks.controlnet, networks.trajectory_encoder):
        idle = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()}
        assert idle == ({"latent_post.weight", "latent_post.bias"} if network is networks.controlnet else set())


def test_dropout_is_for_training_only() -> None:
    denoiser, given = Denoiser(TINY_V2), inputs(TINY_V2)
    assert not torch.equal(denoiser.train()(**given), denoiser(**given))
    assert torch.equal(denoiser.eval()(**given), denoiser(**given))


def test_matrices_start_xavier_uniform() -> None:
    torch.manual_seed(0)
    weight = Denoiser(PAPER_V2).encoder.input_blocks[0].linear1.weight.detach()
    bound = (6 / (256 + 1024)) ** 0.5
    assert float(weight.abs().max()) <= bound
    assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.01)


@torch.no_grad()
@pytest.mark.parametrize(
    "changes", [{"activation": "geglu"}, {"normalize_before": True}, {"positions": "sine"}, {"moe": True}]
)
def test_options_work_in_every_network(changes: dict) -> None:
    config = dataclasses.replace(TINY_V2, **changes)
    networks = tiny_networks(config)
    mask = torch.ones(2, 20, dtype=torch.bool)
    mu, _ = networks.vae.encode(torch.randn(2, 20, 263), mask)
    control = networks.trajectory_encoder(torch.randn(2, 20, 22, 3), torch.rand(2, 20, 22) > 0.9)
    given = inputs(config) | {"latent": mu}
    out = networks.denoiser(**given, residuals=networks.controlnet(**given, control_embedding=control))
    assert networks.vae.decode(out, mask).isfinite().all()


# --- VAE and trajectory encoder ----------------------------------------------------------------------------------


@torch.no_grad()
def test_vae_padding_changes_nothing() -> None:
    vae = with_noise(MldVae(TINY_V2))
    features = torch.randn(2, 30, 263)
    mask = torch.arange(30) < torch.tensor([[30], [18]])
    features[1, 18:] = 50.0
    mu, logvar = vae.encode(features, mask)
    alone = vae.encode(features[1:, :18], mask[1:, :18])
    torch.testing.assert_close((mu[1:], logvar[1:]), alone, rtol=0, atol=1e-5)
    decoded = vae.decode(mu, mask)
    torch.testing.assert_close(decoded[1:, :18], vae.decode(mu[1:], mask[1:, :18]), rtol=0, atol=1e-5)
    assert not decoded[1, 18:].any()


def test_what_the_decoder_keeps_follows_length_and_weights() -> None:
    vae = with_noise(MldVae(TINY_V2)).requires_grad_(False)
    latent = torch.randn(2, TINY_V2.num_latent_tokens, TINY_V2.latent_width)

    def agree(frames: int) -> torch.Tensor:
        mask = torch.ones(2, frames, dtype=torch.bool)
        kept = vae.decode(latent, mask)
        assert vae._last_attended is not None
        vae.requires_grad_(True)
        torch.testing.assert_close(kept, vae.decode(latent, mask), rtol=0, atol=1e-5)
        vae.requires_grad_(False)
        return kept

    before = agree(30)
    agree(31)
    with torch.no_grad():
        vae.decoder.input_blocks[0].self_attn.out_proj.weight.mul_(2.0)
    assert not torch.allclose(agree(31)[:, :30], before, atol=1e-3)
    vae.load_state_dict(MldVae(TINY_V2).state_dict())
    agree(31)


def test_draw_latent_follows_its_distribution() -> None:
    mu, logvar = torch.full((20000,), 3.0), torch.full((20000,), 2.0).log() * 2
    drawn = draw_latent(mu, logvar, torch.Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(3.0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(2.0, abs=0.05)


@torch.no_grad()
def test_uncontrolled_frames_are_left_out_exactly() -> None:
    encoder = with_noise(TrajectoryEncoder(TINY_V2))
    hint, mask = torch.randn(3, 40, 22, 3), torch.zeros(3, 40, 22, dtype=torch.bool)
    mask[0, [3, 17, 39], 0] = True
    mask[1, :25, 5] = True  # the third has no hint at all
    lengths: list[int] = []
    handle = encoder.encoder.register_forward_pre_hook(lambda _, args: lengths.append(args[0].shape[1]))
    together = encoder(hint, mask)
    alone = torch.cat([encoder(hint[i : i + 1], mask[i : i + 1]) for i in range(3)])
    handle.remove()
    assert lengths == [4 + 25, 4 + 3, 4 + 25, 4 + 0]

    # The published way: every frame stays, uncontrolled ones are masked as keys.
    frames = hint.masked_fill(~mask[..., None], 0.0).flatten(2)
    tokens = encoder.global_motion_token.expand(3, -1, -1)
    sequence = encoder.query_pos_encoder(torch.cat([tokens, encoder.skel_embedding(frames)], dim=1))
    real = torch.cat([torch.ones(3, 4, dtype=torch.bool), mask.any(-1)], dim=1)
    full = encoder.latent_proj(encoder.encoder(sequence, mask=real[:, None, None])[:, :4])
    torch.testing.assert_close(together, full, rtol=0, atol=1e-5)
    torch.testing.assert_close(alone, full, rtol=0, atol=1e-5)


@torch.no_grad()
def test_values_without_a_mask_are_not_read() -> None:
    encoder = with_noise(TrajectoryEncoder(TINY_V2))
    hint, mask = torch.randn(1, 10, 22, 3), torch.zeros(1, 10, 22, dtype=torch.bool)
    mask[0, 4, 0] = True
    spoiled = hint.masked_fill(~mask[..., None], torch.nan)
    assert torch.equal(encoder(spoiled, mask), encoder(hint, mask))
