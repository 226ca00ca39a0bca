# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command of the evaluation takes, what it decides where that is left open, and how it tells its progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.checkpoints.networks import Networks
from engine.sampling import timesteps_of

from .control_accuracy import CONTROLS, DENSITIES, QUICK_CONTROLS, QUICK_DENSITIES, ControlGrid
from .realism.part import MOST_CLIPS, PIECES, QUICK_PIECES, RealismOptions
from .sentences import VARIATIONS as SENTENCE_VARIATIONS
from .text_alignment import QUICK_PROTOCOL, TextProtocol
from .text_sensitivity import VARIATIONS

PARTS = ("reconstruction", "control", "delivered", "text", "text_matters", "realism", "sentences")
QUICK_CLIPS = 12
LINES = 20  # of progress, where there is no terminal to draw a bar

Advance = Callable[[str], None]


@contextmanager
def progress_on_stderr(total: int) -> Iterator[Advance]:
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


def evaluation_parser() -> argparse.ArgumentParser:
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
