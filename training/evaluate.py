# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a model is on held-out motion. ``python -m training.evaluate --checkpoint FOLDER --data FOLDER --split
test``.

Reconstruction; control at all densities, raw and refined apart; the text's figures by an evaluator; what verbs change;
and beside them the same figures of the real motions. Prints tables; ``--json`` and ``--report`` write files.

Shapes: W text width, B clips.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from blender_addon.shared.errors import BadFile, BadRequest, ExportError, GaitwayError
from engine.checkpoints.folder import load, load_default
from engine.checkpoints.networks import Networks
from engine.compute.device import pick_device
from engine.control.refine import can_refine
from engine.export.atomic import check_writable
from engine.export.clip import ExportClip
from engine.library.library import Library
from engine.models.text_encoder import load_text_encoder
from engine.pipeline import Pipeline
from engine.sampling import timesteps_of

from .data.clips import Clip, load_clips
from .evaluation.control_accuracy import (
    CONTROLS,
    DENSITIES,
    QUICK_CONTROLS,
    QUICK_DENSITIES,
    CaptionedClips,
    ControlGrid,
    control_table,
)
from .evaluation.delivered_motion import KINDS, PATHS, delivered_rows
from .evaluation.evaluator import Evaluator, load_evaluator
from .evaluation.everyday_sentences import EVERYDAY
from .evaluation.motion_quality import motions_of, quality, reconstruction
from .evaluation.realism.part import (
    MOST_CLIPS,
    PIECES,
    QUICK_PIECES,
    RealismOptions,
    Seen,
    realism_figures,
    realism_steps,
)
from .evaluation.realism.strips import Strip, draw_strips, report_strips
from .evaluation.realism.tables import one_line
from .evaluation.report import PAGE_WIDTH, Figures, print_tables, write_json, write_report
from .evaluation.report_examples import draw_examples
from .evaluation.sentences import VARIATIONS as SENTENCE_VARIATIONS
from .evaluation.sentences import SentenceLibrary, sentence_rows
from .evaluation.text_alignment import QUICK_PROTOCOL, TextGenerator, TextProtocol, text_figures
from .evaluation.text_sensitivity import CONDITIONS, PROMPTS, VARIATIONS, text_matters

PARTS = ("reconstruction", "control", "delivered", "text", "text_matters", "realism", "sentences")
QUICK_CLIPS = 12
REPORTS = (".html", ".png")
LINES = 20  # of progress, where there is no terminal to draw a bar

Advance = Callable[[str], None]


def evaluate(
    networks: Networks,
    held_out: CaptionedClips,
    grid: ControlGrid,
    parts: Sequence[str] = PARTS,
    advance: Advance = lambda doing: None,
) -> Figures:
    """Real motion, reconstruction, and control over the ``grid``."""
    clips = held_out.clips
    motions = motions_of(networks, clips)
    figures: Figures = {"real": quality(motions.of(motions.joints))}
    if "reconstruction" in parts:
        advance("reconstruction")
        figures["reconstruction"] = reconstruction(networks, clips)
        figures["reconstruction_sampled"] = reconstruction(networks, clips, torch.Generator().manual_seed(0))
    if "control" in parts and networks.trajectory_encoder is not None:
        figures["control"] = control_table(networks, held_out, grid, advance)
    return figures


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        done = -1

        def advance(doing: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, description=doing, completed=done)
            if not console.is_terminal and done * LINES // total > (done - 1) * LINES // total:
                print(f"{100 * done // total:3d} %  {doing}", file=sys.stderr, flush=True)

        yield advance


@dataclass(frozen=True)
class EvaluationOptions:
    """What the command line asks for, with what it leaves open decided."""

    grid: ControlGrid
    parts: Sequence[str]
    protocol: TextProtocol
    variations: int
    sentence_variations: int
    seed: int
    realism: RealismOptions
    library: Path | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace, networks: Networks) -> EvaluationOptions:
        """Raises BadRequest for a number of steps that the model cannot take."""
        quick, config = arguments.quick, networks.config
        steps = arguments.steps or [config.default_num_inference_steps]
        for count in steps if config.has_denoiser else ():
            timesteps_of(config, count)
        replications = arguments.replications or (1 if quick else 3)
        controls = arguments.joints or (QUICK_CONTROLS if quick else tuple(CONTROLS))
        densities = arguments.densities or (QUICK_DENSITIES if quick else DENSITIES)
        return cls(
            ControlGrid(steps, replications, controls, densities),
            [part for part in PARTS if part in arguments.parts],
            replace(QUICK_PROTOCOL if quick else TextProtocol(), replications=replications),
            2 if quick else VARIATIONS,
            1 if quick else SENTENCE_VARIATIONS,
            arguments.seed,
            RealismOptions(
                arguments.data,
                arguments.rows or (QUICK_PIECES if quick else PIECES),
                min(arguments.clips, QUICK_CLIPS) if quick else arguments.clips,
                arguments.seed,
            ),
            arguments.library,
        )


def run(arguments: argparse.Namespace) -> tuple[Figures, list[ExportClip], list[Strip]]:
    """All figures that the command's ``arguments`` ask for, and example motions and strips when a report wants them.

    Raises a GaitwayError for whatever its user can mend, before the long work where that can be known.
    """
    _check_outputs(arguments)
    device = pick_device(arguments.device)
    networks = load(arguments.checkpoint) if arguments.checkpoint else load_default()
    networks = networks.to(device).eval()
    clips, all_clips = _clips(arguments, networks)
    evaluator = None
    if arguments.evaluator is not None:
        evaluator = load_evaluator(
            arguments.evaluator, arguments.evaluator_statistics, arguments.evaluator_words, device
        )
    options, config = EvaluationOptions.of(arguments, networks), networks.config
    figures: Figures = {
        "about": {
            "model": config.name,
            "model_hash": networks.model_hash,
            "split": arguments.split,
            "clips": len(clips),
            "device": str(device),
            "steps": list(options.grid.steps),
            "replications": options.grid.replications,
            "refined": can_refine(networks),
        }
    }
    if not config.has_denoiser:
        held_out = CaptionedClips(clips, torch.zeros(0))
        return figures | evaluate(networks, held_out, options.grid, ["reconstruction"]), [], []
    encoder = load_text_encoder(config.text_encoder, config.text_width, device)
    pipeline = Pipeline(networks, encoder, device, _library(arguments, config.text_encoder))
    seen = Seen()
    figures |= _measure(pipeline, clips, all_clips, evaluator, options, seen)
    if arguments.report is None:
        return figures, [], []
    return figures, draw_examples(pipeline, clips, options.seed), report_strips(figures, seen)


def _measure(
    pipeline: Pipeline,
    clips: Sequence[Clip],
    all_clips: Sequence[Clip],
    evaluator: Evaluator | None,
    options: EvaluationOptions,
    seen: Seen,
) -> Figures:
    """The parts of the evaluation of a model that generates, with a progress bar; ``seen`` is filled for pictures."""
    networks, encode, seed = pipeline.networks, pipeline.text_encoder.encode, options.seed
    replications = options.grid.replications
    captions = [clip.captions[0] if clip.captions else "" for clip in clips]
    held_out = CaptionedClips(clips, encode(captions), encode([""]))
    steps = 1 + len(options.grid) + len(PATHS) * len(KINDS) * replications + len(CONDITIONS) * len(PROMPTS)
    steps += (1 if pipeline.sentences is None else 3) * len(EVERYDAY) + 2 if "sentences" in options.parts else 0
    steps += realism_steps(options.realism, len(all_clips)) if "realism" in options.parts else 0
    with _progress(steps + (replications if evaluator else 0)) as advance:
        figures = evaluate(networks, held_out, options.grid, options.parts, advance)
        if "delivered" in options.parts and pipeline.has_control:
            figures["delivered"] = delivered_rows(pipeline, clips, replications, seed, advance)
        if evaluator is not None and "text" in options.parts:
            captioned = [clip for clip in clips if clip.captions]
            model = TextGenerator(networks, encode, evaluator, options.grid.steps[-1])
            figures["text"] = text_figures(model, captioned, options.protocol, seed, advance)
        if "text_matters" in options.parts:
            figures["text_matters"] = text_matters(pipeline, all_clips, options.variations, seed, advance)
        if "realism" in options.parts and pipeline.has_control:
            figures["realism"] = realism_figures(pipeline, all_clips, options.realism, advance, seen)
        if "sentences" in options.parts:
            held = SentenceLibrary.of(pipeline) if options.library is not None else None
            figures["sentences"] = sentence_rows(
                pipeline, held, options.sentence_variations, seed, advance, seen.by_sentence
            )
    return figures


def _library(arguments: argparse.Namespace, encoder: str) -> Library | None:
    """The one that is named, else the embedded model's own; a checkpoint that is named has none."""
    if arguments.library is not None:
        return Library.load(arguments.library)
    return None if arguments.checkpoint else Library.default(encoder)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Raise ExportError now for a file that could not be written after the work."""
    for path in (arguments.json, arguments.report):
        if path is not None:
            check_writable(path)
    if arguments.report is not None and arguments.report.suffix.lower() not in REPORTS:
        raise ExportError(
            f"A report cannot be written as '{arguments.report.name}'.", "Use a name that ends in .html or .png."
        )


def _clips(arguments: argparse.Namespace, networks: Networks) -> tuple[list[Clip], list[Clip]]:
    """The split's clips that are long enough (a few, evenly spread, for ``--quick``), and all of them."""
    held_out = load_clips(arguments.data, only=arguments.split).get(arguments.split, [])
    clips = [clip for clip in held_out if clip.num_frames >= networks.config.min_frames]
    if not clips:
        raise BadFile(
            f"The split '{arguments.split}' has no clip of at least {networks.config.min_frames} frames.",
            "Check captions.jsonl, or choose another --split.",
        )
    return (clips[:: -(-len(clips) // QUICK_CLIPS)] if arguments.quick else clips), held_out


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Evaluate a checkpoint on held-out clips")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder (default: the embedded model)")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.npz and captions.jsonl")
    parser.add_argument("--split", default="val", choices=("val", "test"))
    parser.add_argument("--steps", type=int, nargs="+", help="sampling steps (default: the model's own)")
    parser.add_argument("--replications", type=int, help="repetitions per figure (default: 3; published: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)")
    parser.add_argument(
        "--joints", nargs="+", choices=CONTROLS, help="which joints 'control' controls (default: each set)"
    )
    parser.add_argument(
        "--densities", nargs="+", type=int, choices=DENSITIES, help="1, 2, 5 keys, 25, 100 %% of frames"
    )
    parser.add_argument(
        "--library",
        type=Path,
        help="motion library of the engine (default: the embedded model's own); 'sentences' also judges its clips",
    )
    parser.add_argument("--rows", nargs="+", choices=PIECES, help="what of 'realism' to measure (default: all)")
    parser.add_argument("--clips", type=int, default=MOST_CLIPS, help="of 'realism', evenly chosen (default: all)")
    parser.add_argument("--quick", action="store_true", help="a quick version: fewer clips, joints and densities")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("--evaluator", type=Path, help="a trained evaluator.safetensors, or a file with t2m_* tensors")
    parser.add_argument("--evaluator-statistics", type=Path, help="folder of the published evaluator's Mean and Std")
    parser.add_argument("--evaluator-words", type=Path, help="npz of word vectors and tags of the captions")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--report", type=Path, help="write a report to this .html or .png file")
    return parser


def main() -> None:
    arguments = _parser().parse_args()
    try:
        if arguments.replications is not None and arguments.replications < 1:
            raise BadRequest("There must be at least one replication.", "Leave --replications out to use 3.")
        figures, examples, strips = run(arguments)
        console = Console()
        print_tables(figures, console if console.is_terminal else Console(width=PAGE_WIDTH))
        if "realism" in figures:
            print(one_line(figures["realism"]))
        if arguments.json is not None:
            write_json(figures, arguments.json)
        if arguments.report is not None:
            write_report(figures, examples, arguments.report, draw_strips(strips))
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("Stopped; nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
