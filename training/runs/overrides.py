# SPDX-License-Identifier: GPL-3.0-or-later
"""``--set vae.batch_size=64``: a recipe with some of its values changed, for one run."""

from __future__ import annotations

import ast
import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from blender_addon.shared.errors import BadRequest

Config = TypeVar("Config")


def with_changes(recipe: Config, changes: Iterable[str]) -> Config:
    """``recipe`` with each of ``changes`` ('name.name=value') made. Raises BadRequest for unknown names and values.

    Values are Python's (4, 1e-4, True, None) or plain words; a list is written with commas.
    """
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise BadRequest(f"'{change}' sets nothing.", "Write --set name=value, such as --set vae.batch_size=64.")
        recipe = _changed(recipe, name.strip().split("."), text.strip(), name.strip())
    return recipe


def _changed(config: Any, names: list[str], text: str, full: str) -> Any:
    """A copy of the dataclass or mapping ``config`` with the value at the path ``names`` read from ``text``."""
    first, rest = names[0], names[1:]
    if isinstance(config, Mapping):
        return {**config, ".".join(names): _read(text, 1.0, full)}
    known = [field.name for field in dataclasses.fields(config)] if dataclasses.is_dataclass(config) else []
    if first not in known:
        near = difflib.get_close_matches(first, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "The names there are: " + ", ".join(known) + "."
        raise BadRequest(f"The recipe has no value called '{full}'.", hint)
    old = getattr(config, first)
    new = _changed(old, rest, text, full) if rest else _read(text, old, full)
    return dataclasses.replace(config, **{first: new})


def _read(text: str, old: Any, full: str) -> Any:
    """The value that ``text`` says, of the kind of ``old``."""
    if isinstance(old, tuple):
        inner = [part.strip() for part in text.strip("()").split(",") if part.strip()]
        return tuple(_word(part) for part in inner)
    value = _word(text)
    if isinstance(old, bool) or isinstance(value, bool):
        fits = isinstance(value, bool) and isinstance(old, bool)
    elif isinstance(old, float):
        fits, value = isinstance(value, (int, float)), float(value) if isinstance(value, int) else value
    else:
        fits = old is None or isinstance(value, type(old))
    if not fits:
        raise BadRequest(f"'{text}' does not fit '{full}'.", f"It is {old!r} now; give a value of the same type.")
    return value


def _word(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
