# SPDX-License-Identifier: GPL-3.0-or-later
"""How well motion made from text alone fits its text and the real motions, as a text-motion evaluator sees it.

R-precision, matching score (MM-distance), FID, diversity and multimodality with replications (Guo et al., CVPR 2022).
Shapes: B batch, T frames, F = 263 features, D embedding width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.checkpoints.networks import Networks

from ..data.clips import Clip
from . import metrics
from .evaluator import Evaluator
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


def text_figures(
    networks: Networks,
    clips: Sequence[Clip],
    encode: Encode,
    evaluator: Evaluator,
    steps: int,
    protocol: TextProtocol,
    seed: int = 0,
    advance: Callable[[str], None] = lambda doing: None,
) -> dict:
    """``real`` and ``generated`` figures over replications, with intervals, and what they were measured with.

    Each clip counts once in a replication, with one of its captions drawn at random; motions are as long as the clips.
    """
    mean, std = statistics_of(networks)
    motions = motions_of(networks, clips)
    lengths = motions.lengths
    missing = networks.config.max_frames - motions.features.shape[1]
    real = torch.nn.functional.pad(motions.features, (0, 0, 0, missing)) * std + mean
    real_embeddings = embed_motions(evaluator, real, lengths)
    uncond = encode([""])
    group = min(protocol.group, len(clips))
    drawn: dict[str, list[dict[str, float]]] = {"real": [], "generated": []}
    for replication in range(protocol.replications):
        advance(f"text, replication {replication + 1}")
        draw = np.random.default_rng((seed, replication))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + replication)
        texts = [str(draw.choice(clip.captions)) for clip in clips]
        made = generated_features(networks, encode(texts), lengths, steps, generator, uncond)
        embeddings = embed_motions(evaluator, made, lengths)
        order = draw.permutation(len(clips))
        pairs = metrics.random_pairs(len(clips), protocol.diversity_pairs, draw)
        words = evaluator.embed(texts)
        drawn["real"].append(_judged(words, real_embeddings, order, group, pairs))
        figures = _judged(words, embeddings, order, group, pairs)
        figures["fid"] = metrics.frechet_distance(embeddings, real_embeddings)
        figures["multimodality"] = _multimodality(
            networks, texts, lengths, encode, evaluator, steps, protocol, generator, draw
        )
        drawn["generated"].append(figures)
    return {
        "evaluator": evaluator.label,
        "samples": len(clips),
        "group": group,
        "replications": protocol.replications,
        "steps": steps,
        **{kind: estimates(draws) for kind, draws in drawn.items()},
    }


def _judged(
    text: np.ndarray | None,
    motion: np.ndarray,
    order: np.ndarray,
    group: int,
    pairs: tuple[np.ndarray, np.ndarray],
) -> dict[str, float]:
    figures = {"diversity": metrics.diversity(motion, *pairs)}
    if text is not None:
        matching, precision = metrics.matching_and_precision(text, motion, order, group)
        figures |= {"matching": matching}
        figures |= {f"r_precision_{k + 1}": float(share) for k, share in enumerate(precision)}
    return figures


def _multimodality(
    networks: Networks,
    texts: Sequence[str],
    lengths: Sequence[int],
    encode: Encode,
    evaluator: Evaluator,
    steps: int,
    protocol: TextProtocol,
    generator: torch.Generator,
    draw: np.random.Generator,
) -> float:
    repeats = protocol.multimodality_repeats
    chosen = draw.permutation(len(texts))[: protocol.multimodality_texts]
    embeddings = []
    for index in chosen:
        text = encode([texts[index]]).expand(repeats, -1)
        own = [lengths[index]] * repeats
        made = generated_features(networks, text, own, steps, generator, encode([""]))
        embeddings.append(embed_motions(evaluator, made, own))
    return metrics.multimodality(
        np.stack(embeddings), *metrics.random_pairs(repeats, protocol.multimodality_pairs, draw)
    )
