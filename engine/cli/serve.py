# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway serve``: the engine as a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blender_addon.shared.errors import BadRequest

from .options import Checkpoint, Device

if TYPE_CHECKING:
    from ..pipeline import Pipeline


@dataclass(frozen=True)
class ServeOptions:
    """Where the engine listens, what ends it, and how it computes."""

    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port on this machine; 0 uses any free one.", min=0, max=65535)
    ] = 0
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Listen on this address instead of on this machine only; other computers can then try to connect.",
        ),
    ] = None
    connection_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File with address and keys for clients. Default: in your private runtime folder."
        ),
    ] = None
    parent_pid: Annotated[
        int | None,
        typer.Option(metavar="PID", help="Stop when the process with this number ends; Blender passes its own."),
    ] = None
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the log. Default: in your log folder.")
    ] = None
    checkpoint: Checkpoint = None
    device: Device = "auto"
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        typer.Option(help="Precision of the numbers; auto is float32 on processors and float16 on graphics cards."),
    ] = "auto"


def serve_command(options: ServeOptions) -> None:
    """Run the engine for Blender. Stops with Ctrl-C, or when the Blender that started it ends."""
    if options.address and options.port:
        raise BadRequest("--port and --address cannot be used together.", "Add the port to the address: HOST:PORT.")
    from ..serving import serve

    def load() -> Pipeline:
        # The port is open before torch is imported, so that Blender sees an engine that loads instead of none.
        from ..pipeline import Pipeline

        return Pipeline.load(options.checkpoint, device=options.device, dtype=options.dtype)

    serve(
        load,
        address=options.address or f"127.0.0.1:{options.port or '*'}",
        connection_file=options.connection_file,
        parent_pid=options.parent_pid,
        log_file=options.log_file,
        announce=typer.echo,
    )
