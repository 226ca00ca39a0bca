# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that lay a motion and the sentence about it close together: the published ones, and ours.

The published evaluators (Guo et al., "Generating Diverse and Natural 3D Human Motions from Text", CVPR 2022) are built
from the names and shapes of their 42 tensors, which published MotionLCM checkpoints carry (t2m_*). What names and
shapes leave open is chosen so: convolutions of kernel 4, stride 2 and padding 1 with dropout 0.2 (which fills the gap
in the numbering) and LeakyReLU 0.2; the initial hidden state is a learned parameter, the same for every sample; the
output network is Linear, LayerNorm, LeakyReLU 0.2, Linear on the last states of both directions. Tags of the words are
projected and added to the word vectors. Sequences are packed, so padding beyond a length is never read; results keep
the order of the batch.

Shapes: B batch, T frames, F = 263 features, M movements (T/4), L words, W text width, D embedding width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from blender_addon.shared.errors import BadRequest

FRAMES_PER_MOVEMENT = 4
NUM_CONTACTS = 4  # the last features, which the published evaluators do not see
WORD_WIDTH, TAG_WIDTH = 300, 15  # GloVe vectors and one-hot part-of-speech tags
SLOPE = 0.2


class MovementEncoder(nn.Module):
    """(B, T, features) to (B, T/4, width): two convolutions of stride 2."""

    def __init__(self, num_features: int, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv1d(num_features, width, 4, 2, 1),
            nn.Dropout(0.2),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(width, width, 4, 2, 1),
            nn.Dropout(0.2),
            nn.LeakyReLU(SLOPE),
        )
        self.out_net = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        return self.out_net(self.main(features.transpose(1, 2)).transpose(1, 2))


class RecurrentEncoder(nn.Module):
    """(B, L, input_width) of ``lengths`` (B,) to (B, output_width) by a two-way GRU; ``tags`` (B, L, tag_width) are
    added to the input when the network has a place for them.
    """

    def __init__(self, input_width: int, width: int, output_width: int, tag_width: int = 0) -> None:
        super().__init__()
        if tag_width:
            self.pos_emb = nn.Linear(tag_width, input_width)
        self.input_emb = nn.Linear(input_width, width)
        self.gru = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.hidden = nn.Parameter(torch.randn(2, 1, width))
        self.output_net = nn.Sequential(
            nn.Linear(2 * width, width), nn.LayerNorm(width), nn.LeakyReLU(SLOPE), nn.Linear(width, output_width)
        )

    def forward(self, inputs: Tensor, lengths: Tensor, tags: Tensor | None = None) -> Tensor:
        if tags is not None:
            inputs = inputs + self.pos_emb(tags)
        packed = pack_padded_sequence(self.input_emb(inputs), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.gru(packed, self.hidden.expand(-1, len(inputs), -1).contiguous())
        return self.output_net(torch.cat([last[0], last[1]], -1))


class PublishedEvaluator(nn.Module):
    """The three published networks under their published names; sizes are the official ones unless given."""

    def __init__(self, num_features: int = 263, movement: int = 512, motion: int = 1024, text: int = 512,
                 width: int = 512) -> None:  # fmt: skip
        super().__init__()
        self.num_features = num_features
        self.t2m_moveencoder = MovementEncoder(num_features - NUM_CONTACTS, movement)
        self.t2m_motionencoder = RecurrentEncoder(movement, motion, width)
        self.t2m_textencoder = RecurrentEncoder(WORD_WIDTH, text, width, TAG_WIDTH)

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, D) of features (B, T, F) in the evaluator's own normalisation. Raises BadRequest under 4 frames."""
        movements = self.t2m_moveencoder(features[..., :-NUM_CONTACTS])
        return self.t2m_motionencoder(movements, _movement_lengths(lengths))

    def embed_words(self, words: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """(B, D) of word vectors (B, L, 300) and one-hot tags (B, L, 15)."""
        return self.t2m_textencoder(words, lengths, tags)


class OwnEvaluator(nn.Module):
    """Gaitway's own: the same motion side, smaller, and a small network on the frozen sentence encoder's embedding.

    It keeps the statistics of its training data. Embeddings have length 1.
    """

    def __init__(self, num_features: int, text_width: int, width: int, embedding_width: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("std", torch.ones(num_features))
        self.movement = MovementEncoder(num_features, width)
        self.motion = RecurrentEncoder(width, width, embedding_width)
        self.text = nn.Sequential(
            nn.Linear(text_width, width), nn.Dropout(0.2), nn.LeakyReLU(SLOPE), nn.Linear(width, embedding_width)
        )
        self.log_temperature = nn.Parameter(torch.tensor(0.1).log())

    def forward(self, features: Tensor, lengths: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of motions and sentences, and the temperature: what a training step needs."""
        return self.embed_motion(features, lengths), self.embed_sentence(sentence), self.log_temperature.exp()

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, D) of features (B, T, F) in this evaluator's own normalisation. Raises BadRequest under 4 frames."""
        return functional.normalize(self.motion(self.movement(features), _movement_lengths(lengths)), dim=-1)

    def embed_sentence(self, sentence: Tensor) -> Tensor:
        """(B, D) of sentence embeddings (B, W)."""
        return functional.normalize(self.text(sentence), dim=-1)


def _movement_lengths(lengths: Tensor) -> Tensor:
    if int(lengths.min()) < FRAMES_PER_MOVEMENT:
        raise BadRequest(
            f"A motion of {int(lengths.min())} frames is too short for the evaluator.",
            f"It reads whole groups of {FRAMES_PER_MOVEMENT} frames: leave shorter motions out.",
        )
    return torch.div(lengths, FRAMES_PER_MOVEMENT, rounding_mode="floor")


def contrastive_loss(motion: Tensor, text: Tensor, same: Tensor, temperature: Tensor | float) -> dict[str, Tensor]:
    """Symmetric InfoNCE of paired unit embeddings (B, D) (van den Oord et al., 2018; Radford et al., 2021).

    ``same`` (B, B): pairs that say the same though they are not of one sample; they are no negatives.
    """
    own = torch.eye(len(motion), dtype=torch.bool, device=motion.device)
    logits = (motion @ text.T / temperature).masked_fill(same & ~own, float("-inf"))
    target = torch.arange(len(motion), device=motion.device)
    terms = {
        "motion_to_text": 0.5 * functional.cross_entropy(logits, target),
        "text_to_motion": 0.5 * functional.cross_entropy(logits.T, target),
    }
    return terms | {"loss": terms["motion_to_text"] + terms["text_to_motion"]}
