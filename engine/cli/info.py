# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway info``: which model, where it runs, what its card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .options import AsJson, Checkpoint, Device
from .terminal import progress_bar

if TYPE_CHECKING:
    from ..pipeline import Pipeline


def info(checkpoint: Checkpoint = None, device: Device = "auto", as_json: AsJson = False) -> None:
    """Show the model, what it can do and where it runs."""
    with progress_bar("Loading the model"):
        from ..checkpoints.folder import CARD, EMBEDDED
        from ..pipeline import Pipeline

        folder = checkpoint or EMBEDDED
        facts = model_facts(Pipeline.load(checkpoint, device=device), folder)
        card = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else ""
    if as_json:
        typer.echo(json.dumps(facts | {"card": card}))
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
    console = Console()
    console.print(table)
    if card:
        console.print(Markdown(card))


def model_facts(pipeline: Pipeline, folder: Path) -> dict[str, Any]:
    """The facts about a loaded pipeline as plain values."""
    welcome = pipeline.describe()
    return {
        "model": welcome.model,
        "folder": str(folder),
        "hash": welcome.model_hash,
        "device": welcome.device,
        "frames": f"{welcome.min_frames} to {welcome.max_frames} at {welcome.fps:g} a second",
        "controllable_joints": list(welcome.joints),
        "engine": welcome.engine_version,
        "protocol": welcome.protocol_version,
    }
