# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway doctor``: the checks of an installation, printed as they are made."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from .options import AsJson, Checkpoint, Device

if TYPE_CHECKING:
    from ..install.doctor import Check


def doctor(checkpoint: Checkpoint = None, device: Device = "auto", as_json: AsJson = False) -> None:
    """Check the installation part by part, and say how to repair what is broken."""
    from ..install.doctor import examine

    checks = []
    for check in examine(checkpoint, device):
        checks.append(check)
        if not as_json:
            _show(check)
    broken = sum(not check.ok for check in checks)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks]))
    else:
        typer.echo("\nEverything works." if not broken else f"\n{broken} of {len(checks)} checks failed.")
    raise typer.Exit(1 if broken else 0)


def _show(check: Check) -> None:
    mark = typer.style("ok     ", fg="green") if check.ok else typer.style("BROKEN ", fg="red")
    typer.echo(f"{mark} {check.name + ':':<14} {check.found}")
    if check.remedy:
        typer.echo(f"{'':<22} -> {check.remedy}")
