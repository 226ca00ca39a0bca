# SPDX-License-Identifier: GPL-3.0-or-later
"""How well motion made from text alone fits its text and the real motions, as a text-motion evaluator sees it.

R-precision, matching score (MM-distance), FID, diversity and multimodality with replications (Guo et al., CVPR 2022).
Shapes: B batch, T frames, F = 263 features, D embedding width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.checkpoints.networks import Networks

from ..data.clips import Clip
from . import metrics
from .evaluator import Evaluator
from .metric_table import TEXT, Embedded, measured
from .motion_quality import estimates, motions_of, sample_latent, statistics_of

Encode = Callable[[list[str]], Tensor]
"""Sentences to embeddings (B, W): the model's own text encoder."""

_BATCH = 32


@dataclass(frozen=True)
class TextProtocol:
    """The published protocol, but for the number of replications; fewer samples than it asks for shrink it."""

    replications: int = 20
    group: int = metrics.GROUP
    diversity_pairs: int = metrics.DIVERSITY_PAIRS
    multimodality_texts: int = metrics.MULTIMODALITY_TEXTS
    multimodality_repeats: int = metrics.MULTIMODALITY_REPEATS
    multimodality_pairs: int = metrics.MULTIMODALITY_PAIRS


QUICK_PROTOCOL = TextProtocol(1, multimodality_texts=8, multimodality_repeats=8, multimodality_pairs=4)


def generated_features(
    networks: Networks, text: Tensor, lengths: Sequence[int], steps: int, generator: torch.Generator, uncond: Tensor
) -> Tensor:
    """(B, T, F) in physical units for text (B, W), T the model's longest motion; frames beyond a length are the mean's,
    as in the published evaluation.
    """
    mean, std = statistics_of(networks)
    made = []
    for start in range(0, len(text), _BATCH):
        own = torch.tensor(lengths[start : start + _BATCH], device=mean.device)
        mask = torch.arange(int(own.max()), device=mean.device)[None] < own[:, None]
        latent = sample_latent(networks, mask, text[start : start + _BATCH], steps, generator, uncond)
        with torch.no_grad():
            decoded = networks.decode(latent, mask) * mask[..., None]
        made.append(torch.nn.functional.pad(decoded, (0, 0, 0, networks.config.max_frames - decoded.shape[1])))
    return torch.cat(made) * std + mean


def embed_motions(evaluator: Evaluator, features: Tensor, lengths: Sequence[int]) -> np.ndarray:
    """(B, D) of features (B, T, F), some at a time."""
    parts = range(0, len(features), _BATCH)
    return np.concatenate([evaluator.embed_motions(features[s : s + _BATCH], lengths[s : s + _BATCH]) for s in parts])


@dataclass(frozen=True, eq=False)
class TextGenerator:
    """A model that makes motions from sentences in ``steps`` of sampling, and the evaluator that judges them."""

    networks: Networks
    encode: Encode
    evaluator: Evaluator
    steps: int

    def embed(self, texts: list[str], lengths: Sequence[int], generator: torch.Generator) -> np.ndarray:
        """(B, D): the evaluator's embeddings of a motion of a length (frames) for each sentence."""
        uncond = self.encode([""])
        made = generated_features(self.networks, self.encode(texts), lengths, self.steps, generator, uncond)
        return embed_motions(self.evaluator, made, lengths)

    def repeat(self, text: str, length: int, repeats: int, generator: torch.Generator) -> np.ndarray:
        """(repeats, D) of motions for one sentence."""
        words, own = self.encode([text]).expand(repeats, -1), [length] * repeats
        made = generated_features(self.networks, words, own, self.steps, generator, self.encode([""]))
        return embed_motions(self.evaluator, made, own)


def text_figures(
    model: TextGenerator,
    clips: Sequence[Clip],
    protocol: TextProtocol,
    seed: int = 0,
    advance: Callable[[str], None] = lambda doing: None,
) -> dict:
    """``real`` and ``generated`` figures over replications, with intervals, and what they were measured with.

    Each clip counts once in a replication, with one of its captions drawn at random; motions are as long as the clips.
    """
    evaluator = model.evaluator
    lengths, real = _real_embeddings(model.networks, evaluator, clips)
    group = min(protocol.group, len(clips))
    drawn: dict[str, list[dict[str, float]]] = {"real": [], "generated": []}
    for replication in range(protocol.replications):
        advance(f"text, replication {replication + 1}")
        draw = np.random.default_rng((seed, replication))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + replication)
        texts = [str(draw.choice(clip.captions)) for clip in clips]
        made = model.embed(texts, lengths, generator)
        order = draw.permutation(len(clips))
        pairs = metrics.random_pairs(len(clips), protocol.diversity_pairs, draw)
        captured = Embedded(evaluator.embed(texts), real, order, group, pairs)
        chosen = draw.permutation(len(texts))[: protocol.multimodality_texts]
        count = protocol.multimodality_repeats
        repeated = np.stack([model.repeat(texts[index], lengths[index], count, generator) for index in chosen])
        repeats = (repeated, *metrics.random_pairs(count, protocol.multimodality_pairs, draw))
        drawn["real"].append(measured(TEXT, captured))
        drawn["generated"].append(measured(TEXT, replace(captured, motion=made, real=real, repeats=repeats)))
    return {
        "evaluator": evaluator.label,
        "samples": len(clips),
        "group": group,
        "replications": protocol.replications,
        "steps": model.steps,
        **{kind: estimates(draws) for kind, draws in drawn.items()},
    }


def _real_embeddings(networks: Networks, evaluator: Evaluator, clips: Sequence[Clip]) -> tuple[list[int], np.ndarray]:
    """The clips' lengths (frames) and embeddings (B, D)."""
    mean, std = statistics_of(networks)
    motions = motions_of(networks, clips)
    missing = networks.config.max_frames - motions.features.shape[1]
    features = torch.nn.functional.pad(motions.features, (0, 0, 0, missing)) * std + mean
    return motions.lengths, embed_motions(evaluator, features, motions.lengths)
