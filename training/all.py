# SPDX-License-Identifier: GPL-3.0-or-later
"""All stages in their order, then the export, by one command line.

``python -m training.all --recipe debug --data FOLDER --run FOLDER --out CHECKPOINT``. Stages that are finished are
passed over and an unfinished one is resumed, so the same line goes on after any stop.
"""

from __future__ import annotations

from pathlib import Path

import torch

from . import control, correct, distill, mld, vae
from .export import export, read_about
from .loop import distributed
from .loop.checkpoints import TrainingStopped
from .loop.loop import finished
from .runs.command_line import argument_parser, open_from, reporting_errors
from .runs.run import Run
from .stage_parts.modules import stages_of

TRAIN = {
    "vae": vae.train, "mld": mld.train, "distill": distill.train, "control": control.train, "correct": correct.train
}  # fmt: skip


def run_all(run: Run) -> None:
    """Train whatever the run still lacks. Raises TrainingStopped when a stage was asked to stop before its end."""
    for name in stages_of(run.recipe):
        train, stage = TRAIN[name], getattr(run.recipe, name)
        if not finished(run.folder, name, stage):
            train(run)
            if not finished(run.folder, name, stage):
                raise TrainingStopped(f"Stage {name} was stopped.", "Run the same command again to resume.")


def main() -> None:
    parser = argument_parser("Train all stages and export the model")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--about-data", type=Path, help="text file for the model card: the data's source and licence")
    arguments = parser.parse_args()
    with reporting_errors():
        text = read_about(arguments.about_data)
        run = open_from(arguments)
        run_all(run)
        if distributed.state().is_main_process:
            print(f"Wrote {export(run, arguments.out, torch.float32, text)}")


if __name__ == "__main__":
    main()
