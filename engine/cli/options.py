# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command declares many options once: as the fields of a dataclass; and the options that several commands share.

Here and in the commands everything heavy is imported inside functions, so that help and wrong options cost no waiting.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option(
        help="Where to compute: a graphics card (cuda, mps), the processor (cpu), or the best available.",
        rich_help_panel="Model",
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of another model; see import-checkpoint. Default: the model that comes with Gaitway.",
        rich_help_panel="Model",
    ),
]
BvhUnit = Annotated[
    Literal["m", "cm"],
    typer.Option(
        help="Unit of .bvh files: m for Blender, cm for Maya, MotionBuilder and Unreal.", rich_help_panel="Result"
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one line of JSON instead of a table, for scripts.", rich_help_panel="Result"),
]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """``command``, whose parameters are all dataclasses, as typer expects it: one option for each of their fields,
    in their order, with the field's annotation and default.
    """
    groups = {name: kind for name, kind in get_type_hints(command).items() if dataclasses.is_dataclass(kind)}
    parameters = [parameter for kind in groups.values() for parameter in _parameters(kind)]

    def call(**values: Any) -> None:
        command(**{name: _instance(kind, values) for name, kind in groups.items()})

    call.__doc__, call.__name__ = command.__doc__, command.__name__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


def _parameters(group: Any) -> list[inspect.Parameter]:
    annotations = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=annotations[field.name],
        )
        for field in dataclasses.fields(group)
    ]


def _instance(group: Any, values: dict[str, Any]) -> Any:
    return group(**{field.name: values[field.name] for field in dataclasses.fields(group)})
