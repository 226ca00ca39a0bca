# SPDX-License-Identifier: GPL-3.0-or-later
"""How the command line speaks: errors in two lines, never a traceback, and progress bars on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from blender_addon.shared.errors import GaitwayError

EXIT_ERROR = 2
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130


def show_error(message: str, hint: str = "") -> None:
    """Message and remedy on standard error, one line each."""
    typer.secho(f"Error: {message}", fg="red", err=True)
    if hint:
        typer.echo(f"       {hint}", err=True)


class FriendlyGroup(TyperGroup):
    """Turns every failure of a command into a message and an exit code.

    2: the user can do something about it. 70: a bug in Gaitway; the traceback is kept in a file. 130: Ctrl-C.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GaitwayError as error:
            show_error(error.message, error.hint)
            raise typer.Exit(EXIT_ERROR) from None
        except KeyboardInterrupt:
            typer.echo("Cancelled.", err=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output, such as `head`, has ended
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except MemoryError:
            show_error("There is not enough memory for this.", "Close other programs, or generate a shorter motion.")
            raise typer.Exit(EXIT_ERROR) from None
        except Exception as error:
            if _is_usage(error):
                raise
            show_error(f"Something went wrong inside Gaitway: {error or type(error).__name__}.", _keep_traceback())
            raise typer.Exit(EXIT_INTERNAL) from None


def _is_usage(error: Exception) -> bool:
    """Whether typer itself shows this one: a wrong option, an exit."""
    return isinstance(error, (typer.Exit, typer.Abort)) or hasattr(error, "exit_code")


def _keep_traceback() -> str:
    try:
        with tempfile.NamedTemporaryFile("w", prefix="gaitway-", suffix=".txt", delete=False, encoding="utf-8") as file:
            traceback.print_exc(file=file)
    except OSError:
        return "Run `gaitway doctor`, and report it with what you did."
    return f"The details are in {Path(file.name)}: please report them. `gaitway doctor` may find the cause."


@contextlib.contextmanager
def progress_bar(first: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on standard error, if that is a terminal; the block gets ``show(step, fraction)``."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(first, total=None)  # it only pulses until a fraction is known
        yield lambda step, fraction: progress.update(task, description=step, completed=fraction, total=1.0)
