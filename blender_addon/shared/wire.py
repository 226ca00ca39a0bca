# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen dataclasses to and from plain msgpack values, strictly by their annotations (:mod:`.annotations`).

A field may be ``bool``, ``int``, ``float``, ``str``, ``X | None``, ``tuple[X, ...]``, ``tuple[X, X, X]`` (this many
and no other number), ``dict[str, float]``, another dataclass, or an array declared as ``Annotated[np.ndarray,
Array("float32", "T", 22, 3)]``. An array travels as ``{"dtype", "shape", "bytes"}``, little-endian. A letter in an
array's shape stands for any length, but for the same length everywhere in one message.

Both directions check everything: what leaves is as strict as what arrives, so a mistake shows at the side that made it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .annotations import Walk, field_types
from .errors import ProtocolError

MAX_TEXT_LENGTH = 16_384
"""Characters in one string: a prompt, an error message."""
MAX_ITEMS = 4_096
"""Entries in one list or map."""

_DTYPES = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4"), "bool": np.dtype("bool")}
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


def to_plain(message: Any) -> dict[str, Any]:
    """A dataclass -> a map of plain msgpack values. Raises ProtocolError for a value its annotation does not admit."""
    return _Packer().fields(type(message), message, type(message).__name__)


def from_plain(kind: type, plain: dict[str, Any]) -> Any:
    """A map of plain values -> the dataclass ``kind``. Raises ProtocolError for a missing, unknown or wrong field."""
    return _Unpacker().record(kind, plain, kind.__name__)


class _Strict(Walk):
    """Checks everything; a letter in an array's shape is bound to one length for the whole message."""

    sequence_name, map_name = "list", "map"
    accepted_sequences: tuple[type[Any], ...] = (list,)

    def __init__(self) -> None:
        self._letters: dict[str, int] = {}

    def entries(self, value: Any, length: int | None, where: str) -> Any:
        if not isinstance(value, self.accepted_sequences):
            raise bad(f"{where} must be a {self.sequence_name}, but is {_name(value)}.")
        if length is not None and len(value) != length:
            raise bad(f"{where} must have {length} entries, but has {len(value)}.")
        _check_size(value, where)
        return value

    def items(self, value: Any, where: str) -> Iterable[tuple[Any, Any]]:
        if not isinstance(value, dict):
            raise bad(f"{where} must be a {self.map_name}, but is {_name(value)}.")
        _check_size(value, where)
        return value.items()

    def scalar(self, kind: Any, value: Any, where: str) -> Any:
        return _scalar(kind, value, where)


class _Packer(_Strict):
    """Dataclasses -> plain values."""

    sequence_name, map_name = "tuple", "dict"
    accepted_sequences = (tuple, list)

    def record(self, kind: type, value: Any, where: str) -> Any:
        if not isinstance(value, kind):
            raise bad(f"{where} must be a {kind.__name__}, but is {_name(value)}.")
        return self.fields(kind, value, where)

    def fields(self, kind: type, value: Any, where: str) -> dict[str, Any]:
        return {
            name: self.walk(hint, getattr(value, name), f"{where}.{name}") for name, hint in field_types(kind).items()
        }

    def array(self, spec: Array, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, np.ndarray):
            raise bad(f"{where} must be a numpy array, but is {_name(value)}.")
        # Byte order is ours to fix, so a big-endian float32 is as good as a little-endian one.
        spec.check(value.dtype.newbyteorder("<"), value.shape, where, self._letters)
        data = np.ascontiguousarray(value, dtype=_DTYPES[spec.dtype]).tobytes()
        return {"dtype": spec.dtype, "shape": list(value.shape), "bytes": data}


class _Unpacker(_Strict):
    """Plain values -> dataclasses."""

    sequence_type = tuple

    def record(self, kind: type, value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise bad(f"{where} must be a map, but is {_name(value)}.")
        hints = field_types(kind)
        if missing := hints.keys() - value.keys():
            raise bad(f"{where} is missing {', '.join(sorted(missing))}.")
        if unknown := value.keys() - hints.keys():
            raise bad(f"{where} has a field it should not have: {', '.join(sorted(unknown))[:100]}.")
        return kind(**{name: self.walk(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})

    def array(self, spec: Array, value: Any, where: str) -> np.ndarray:
        if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "bytes"}:
            raise bad(f"{where} must be a map of dtype, shape and bytes.")
        dtype, shape, data = value["dtype"], value["shape"], value["bytes"]
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise bad(f"{where} has a dtype other than {', '.join(_DTYPES)}.")
        if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
            raise bad(f"{where} has a shape that is not a list of lengths.")
        if not isinstance(data, bytes):
            raise bad(f"{where} has no raw bytes.")
        spec.check(_DTYPES[dtype], tuple(shape), where, self._letters)
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


def _check_size(items: Any, where: str) -> None:
    if len(items) > MAX_ITEMS:
        raise bad(f"{where} has more than {MAX_ITEMS} entries.")


def _name(value: Any) -> str:
    return type(value).__name__
