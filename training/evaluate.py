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
from collections.abc import Callable, Sequence

import torch
from rich.console import Console

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

from .data.clips import Clip, load_clips
from .evaluation.command_line import PARTS, QUICK_CLIPS, EvaluationOptions, evaluation_parser, progress_on_stderr
from .evaluation.control_accuracy import (
    CaptionedClips,
    ControlGrid,
    control_table,
)
from .evaluation.delivered_motion import KINDS, PATHS, delivered_rows
from .evaluation.evaluator import Evaluator, load_evaluator
from .evaluation.everyday_sentences import EVERYDAY
from .evaluation.motion_quality import motions_of, quality, reconstruction
from .evaluation.realism.part import (
    Seen,
    realism_figures,
    realism_steps,
)
from .evaluation.realism.strips import Strip, draw_strips, report_strips
from .evaluation.realism.tables import one_line
from .evaluation.report import PAGE_WIDTH, Figures, print_tables, write_json, write_report
from .evaluation.report_examples import draw_examples
from .evaluation.sentences import SentenceLibrary, sentence_rows
from .evaluation.text_alignment import TextGenerator, text_figures
from .evaluation.text_sensitivity import CONDITIONS, PROMPTS, text_matters

REPORTS = (".html", ".png")

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
    with progress_on_stderr(steps + (replications if evaluator else 0)) as advance:
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


def main() -> None:
    arguments = evaluation_parser().parse_args()
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
