# SPDX-License-Identifier: GPL-3.0-or-later
"""The one walk over values by the annotations of their frozen dataclasses, in either direction.

A field may be a scalar (``bool``, ``int``, ``float``, ``str``), ``X | None``, ``tuple[X, ...]``, ``tuple[X, X, X]``,
``list[X]``, ``dict[str, X]``, another dataclass, or an array: ``np.ndarray``, or ``Annotated[np.ndarray, ...]`` with
something that says more of it. What becomes of each, and how strictly it is checked, is up to the class that walks:
``wire.py`` for messages, the add-on's ``takes/packing.py`` for what a take was made of.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

_UNIONS = (types.UnionType, typing.Union)  # X | None; an annotated X makes it the second


@cache
def field_types(kind: Any) -> dict[str, Any]:
    """Field name -> resolved annotation of a dataclass."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


class Walk:
    """Turns values into others by their annotations. ``where`` names one in errors: ``Generate.prompts[0].text``."""

    sequence_type: type = list
    """What becomes of a tuple or a list."""

    def walk(self, annotation: Any, value: Any, where: str) -> Any:
        """What becomes of ``value``, which is annotated so."""
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return self.array(arguments[1], value, where)
        if annotation is np.ndarray or origin is np.ndarray:
            return self.array(None, value, where)
        if origin in _UNIONS:
            present = next(argument for argument in arguments if argument is not type(None))
            return None if value is None else self.walk(present, value, where)
        if origin in (tuple, list):
            length = None if origin is list or arguments[-1] is Ellipsis else len(arguments)
            entries = self.entries(value, length, where)
            kinds = arguments if length is not None else [arguments[0]] * len(entries)
            return self.sequence_type(
                self.walk(kind, entry, f"{where}[{index}]")
                for index, (kind, entry) in enumerate(zip(kinds, entries, strict=True))
            )
        if origin is dict:
            return {
                self.scalar(str, key, where): self.walk(arguments[1], entry, where)
                for key, entry in self.items(value, where)
            }
        if isinstance(annotation, type) and is_dataclass(annotation):
            return self.record(annotation, value, where)
        return self.scalar(annotation, value, where)

    def array(self, spec: Any, value: Any, where: str) -> Any:
        """An array; ``spec`` is what its annotation says of it, None where that is nothing."""
        raise NotImplementedError

    def scalar(self, kind: Any, value: Any, where: str) -> Any:
        """A number, a text, a truth value."""
        raise NotImplementedError

    def entries(self, value: Any, length: int | None, where: str) -> Any:
        """The entries of a sequence, ``length`` of them, or any number."""
        return value

    def items(self, value: Any, where: str) -> Iterable[tuple[Any, Any]]:
        """The keys and the entries of a map."""
        entries: dict[Any, Any] = value
        return entries.items()

    def record(self, kind: type, value: Any, where: str) -> Any:
        """A dataclass, or what stands for one."""
        raise NotImplementedError
