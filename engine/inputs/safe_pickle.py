# SPDX-License-Identifier: GPL-3.0-or-later
"""Read pickles from untrusted sources: numpy arrays and plain values; no function that a file names is called.

A pickle is a program. The only names it can call here are stand-ins in this file: numpy's array, dtype and scalar
constructors are replaced by recorders of their arguments, and arrays are built from the records after the program has
ended. So a file controls neither Python's nor numpy's own unpickling code (which trusts its input).
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from blender_addon.shared.errors import BadFile

_DEPTH_MAX = 64


class _Refused(Exception):
    """Why a pickle is refused; becomes a BadFile that names the file."""


class _DType:
    """The record of a dtype: ``numpy.dtype(code, align, copy)`` and its byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = str(code), "="

    def __setstate__(self, state: Any) -> None:
        if len(state) < 5 or state[2] is not None or state[4] is not None:
            raise _Refused("it contains structured arrays")
        self.order = str(state[1])

    def build(self) -> np.dtype:
        kind = self.code.lstrip("<>=|")
        if kind[:1] not in "biufcSUO":
            raise _Refused(f"it contains arrays of type '{self.code}'")
        try:
            dtype = np.dtype(kind)
        except TypeError:
            raise _Refused(f"it contains arrays of type '{self.code}'") from None
        return np.dtype(self.order + kind) if self.order in ("<", ">") and kind[0] in "iufcU" else dtype


class _Array:
    """The record of an array; :meth:`build` creates it, with every size checked."""

    def __init__(self, shape: Any = (0,), dtype: Any = None, data: Any = b"", fortran: bool = False) -> None:
        self.shape, self.dtype, self.data, self.fortran = shape, dtype, data, fortran

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.fortran, self.data = state

    def build(self, resolve: Callable[[Any], Any]) -> Any:
        """The array; a numpy scalar where it has no dimensions. ``resolve`` finishes the members of an array of
        objects.
        """
        sizes_fit = isinstance(self.shape, tuple) and all(isinstance(n, int) and n >= 0 for n in self.shape)
        if not isinstance(self.dtype, _DType) or not sizes_fit:
            raise _Refused("it contains a damaged array")
        dtype, count = self.dtype.build(), math.prod(self.shape)
        if dtype.hasobject:
            if not isinstance(self.data, list) or len(self.data) != count:
                raise _Refused("it contains a damaged array")
            array = np.empty(count, dtype=object)
            for i, item in enumerate(self.data):
                array[i] = resolve(item)
        else:
            data = self.data.encode("latin1") if isinstance(self.data, str) else self.data  # Python 2 wrote text
            if not isinstance(data, (bytes, bytearray)) or len(data) != count * dtype.itemsize:
                raise _Refused("it contains a damaged array")
            array = np.frombuffer(bytes(data), dtype) if data else np.empty(count, dtype)
        return array.reshape(self.shape, order="F" if self.fortran else "C").copy()[()]


class _Name:
    """A name that a pickle can look up and call; it has no attribute that the pickle could change."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise _Refused("it tries to change its reader")


def _refuse_call(*_: Any) -> Any:
    raise _Refused("it builds an array unlike any that numpy writes")


_NDARRAY = _Name(_refuse_call)


def _reconstruct(kind: Any, *_: Any) -> _Array:
    if kind is not _NDARRAY:
        raise _Refused("it contains a kind of array that is not numpy's own")
    return _Array()


def _scalar(dtype: Any, data: Any = b"") -> _Array:
    return _Array((), dtype, data)


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any = "C") -> _Array:
    return _Array(shape, dtype, data, order == "F")


def _encode(text: Any, codec: Any = "latin1") -> bytes:
    if not isinstance(text, str) or codec not in ("latin1", "latin-1", "utf-8"):
        raise _Refused("it encodes text with a codec that arrays never need")
    return text.encode(codec)


def _empty_bytes(*arguments: Any) -> bytes:
    if arguments:  # old protocols write b"" as bytes(); bytes(10**12) would be a bomb
        raise _Refused("it builds bytes unlike any that Python writes")
    return b""


_ALLOWED = {"_codecs.encode": _Name(_encode), "numpy.ndarray": _NDARRAY, "numpy.dtype": _Name(_DType)}
_ALLOWED["collections.OrderedDict"] = _Name(dict)
for _builtins in ("builtins", "__builtin__"):  # Python 3 and 2
    _ALLOWED[f"{_builtins}.set"], _ALLOWED[f"{_builtins}.frozenset"] = _Name(set), _Name(frozenset)
    _ALLOWED[f"{_builtins}.bytes"] = _Name(_empty_bytes)
for _core in ("numpy.core", "numpy._core"):  # the package was renamed in numpy 2
    _ALLOWED[f"{_core}.multiarray._reconstruct"] = _Name(_reconstruct)
    _ALLOWED[f"{_core}.multiarray.scalar"] = _Name(_scalar)
    _ALLOWED[f"{_core}.numeric._frombuffer"] = _Name(_frombuffer)


class _Unpickler(pickle._Unpickler):  # type: ignore[name-defined]
    """The unpickler written in Python, whose memo is a dict: the one in C lets a file of ten bytes claim gigabytes."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[f"{module}.{name}"]
        except KeyError:
            raise _Refused(f"it tries to call '{module}.{name}'") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("it refers to data outside the file")


def _resolve(value: Any, seen: dict[int, Any], depth: int = 0) -> Any:
    """``value`` with every recorder replaced by its array; each object once, however often it is referred to."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, bytearray)):
        return value
    if depth > _DEPTH_MAX:
        raise _Refused("its values are nested too deeply")
    if id(value) in seen:
        return seen[id(value)]

    def inner(item: Any) -> Any:
        return _resolve(item, seen, depth + 1)

    result: Any
    if isinstance(value, _Array):
        result = value.build(inner)
    elif isinstance(value, dict):
        result = {inner(key): inner(item) for key, item in value.items()}
    elif isinstance(value, (list, tuple, set, frozenset)):
        result = type(value)(inner(item) for item in value)
    else:
        raise _Refused(f"it contains a value of type '{type(value).__name__}'")
    seen[id(value)] = result
    return result


def read_pickle(stream: BinaryIO, name: str) -> Any:
    """The value pickled in ``stream``: dicts, lists, tuples, sets, numbers, text and numpy arrays.

    Raises BadFile, naming the file ``name``, when the pickle contains anything else or is damaged.
    """
    try:
        return _resolve(_Unpickler(io.BytesIO(stream.read()), encoding="latin1").load(), {})
    except _Refused as why:
        raise BadFile(
            f"'{name}' was not opened: {why}.",
            "For your safety only numpy arrays and plain values are read from pickles. "
            "Save the joints with numpy.save and convert that file.",
        ) from None
    except Exception as error:  # a damaged pickle can raise nearly any error, and no type means more than this
        raise BadFile(
            f"'{name}' is damaged or not a pickle ({type(error).__name__}).", "Create or copy the file again."
        ) from error


def read_npy(stream: BinaryIO, name: str) -> Any:
    """The array of a ``.npy`` stream; an array of objects is read by :func:`read_pickle`. Raises BadFile."""
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except (ValueError, EOFError, OSError) as error:
        raise BadFile(f"'{name}' is not a numpy file, or is damaged.", "Create or copy the file again.") from error
    if dtype.hasobject:
        return read_pickle(stream, name)
    data, expected = stream.read(), math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise BadFile(
            f"'{name}' has {len(data)} bytes of data where its header says {expected}.",
            "Create or copy the file again.",
        )
    array = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C").copy()


def read_npy_bytes(data: bytes, name: str) -> Any:
    """As :func:`read_npy`, from bytes in memory."""
    return read_npy(io.BytesIO(data), name)


def read_file(path: Path) -> Any:
    """The value of a ``.npy``, ``.pkl`` or ``.pickle`` file."""
    with path.open("rb") as stream:
        return read_npy(stream, path.name) if path.suffix.lower() == ".npy" else read_pickle(stream, path.name)
