# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway serve``: the engine as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..pipeline import Pipeline


def run(
    address: str,
    *,
    connection_file: Path | None,
    parent_pid: int | None,
    log_file: Path | None,
    checkpoint: Path | None,
    device: str,
    dtype: str,
) -> None:
    """Serve until told to stop. Raises GaitwayError."""
    from ..serving.server import serve

    def load() -> Pipeline:
        # The port is open before torch is imported, so that Blender sees an engine that loads instead of none.
        from ..pipeline import Pipeline

        return Pipeline.load(checkpoint, device=device, dtype=dtype)

    serve(
        load,
        address=address,
        connection_file=connection_file,
        parent_pid=parent_pid,
        log_file=log_file,
        announce=typer.echo,
    )
