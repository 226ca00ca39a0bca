# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``gaitway`` command. One file a subcommand: its options and its call; :func:`main` is the entry point.

Speaks to a person or a script in a terminal; everything else is done by the rooms that the commands call.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import bench, convert, doctor, generate, import_checkpoint, info, install_addon, serve
from .options import with_options
from .terminal import FriendlyGroup

__all__ = ["app", "main"]

app = typer.Typer(
    name="gaitway",
    cls=FriendlyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Draw a path, type a sentence: the character walks it.\n\n"
    "[bold]generate[/bold] creates a motion, [bold]serve[/bold] runs the engine for Blender, [bold]doctor[/bold] finds "
    "out why something does not work.",
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"gaitway {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("generate")(with_options(generate.generate_command))
app.command("serve")(with_options(serve.serve_command))
app.command()(info.info)
app.command()(bench.bench)
app.command()(doctor.doctor)
app.command("import-checkpoint")(import_checkpoint.import_checkpoint)
app.command()(convert.convert)
app.command("install-addon")(install_addon.install_addon)


def main() -> None:
    """Entry point of the ``gaitway`` command."""
    app()
