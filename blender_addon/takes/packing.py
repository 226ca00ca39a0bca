# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen dataclasses to bytes and back, so that what a take was made of can be kept with it in the .blend. No bpy.

Unlike the wire (``shared/wire.py``) this is lenient: fields that a later version of the add-on adds take their
defaults, fields that it dropped are forgotten, and any dtype is kept.
"""

from __future__ import annotations

import dataclasses
import types
import typing
import zlib
from typing import Any, TypeVar

import msgpack
import numpy as np

from ..shared.errors import BadFile

T = TypeVar("T")
COMPRESS_BELOW = 1 << 20
"""Bytes above which compressing would hold Blender's main thread for longer than the room is worth."""


def pack(value: Any) -> bytes:
    """A dataclass of scalars, text, tuples, dicts, arrays and other dataclasses -> bytes."""
    plain = msgpack.packb(_plain(value))
    return zlib.compress(plain, 1) if len(plain) < COMPRESS_BELOW else plain


def unpack(kind: type[T], data: bytes) -> T:
    """What :func:`pack` made -> ``kind``. Raises BadFile when it is damaged or lacks what ``kind`` needs."""
    try:
        if data[:1] == b"\x78":  # zlib's first byte; a map in msgpack never begins with it
            data = zlib.decompress(data)
        return _build(kind, msgpack.unpackb(data, max_bin_len=len(data), strict_map_key=False))
    except Exception as error:  # damaged bytes fail in many ways; all mean the same here
        raise BadFile(
            "What this take was made of cannot be read; another version of Gaitway may have made it.",
            "Restore its settings and generate again.",
        ) from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "bytes": value.tobytes()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _build(kind: Any, plain: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _build(arguments[0], plain)
    if origin in (types.UnionType, typing.Union):
        known = [argument for argument in arguments if argument is not type(None)]
        return None if plain is None else _build(known[0], plain)
    if kind is np.ndarray or origin is np.ndarray:
        return np.frombuffer(plain["bytes"], np.dtype(plain["dtype"])).reshape(plain["shape"]).copy()
    if origin is tuple:
        kinds = [arguments[0]] * len(plain) if arguments[-1] is Ellipsis else arguments
        return tuple(_build(item, entry) for item, entry in zip(kinds, plain, strict=True))
    if origin is list:
        return [_build(arguments[0], entry) for entry in plain]
    if origin is dict:
        return {key: _build(arguments[1], entry) for key, entry in plain.items()}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        names = [field.name for field in dataclasses.fields(kind) if field.init and field.name in plain]
        return typing.cast(Any, kind)(**{name: _build(hints[name], plain[name]) for name in names})
    return plain
