# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks every network here is made of: attention, encoder and decoder layers, the U-shaped skip stack, positions.

Batch-first: sequences are (B, S, H), B batch, S tokens, H hidden width. Masks are (B, S) and True where a token is
real; None means that all are. Parameter names are those of the published checkpoints. Attention maps are never
computed: everything goes through torch's scaled_dot_product_attention. Over 300 lines, since each block is made of
those above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compute.matmul import Linear, linear, linear_each, linear_gelu
from .config import MAX_POSITIONS, ModelConfig


def key_mask(real: Tensor | None) -> Tensor | None:
    """(B,S) True where real -> (B,1,1,S) for attention, or None when nothing is masked.

    Looking for masks that mask nothing is done on the CPU only, where it is free; elsewhere it would wait for the
    device.
    """
    if real is None or (real.device.type == "cpu" and bool(real.all())):
        return None
    return real[:, None, None, :]


class Attention(nn.Module):
    """Multi-head attention with one packed matrix for q, k and v; scale 1/sqrt(H / heads)."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None, read: int | None = None
    ) -> Tensor:
        """x (B,S,H) attends to memory (B,M,H), or to itself when memory is None; mask from :func:`key_mask`.

        ``read``: as many tokens of x, from the first, as the answer is wanted for; None for all.
        """
        width = x.shape[-1]
        if memory is not None and mask is None and self._folds(x, memory):
            return self._folded(x[:, :read], memory)
        if memory is None and read is None:
            query, key, value = linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            memory = x if memory is None else memory
            query = linear(x[:, :read], self.in_proj_weight[:width], self.in_proj_bias[:width])
            key, value = linear(memory, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, dim=-1)
        dropout = self.dropout if self.training else 0.0
        query, key, value = (self._by_head(part) for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def _by_head(self, x: Tensor) -> Tensor:
        """(B,S,H) -> (B,heads,S,H / heads)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _folds(self, x: Tensor, memory: Tensor) -> bool:
        """Whether :meth:`_folded` is the shorter computation: a short memory, all of it seen, and nothing dropped."""
        small = self.num_heads * memory.shape[1] < x.shape[-1] and memory.shape[1] < x.shape[1]
        return small and not self.training and x.dtype is torch.float32

    def _folded(self, x: Tensor, memory: Tensor) -> Tensor:
        """Attention to a memory of few tokens without projecting x.

        q k' = x (Wq' k') and the sum over the memory of w v Wo' is linear in the weights w, so both matrices of x are
        folded into the memory's keys and values: heads * M rows instead of H.
        """
        width, (batch, length, _) = x.shape[-1], memory.shape
        projected = linear(memory, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, dim=-1)
        key, value = (self._by_head(part) for part in projected)
        key = key * (width // self.num_heads) ** -0.5
        into = self.in_proj_weight[:width].unflatten(0, (self.num_heads, -1))  # (heads, H / heads, H)
        asks = (key @ into).flatten(1, 2)  # (B, heads * M, H)
        bias = (key @ self.in_proj_bias[:width].view(self.num_heads, -1, 1)).flatten(1)
        shares = linear_each(x, asks, bias).unflatten(-1, (self.num_heads, length)).softmax(dim=-1).flatten(2)
        out = self.out_proj.weight.unflatten(1, (self.num_heads, -1)).transpose(0, 1)  # (heads, H, H / heads)
        gives = (out @ value.transpose(2, 3)).transpose(1, 2).flatten(2)  # (B, H, heads * M)
        return linear_each(shares, gives, self.out_proj.bias.expand(batch, -1))


def activate(x: Tensor, activation: str) -> Tensor:
    """Exact (erf) GELU, ReLU, or GEGLU, whose first half is gated by the GELU of the second."""
    if activation == "geglu":
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)
    return F.relu(x) if activation == "relu" else F.gelu(x)


class FeedForward(nn.Module):
    """Linear, activation, dropout, Linear: the expert of a mixture."""

    def __init__(self, width: int, inner: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.activation = activation
        self.linear1 = Linear(width, inner * (2 if activation == "geglu" else 1))
        self.linear2 = Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(activate(self.linear1(x), self.activation)))


class MixtureOfExperts(nn.Module):
    """Top-k routed feed-forward network; ``routing`` keeps (probabilities, picks) of the last call for the router
    loss.
    """

    def __init__(self, width: int, inner: int, config: ModelConfig) -> None:
        super().__init__()
        self.top_k = config.moe_top_k
        self.jitter = config.moe_jitter
        self.gate = Linear(width, config.moe_num_experts, bias=False)
        self.experts = nn.ModuleList(
            FeedForward(width, inner, config.activation, config.dropout) for _ in range(config.moe_num_experts)
        )
        self.routing: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(0, -2)
        if self.training and self.jitter > 0:
            tokens = tokens * torch.empty_like(tokens).uniform_(1 - self.jitter, 1 + self.jitter)
        probabilities = self.gate(tokens).softmax(dim=-1)
        weights, picks = probabilities.topk(self.top_k, dim=-1)
        self.routing = (probabilities, picks)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        out = torch.zeros_like(tokens)
        for index, expert in enumerate(self.experts):
            rows, slots = (picks == index).nonzero(as_tuple=True)
            out = out.index_add(0, rows, expert(tokens[rows]) * weights[rows, slots, None])
        return out.view_as(x)


def router_loss(network: nn.Module, weight: float) -> Tensor | None:
    """Load balance over the tokens of all mixtures of the last call; None when there is no mixture.

    weight * E * sum over slots and experts of (share of tokens whose slot picks the expert * its mean probability).
    """
    routings = [m.routing for m in network.modules() if isinstance(m, MixtureOfExperts) and m.routing is not None]
    if not routings:
        return None
    probabilities = torch.cat([probability for probability, _ in routings])
    picks = torch.cat([pick for _, pick in routings])
    num_experts = probabilities.shape[-1]
    shares = F.one_hot(picks, num_experts).to(probabilities.dtype).mean(dim=0)  # (slots, E)
    return weight * num_experts * (shares * probabilities.mean(dim=0)).sum()


class TransformerLayer(nn.Module):
    """Self-attention, cross-attention if ``cross``, feed-forward; post-norm, or pre-norm with ``normalize_before``."""

    def __init__(self, width: int, inner: int, num_heads: int, config: ModelConfig, *, cross: bool) -> None:
        super().__init__()
        self.pre_norm = config.normalize_before
        self.activation = config.activation
        self.self_attn = Attention(width, num_heads, config.dropout)
        self.multihead_attn = Attention(width, num_heads, config.dropout) if cross else None
        self.moe = MixtureOfExperts(width, inner, config) if config.moe else None
        if self.moe is None:
            self.linear1 = Linear(width, inner * (2 if config.activation == "geglu" else 1))
            self.linear2 = Linear(inner, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        if cross:
            self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
        read: int | None = None,
        attended: bool = False,
    ) -> Tensor:
        """x (B,S,H), memory (B,M,H) for a layer with cross-attention, mask over x's own tokens as keys.

        ``read``: as many tokens, from the first, as the output is wanted for; None for all. ``attended``: x has been
        through :meth:`attend` already.
        """
        x = x if attended else self.attend(x, mask, read)
        if self.multihead_attn is None:
            return self._residual(x, self.norm2, self._feed_forward)
        cross = self.multihead_attn
        x = self._residual(x, self.norm2, lambda y: cross(y, memory))
        return self._residual(x, self.norm3, self._feed_forward)

    def attend(self, x: Tensor, mask: Tensor | None = None, read: int | None = None) -> Tensor:
        """The layer's first part, in which the tokens see each other only."""
        return self._residual(x, self.norm1, lambda y: self.self_attn(y, mask=mask, read=read), read)

    def _residual(
        self, x: Tensor, norm: nn.Module, branch: Callable[[Tensor], Tensor], read: int | None = None
    ) -> Tensor:
        if self.pre_norm:
            return x[:, :read] + self.dropout(branch(norm(x)))
        return norm(x[:, :read] + self.dropout(branch(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        if self.moe is not None:
            return self.moe(x)
        if self.activation == "gelu":
            inner = linear_gelu(x, self.linear1.weight, self.linear1.bias)
        else:
            inner = activate(self.linear1(x), self.activation)
        return self.linear2(self.dropout(inner))


class SkipStack(nn.Module):
    """Layers in the shape of a U: each block of the second half sees the output of its mirror in the first.

    ``cross`` makes the layers decoder layers. All matrices start Xavier-uniform.
    """

    # Seven parameters: sizes, each by its name.
    def __init__(
        self,
        config: ModelConfig,
        *,
        width: int,
        inner: int,
        num_heads: int,
        num_layers: int,
        cross: bool = False,
        final_norm: bool = True,
    ) -> None:
        super().__init__()

        def layer() -> TransformerLayer:
            return TransformerLayer(width, inner, num_heads, config, cross=cross)

        half = num_layers // 2
        self.input_blocks = nn.ModuleList(layer() for _ in range(half))
        self.middle_block = layer()
        self.output_blocks = nn.ModuleList(layer() for _ in range(half))
        self.linear_blocks = nn.ModuleList(Linear(2 * width, width) for _ in range(half))
        self.norm = nn.LayerNorm(width) if final_norm else None
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    # Seven parameters: one stack serves encoder, decoder and ControlNet, which each use some of them.
    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
        residuals: Sequence[Tensor] | None = None,
        taps: list[Tensor] | None = None,
        read: int | None = None,
        attended: bool = False,
    ) -> Tensor:
        """x (B,S,H) -> (B,S,H).

        ``residuals``: a tensor for each block in order of execution, added to its output before that is passed on or
        kept for the skip. ``taps``: a list that receives each block's output. ``read``: as many tokens, from the first,
        as are wanted: (B,read,H). ``attended``: x has been through the first block's :meth:`TransformerLayer.attend`.
        """
        added = iter(residuals) if residuals is not None else None
        blocks = [*self.input_blocks, self.middle_block, *self.output_blocks]
        half, last = len(self.input_blocks), len(blocks) - 1
        skips: list[Tensor] = []
        for index, block in enumerate(blocks):
            if index > half:
                x = self.linear_blocks[index - half - 1](torch.cat([x, skips.pop()], dim=-1))
            x = block(x, memory, mask, read if index == last else None, attended and index == 0)
            x = x if added is None else x + next(added)
            if taps is not None:
                taps.append(x)
            if index < half:
                skips.append(x)
        return x if self.norm is None else self.norm(x)


class Positions(nn.Module):
    """A position table ``pe`` (500, 1, H): learned, uniform in (0, 1) at first, or fixed interleaved sines and
    cosines.
    """

    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        if kind == "learned":
            self.pe = nn.Parameter(torch.rand(MAX_POSITIONS, 1, width))
        else:
            self.register_buffer("pe", sine_positions(MAX_POSITIONS, width)[:, None])

    def rows(self, length: int) -> Tensor:
        """The first ``length`` rows, (length, H)."""
        if length > MAX_POSITIONS:
            raise ValueError(f"{length} tokens are more than the position table's {MAX_POSITIONS}")
        return self.pe[:length, 0]

    def forward(self, x: Tensor) -> Tensor:
        """x (B,S,H) plus the first S rows."""
        return x + self.rows(x.shape[1])


def sine_positions(length: int, width: int) -> Tensor:
    """(length, width): sin in even columns, cos in odd ones, wavelengths from 2 pi to 10000 * 2 pi."""
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
