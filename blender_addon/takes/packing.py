# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen dataclasses to bytes and back, so that what a take was made of can be kept with it in the .blend. No bpy.

Unlike the wire (``shared/wire.py``) this is lenient: fields that a later version of the add-on adds take their
defaults, fields that it dropped are forgotten, and any dtype is kept.
"""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any, TypeVar, cast

import msgpack
import numpy as np

from ..shared.annotations import Walk, field_types
from ..shared.errors import BadFile

T = TypeVar("T")
COMPRESS_BELOW_BYTES = 1 << 20
"""Above which compressing would hold Blender's main thread for longer than the space is worth."""


def pack(value: Any) -> bytes:
    """A dataclass of scalars, text, tuples, dicts, arrays and other dataclasses -> bytes."""
    plain = msgpack.packb(_Packer().record(type(value), value, ""))
    return zlib.compress(plain, 1) if len(plain) < COMPRESS_BELOW_BYTES else plain


def unpack(kind: type[T], data: bytes) -> T:
    """What :func:`pack` made -> ``kind``. Raises BadFile when it is damaged or lacks what ``kind`` needs."""
    try:
        if data[:1] == b"\x78":  # zlib's first byte; a map in msgpack never begins with it
            data = zlib.decompress(data)
        plain = msgpack.unpackb(data, max_bin_len=len(data), strict_map_key=False)
        return cast(T, _Unpacker().record(kind, plain, ""))
    except Exception as error:  # damaged bytes fail in many ways; all mean the same here
        raise BadFile(
            "The motion data of this take cannot be read; it may be from another version of Gaitway.",
            "Restore its settings and generate again.",
        ) from error


class _Packer(Walk):
    """Dataclasses -> plain values."""

    def record(self, kind: type, value: Any, where: str) -> dict[str, Any]:
        return {name: self.walk(hint, getattr(value, name), where) for name, hint in field_types(kind).items()}

    def array(self, spec: Any, value: np.ndarray, where: str) -> dict[str, Any]:
        return {"dtype": value.dtype.str, "shape": list(value.shape), "bytes": value.tobytes()}

    def scalar(self, kind: Any, value: Any, where: str) -> Any:
        return value.item() if isinstance(value, np.generic) else value


class _Unpacker(Walk):
    """Plain values -> dataclasses."""

    sequence_type = tuple

    def record(self, kind: type, value: dict[str, Any], where: str) -> Any:
        names = [field.name for field in dataclasses.fields(kind) if field.init and field.name in value]
        return kind(**{name: self.walk(field_types(kind)[name], value[name], where) for name in names})

    def array(self, spec: Any, value: dict[str, Any], where: str) -> np.ndarray:
        return np.frombuffer(value["bytes"], np.dtype(value["dtype"])).reshape(value["shape"]).copy()

    def scalar(self, kind: Any, value: Any, where: str) -> Any:
        return value
