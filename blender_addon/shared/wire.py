# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen dataclasses to and from plain msgpack values, strictly by their annotations.

A field may be ``bool``, ``int``, ``float``, ``str``, ``X | None``, ``tuple[X, ...]``, ``tuple[X, X, X]`` (this many
and no other number), ``dict[str, float]``, another dataclass, or an array declared as ``Annotated[np.ndarray,
Array("float32", "T", 22, 3)]``. An array travels as ``{"dtype", "shape", "bytes"}``, little-endian. A letter in an
array's shape stands for any length, but for the same length everywhere in one message.

Both directions check everything: what leaves is as strict as what arrives, so a mistake shows at the side that made it.
"""

from __future__ import annotations

import math
import types
import typing
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from .errors import ProtocolError

MAX_TEXT_LENGTH = 16_384
"""Characters in one string: a prompt, an error message."""
MAX_ITEMS = 4_096
"""Entries in one list or map."""

_DTYPES = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4"), "bool": np.dtype("bool")}
_UNIONS = (types.UnionType, typing.Union)  # X | None; an annotated X makes it the second
_HINT = "The two sides may be different versions of Gaitway: update the add-on and the engine together."


@dataclass(frozen=True)
class Array:
    """Dtype (``float32``, ``int32`` or ``bool``) and shape (lengths, or letters for any length) of an array field."""

    dtype: str
    shape: tuple[int | str, ...]

    def __init__(self, dtype: str, *shape: int | str) -> None:
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "shape", shape)

    def check(self, dtype: np.dtype, shape: tuple[int, ...], where: str, letters: dict[str, int]) -> None:
        """Raise ProtocolError unless an array of this dtype and shape fits; bind the letters met for the first time."""
        if dtype != _DTYPES[self.dtype]:
            raise bad(f"{where} must be {self.dtype}, but is {dtype}.")
        if len(shape) != len(self.shape):
            raise bad(f"{where} must have shape {self.text}, but has {shape}.")
        for want, have in zip(self.shape, shape, strict=True):
            if have != (letters.setdefault(want, have) if isinstance(want, str) else want):
                known = ", ".join(f"{letter} = {length}" for letter, length in letters.items())
                raise bad(f"{where} must have shape {self.text}, but has {shape}{f' ({known})' if known else ''}.")

    @property
    def text(self) -> str:
        return "(" + ", ".join(str(length) for length in self.shape) + ")"


def bad(message: str) -> ProtocolError:
    """The error that everything here raises."""
    return ProtocolError(message, _HINT)


@cache
def field_types(kind: Any) -> dict[str, Any]:
    """Field name -> resolved annotation of a dataclass."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def to_plain(message: Any) -> dict[str, Any]:
    """A dataclass -> a map of plain msgpack values. Raises ProtocolError for a value its annotation does not admit."""
    return _pack_fields(message, type(message).__name__, {})


def from_plain(kind: type, plain: dict[str, Any]) -> Any:
    """A map of plain values -> the dataclass ``kind``. Raises ProtocolError for a missing, unknown or wrong field."""
    return _unpack_fields(kind, plain, kind.__name__, {})


def _pack_fields(message: Any, where: str, letters: dict[str, int]) -> dict[str, Any]:
    kind: Any = type(message)
    return {
        name: _pack(annotation, getattr(message, name), f"{where}.{name}", letters)
        for name, annotation in field_types(kind).items()
    }


def _pack(annotation: Any, value: Any, where: str, letters: dict[str, int]) -> Any:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _pack_array(arguments[1], value, where, letters)
    if origin in _UNIONS:
        return None if value is None else _pack(_not_none(arguments), value, where, letters)
    if origin is tuple:
        if not isinstance(value, tuple | list):
            raise bad(f"{where} must be a tuple, but is {_name(value)}.")
        return [
            _pack(arguments[0], v, f"{where}[{i}]", letters) for i, v in enumerate(_counted(value, arguments, where))
        ]
    if origin is dict:
        if not isinstance(value, dict):
            raise bad(f"{where} must be a dict, but is {_name(value)}.")
        return {_scalar(str, k, where): _scalar(arguments[1], v, where) for k, v in _limited(value, where).items()}
    if isinstance(annotation, type) and is_dataclass(annotation):
        if not isinstance(value, annotation):
            raise bad(f"{where} must be a {annotation.__name__}, but is {_name(value)}.")
        return _pack_fields(value, where, letters)
    return _scalar(annotation, value, where)


def _unpack_fields(kind: type, plain: Any, where: str, letters: dict[str, int]) -> Any:
    if not isinstance(plain, dict):
        raise bad(f"{where} must be a map, but is {_name(plain)}.")
    wanted = field_types(kind)
    if missing := wanted.keys() - plain.keys():
        raise bad(f"{where} lacks {', '.join(sorted(missing))}.")
    if unknown := plain.keys() - wanted.keys():
        raise bad(f"{where} has a field it should not have: {', '.join(sorted(unknown))[:100]}.")
    return kind(**{name: _unpack(hint, plain[name], f"{where}.{name}", letters) for name, hint in wanted.items()})


def _unpack(annotation: Any, value: Any, where: str, letters: dict[str, int]) -> Any:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _unpack_array(arguments[1], value, where, letters)
    if origin in _UNIONS:
        return None if value is None else _unpack(_not_none(arguments), value, where, letters)
    if origin is tuple:
        if not isinstance(value, list):
            raise bad(f"{where} must be a list, but is {_name(value)}.")
        entries = enumerate(_counted(value, arguments, where))
        return tuple(_unpack(arguments[0], v, f"{where}[{i}]", letters) for i, v in entries)
    if origin is dict:
        if not isinstance(value, dict):
            raise bad(f"{where} must be a map, but is {_name(value)}.")
        return {_scalar(str, k, where): _scalar(arguments[1], v, where) for k, v in _limited(value, where).items()}
    if is_dataclass(annotation):
        return _unpack_fields(typing.cast(type, annotation), value, where, letters)
    return _scalar(annotation, value, where)


def _pack_array(spec: Array, value: Any, where: str, letters: dict[str, int]) -> dict[str, Any]:
    if not isinstance(value, np.ndarray):
        raise bad(f"{where} must be a numpy array, but is {_name(value)}.")
    # Byte order is ours to fix, so a big-endian float32 is as good as a little-endian one.
    spec.check(value.dtype.newbyteorder("<"), value.shape, where, letters)
    data = np.ascontiguousarray(value, dtype=_DTYPES[spec.dtype]).tobytes()
    return {"dtype": spec.dtype, "shape": list(value.shape), "bytes": data}


def _unpack_array(spec: Array, value: Any, where: str, letters: dict[str, int]) -> np.ndarray:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "bytes"}:
        raise bad(f"{where} must be a map of dtype, shape and bytes.")
    dtype, shape, data = value["dtype"], value["shape"], value["bytes"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise bad(f"{where} has a dtype other than {', '.join(_DTYPES)}.")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise bad(f"{where} has a shape that is not a list of lengths.")
    if not isinstance(data, bytes):
        raise bad(f"{where} has no raw bytes.")
    spec.check(_DTYPES[dtype], tuple(shape), where, letters)
    needed = math.prod(shape) * _DTYPES[dtype].itemsize
    if len(data) != needed:
        raise bad(f"{where} of shape {tuple(shape)} needs {needed} bytes, but has {len(data)}.")
    if dtype == "bool" and data.strip(b"\0\1"):
        raise bad(f"{where} has bytes other than 0 and 1 for booleans.")
    # A copy: the receiver owns its array and may hand it to torch, which wants it writable.
    return np.frombuffer(data, _DTYPES[dtype]).reshape(shape).astype(_DTYPES[dtype].newbyteorder("="))


def _scalar(kind: Any, value: Any, where: str) -> Any:
    """``value`` as ``kind``; an int passes for a float (other languages do not tell them apart), a bool for neither."""
    if kind is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    if kind is int and isinstance(value, int | np.integer) and not isinstance(value, bool):
        if not -(2**63) <= value < 2**63:
            raise bad(f"{where} does not fit into 64 bits.")
        return int(value)
    if kind is float and isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise bad(f"{where} must be a finite number.")
        return float(value)
    if kind is str and isinstance(value, str):
        if len(value) > MAX_TEXT_LENGTH:
            raise bad(f"{where} is longer than {MAX_TEXT_LENGTH} characters.")
        return str(value)
    raise bad(f"{where} must be {kind.__name__}, but is {_name(value)}.")


def _limited(items: Any, where: str) -> Any:
    if len(items) > MAX_ITEMS:
        raise bad(f"{where} has more than {MAX_ITEMS} entries.")
    return items


def _counted(items: Any, arguments: tuple[Any, ...], where: str) -> Any:
    """The entries of a tuple that is declared with ``arguments``: as many as there are of these, or any number."""
    if arguments[-1] is not Ellipsis and len(items) != len(arguments):
        raise bad(f"{where} must have {len(arguments)} entries, but has {len(items)}.")
    return _limited(items, where)


def _not_none(arguments: tuple[Any, ...]) -> Any:
    return next(argument for argument in arguments if argument is not type(None))


def _name(value: Any) -> str:
    return type(value).__name__
