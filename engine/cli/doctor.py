# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway doctor``: the findings as they come."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from ..install.doctor import Check, examine


def run(checkpoint: Path | None, device: str, as_json: bool) -> int:
    """Print each finding; returns the exit code: 1 when anything is broken."""
    checks = []
    for check in examine(checkpoint, device):
        checks.append(check)
        if not as_json:
            _show(check)
    broken = sum(not check.ok for check in checks)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks]))
    else:
        typer.echo("\nAll is well." if not broken else f"\n{broken} of {len(checks)} checks failed.")
    return 1 if broken else 0


def _show(check: Check) -> None:
    mark = typer.style("ok     ", fg="green") if check.ok else typer.style("BROKEN ", fg="red")
    typer.echo(f"{mark} {check.name + ':':<14} {check.found}")
    if check.remedy:
        typer.echo(f"{'':<22} -> {check.remedy}")
