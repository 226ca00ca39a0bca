# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway import-checkpoint``: a published file in, a model folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import progress_bar


def import_checkpoint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A published MotionLCM or MLD file (.ckpt).")],
    humanml3d: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder with Mean.npy and Std.npy of HumanML3D.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder to write the model to.")],
    spatial_stats: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder with Mean_raw.npy and Std_raw.npy; needed for models that follow paths."
        ),
    ] = None,
) -> None:
    """Convert a published checkpoint to a model folder for --checkpoint."""
    with progress_bar("Importing"):
        from ..checkpoints.folder import import_published

        folder = import_published(file, humanml3d, spatial_stats, out)
    typer.echo(f"Wrote {folder}. Use it with --checkpoint {folder}")
