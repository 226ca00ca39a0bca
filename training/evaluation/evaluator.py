# SPDX-License-Identifier: GPL-3.0-or-later
"""Text-motion evaluators: load the published one, or train our own. ``python -m training.evaluation.evaluator
--recipe small --data FOLDER --run FOLDER`` writes ``evaluator.safetensors`` into the run folder.

Figures of our own evaluator tell models of this package apart; they are not comparable with published figures.

Shapes: B batch, T frames, F = 263 features, L words, D embedding width.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from blender_addon.shared.errors import BadCheckpoint, BadFile
from engine.checkpoints.published import read_evaluator_tensors
from engine.models.text_encoder import load_text_encoder

from ..data.clips import Clip
from ..data.sampling import CropSampler, pad
from ..loop.checkpoints import whole_file
from ..loop.loop import run_stage
from ..runs.command_line import command_line
from ..runs.run import Run
from .evaluator_networks import TAG_WIDTH, WORD_WIDTH, OwnEvaluator, PublishedEvaluator, contrastive_loss
from .metrics import GROUP, matching_and_precision

OWN_LABEL = "own evaluator, not comparable with published figures"
PUBLISHED_LABEL = "published evaluator (Guo et al., CVPR 2022)"
FILE = "evaluator.safetensors"
_KIND = "gaitway-evaluator"
_SIZES = ("num_features", "text_width", "width", "embedding_width")
_STATISTICS = (("Mean.npy", "Std.npy"), ("mean.npy", "std.npy"))


@dataclass(frozen=True, eq=False)
class Evaluator:
    """``network`` with the statistics (F,) its motions are normalised with; ``embed_texts`` gives (B, D) for sentences,
    None when it cannot read any.
    """

    label: str
    network: OwnEvaluator | PublishedEvaluator
    mean: Tensor
    std: Tensor
    embed_texts: Callable[[Sequence[str]], Tensor] | None

    @torch.no_grad()
    def embed_motions(self, features: Tensor, lengths: Sequence[int]) -> np.ndarray:
        """(B, D) of features (B, T, F) in physical units, padded; ``lengths`` (B,) at least 4 frames."""
        normalised = (features.to(self.mean) - self.mean) / self.std
        return self.network.embed_motion(normalised, torch.tensor(lengths)).float().cpu().numpy()

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> np.ndarray | None:
        """(B, D) of sentences, or None. Raises BadFile when the published evaluator has no words for one."""
        return None if self.embed_texts is None else self.embed_texts(texts).float().cpu().numpy()


def load_evaluator(
    path: Path, statistics: Path | None = None, words: Path | None = None, device: torch.device | str = "cpu"
) -> Evaluator:
    """Our own evaluator's file, or a published file with t2m_* tensors (or the evaluators' own) and the folder
    ``statistics`` with the evaluator's Mean.npy and Std.npy.

    ``words``: npz with texts (C,), words (C, L, 300) GloVe, tags (C, L, 15) one-hot, lengths (C,), for the captions to
    be evaluated; without it the published evaluator judges motions only. Raises BadCheckpoint or BadFile.
    """
    path = Path(path)
    own = _read_own(path) if path.suffix == ".safetensors" and path.is_file() else None
    if own is not None:
        return _own_evaluator(*own, torch.device(device))
    state = read_evaluator_tensors(path)
    if not state:
        raise BadCheckpoint(
            f"{path.name} contains no evaluator (t2m_*).",
            "Give a published checkpoint, or a file written by python -m training.evaluation.evaluator.",
        )
    network = load_published_evaluator(state).to(device)
    mean, std = (value.to(device) for value in _read_statistics(statistics, network))
    table = None if words is None else _WordTable(words, network, torch.device(device))
    return Evaluator(PUBLISHED_LABEL, network, mean, std, table)


def load_published_evaluator(state: dict[str, Tensor]) -> PublishedEvaluator:
    """The network of all 42 tensors, sizes as the tensors say, in evaluation mode. Raises BadCheckpoint."""
    try:
        network = PublishedEvaluator(
            state["t2m_moveencoder.main.0.weight"].shape[1] + 4,
            state["t2m_moveencoder.out_net.weight"].shape[0],
            state["t2m_motionencoder.hidden"].shape[-1],
            state["t2m_textencoder.hidden"].shape[-1],
            state["t2m_motionencoder.output_net.3.weight"].shape[0],
        )
        network.load_state_dict(state)
    except (KeyError, RuntimeError, IndexError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise BadCheckpoint(f"The evaluator's weights do not fit ({reason}).", "Download the file again.") from error
    return network.eval()


def _read_statistics(folder: Path | None, network: PublishedEvaluator) -> tuple[Tensor, Tensor]:
    if folder is None:
        raise BadFile(
            "The published evaluator needs the statistics it was trained with.",
            "Give the folder of its Mean.npy and Std.npy with --evaluator-statistics.",
        )
    names = next((pair for pair in _STATISTICS if all((folder / name).is_file() for name in pair)), None)
    if names is None:
        raise BadFile(
            f"There are no Mean.npy and Std.npy in {folder}.", "Give the statistics that it was trained with."
        )
    try:
        mean, std = (torch.from_numpy(np.load(folder / name, allow_pickle=False)).float() for name in names)
    except (OSError, ValueError, TypeError) as error:
        raise BadFile(f"The statistics in {folder} cannot be read ({error}).", "Copy them again.") from error
    expected = network.num_features
    if mean.shape != (expected,) or std.shape != (expected,) or not bool((std > 0).all()):
        raise BadFile(
            f"The statistics in {folder} are not {expected} means and positive deviations.",
            "Give the statistics that it was trained with.",
        )
    return mean, std


class _WordTable:
    """Captions to embeddings by the words and tags that a user's file gives for them."""

    def __init__(self, path: Path, network: PublishedEvaluator, device: torch.device) -> None:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                self.places = {str(text): i for i, text in enumerate(arrays["texts"])}
                self.words, self.tags = (torch.from_numpy(arrays[key]).float() for key in ("words", "tags"))
                self.lengths = torch.from_numpy(arrays["lengths"]).long()
            shape = (len(self.places), int(self.lengths.max()))
            for value, width in ((self.words, WORD_WIDTH), (self.tags, TAG_WIDTH)):
                if (
                    value.ndim != 3
                    or value.shape[0] != shape[0]
                    or value.shape[1] < shape[1]
                    or value.shape[2] != width
                ):
                    raise ValueError(f"a shape is {tuple(value.shape)}")
            if len(self.lengths) != shape[0] or int(self.lengths.min()) < 1:
                raise ValueError("a length is missing or below 1")
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise BadFile(
                f"The words in {path} cannot be used ({error}).",
                f"It holds texts (C,), words (C, L, {WORD_WIDTH}), tags (C, L, {TAG_WIDTH}) and lengths (C,).",
            ) from error
        self.path, self.network, self.device = path, network, device

    def __call__(self, texts: Sequence[str]) -> Tensor:
        missing = [text for text in texts if text not in self.places]
        if missing:
            raise BadFile(f"{self.path} has no words for the caption '{missing[0]}'.", "Add it, with its tags.")
        chosen = torch.tensor([self.places[text] for text in texts])
        words, tags = self.words[chosen].to(self.device), self.tags[chosen].to(self.device)
        return self.network.embed_words(words, tags, self.lengths[chosen])


def _read_own(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if about.get("kind") != _KIND:
                return None
            return {key: file.get_tensor(key) for key in file.keys()}, about  # noqa: SIM118  (not a mapping)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path} is damaged ({error}).", "Copy or train it again.") from error


def _own_evaluator(state: dict[str, Tensor], about: dict[str, str], device: torch.device) -> Evaluator:
    try:
        sizes = json.loads(about["sizes"])
        network = OwnEvaluator(*(int(sizes[key]) for key in _SIZES))
        network.load_state_dict(state)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise BadCheckpoint("The evaluator's file does not fit this version.", "Train it again.") from error
    network = network.to(device).eval()
    encoder = load_text_encoder(about["text_encoder"], int(sizes["text_width"]), device)

    def embed(texts: Sequence[str]) -> Tensor:
        return network.embed_sentence(encoder.encode(list(texts)).to(device))

    return Evaluator(OWN_LABEL, network, network.mean, network.std, embed)


def say_the_same(clips: Sequence[Clip], texts: Sequence[str]) -> Tensor:
    """(C, C) bool: captions of one and the same clip, and each with itself."""
    places = {text: i for i, text in enumerate(texts)}
    same = torch.eye(len(texts), dtype=torch.bool)
    for clip in clips:
        own = torch.tensor([places[text] for text in clip.captions], dtype=torch.long)
        same[own[:, None], own[None]] = True
    return same


def telling_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Those whose captions say what happens, long enough for the evaluator."""
    return [clip for clip in clips if clip.captions and not clip.weak and clip.num_frames >= 4]


@torch.no_grad()
def retrieval(network: OwnEvaluator, clips: Sequence[Clip], table: dict[str, Tensor], frames: int = 196) -> dict:
    """R-precision and matching score of whole clips and their first captions, beside what chance would give."""
    features, mask = pad([(torch.from_numpy(clip.features[:frames]) - network.mean) / network.std for clip in clips])
    motion = network.embed_motion(features, mask.sum(1)).numpy()
    text = network.embed_sentence(torch.stack([table[clip.captions[0]] for clip in clips])).numpy()
    group = min(GROUP, len(clips))
    order = np.random.default_rng(0).permutation(len(clips))
    matching, precision = matching_and_precision(text, motion, order, group)
    return {"top1": precision[0], "top3": precision[2], "chance_top1": 1 / group, "matching": matching}


def train(run: Run, max_minutes: float | None = None) -> nn.Module:
    """Run the training (or what is left of it) in ``run.folder`` and write the evaluator's file there."""
    recipe, stage, texts = run.recipe, run.recipe.evaluator, run.texts
    embeddings = run.text_embeddings()
    mean, std = run.statistics
    clips, held_out = telling_clips(run.clips["train"]), telling_clips(run.clips["val"])
    sampler = CropSampler(clips, mean.numpy(), std.numpy(), texts)
    same, table = say_the_same(clips, texts), dict(zip(texts, embeddings, strict=True))
    torch.manual_seed(run.seed)
    sizes = (len(mean), embeddings.shape[1], recipe.evaluator_sizes.width, recipe.evaluator_sizes.embedding_width)
    network = OwnEvaluator(*sizes)
    network.mean.copy_(mean)
    network.std.copy_(std)

    def step(module: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
        batch = sampler.draw(stage.batch_size, stage.min_frames, stage.max_frames, generator)
        motion, text, temperature = module(batch.features, batch.mask.sum(1), embeddings[batch.captions])
        return contrastive_loss(motion, text, same[batch.captions][:, batch.captions], temperature)

    def validate(module: nn.Module) -> dict[str, float]:
        assert isinstance(module, OwnEvaluator)
        return retrieval(module, held_out, table) if held_out else {}

    trained = run_stage(
        "evaluator", stage, network, step, validate, run.folder, run.seed, max_minutes, recipe.mixed_precision
    )
    about = {
        "kind": _KIND,
        "label": OWN_LABEL,
        "sizes": json.dumps(dict(zip(_SIZES, sizes, strict=True))),
        "text_encoder": recipe.model.text_encoder,
    }
    state = {key: value.detach().cpu().contiguous() for key, value in trained.state_dict().items()}
    with whole_file(run.folder / FILE) as stream:
        stream.write(save(state, metadata=about))
    return trained


if __name__ == "__main__":
    command_line(train, f"Train the text-motion evaluator ({OWN_LABEL})")
