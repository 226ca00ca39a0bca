# SPDX-License-Identifier: GPL-3.0-or-later
"""The ControlNet: a second denoiser that sees the controls and adds a residual to each block of the first.

B batch, N latent tokens, D latent width, H hidden width, S = N + time and text tokens.
Every output is a Linear that starts at zero, so an untrained ControlNet changes nothing (ControlNet, arXiv 2302.05543;
MotionLCM, arXiv 2404.19759). In the published models the control embedding is added to the latent, in latent space and
through a Linear that starts at zero as well; in the 'patch' layout to the latents' tokens, where it does not drown in
the noise, and at full strength from the start: the outputs are enough to start from the denoiser, and learn faster.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..compute.matmul import Linear
from .config import ModelConfig
from .denoiser import Denoiser, TimeEmbedding, add_token_parts, condition_tokens, run_tokens
from .layers import Positions, SkipStack, router_loss

RESIDUAL_GAIN = 4.0
"""Of the 'patch' layout: pre-norm blocks carry large sums, which Linears that start at zero take long to match."""


class ControlNet(nn.Module):
    """Residuals for every block of the denoiser, from the same inputs and a control embedding."""

    config: ModelConfig
    latent_pre: nn.Module
    latent_post: nn.Module  # unused, but it stands in the published V2 files
    time_embedding: TimeEmbedding
    emb_proj: nn.Module
    query_pos: Positions
    encoder: SkipStack

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        add_token_parts(self, config, final_norm=False)
        inner = config.control_embedding_width
        self.in_latent = config.token_layout == "global"
        self.gain = 1.0 if self.in_latent else RESIDUAL_GAIN
        linears = [Linear(config.control_input_width, inner), Linear(inner, inner)]
        if self.in_latent:
            linears.append(_zeroed(Linear(inner, config.latent_width)))
        else:
            linears.append(Linear(inner, config.hidden_width))
        if config.variant == "v2":
            self.controlnet_cond_embedding = nn.Sequential(linears[0], nn.SiLU(), linears[1], nn.SiLU(), linears[2])
        else:
            self.controlnet_cond_embedding = nn.Sequential(*linears)
        width = config.hidden_width
        self.controlnet_down_mid_blocks = nn.ModuleList(_zeroed(Linear(width, width)) for _ in range(config.num_layers))

    def forward(
        self,
        latent: Tensor,
        timestep: Tensor | int,
        text_embedding: Tensor,
        guidance_embedding: Tensor | None,
        control_embedding: Tensor,
        latent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        """As the denoiser, with control_embedding (B,N,control width) -> a list of (B,S,H), one for each block."""
        control = self.controlnet_cond_embedding(control_embedding)
        if self.in_latent:
            latent, control = latent + control, None
        conditions = condition_tokens(self, timestep, text_embedding, guidance_embedding, latent.shape[0])
        taps: list[Tensor] = []
        run_tokens(self, latent, conditions, latent_mask, taps=taps, control=control)
        return [self.gain * linear(tap) for linear, tap in zip(self.controlnet_down_mid_blocks, taps, strict=True)]

    def copy_denoiser(self, denoiser: Denoiser) -> None:
        """Start from the denoiser's weights: all shared names; inputs and outputs stay as they are."""
        own = self.state_dict()
        self.load_state_dict({k: v for k, v in denoiser.state_dict().items() if k in own}, strict=False)

    def router_loss(self) -> Tensor | None:
        """Load-balancing loss of the last call's mixtures of experts; None without them."""
        return router_loss(self, self.config.moe_loss_weight)


def _zeroed(linear: Linear) -> Linear:
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
