# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished motions as files, whole or not there at all. One writer a file, one row of :data:`WRITERS` a format.

A new format is a file with its writer and its row below: the command line, its help and its checks read this table.
``ExportClip``, what a writer gets, is handed out by ``export.clip``: nothing here imports numpy, so that the commands'
help does not wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, cast

from blender_addon.shared.errors import ExportError

from .atomic import atomic_file, check_writable

if TYPE_CHECKING:
    from .clip import ExportClip

__all__ = ["WRITERS", "Kind", "WriteClip", "Writer", "check_target", "export_clip", "numbered", "suffixes"]

Kind = Literal["motion", "picture"]


class WriteClip(Protocol):
    """What a format's function does."""

    def __call__(self, clip: ExportClip, stream: BinaryIO, **options: Any) -> None: ...


@dataclass(frozen=True)
class Writer:
    """A format: ``function`` of the file ``module`` of this room writes it, with ``options`` as keyword arguments, and
    with the ``unit`` of lengths where it ``has_unit``. ``help`` says who reads it.
    """

    kind: Kind
    module: str
    function: str
    help: str
    options: Mapping[str, Any] = field(default_factory=dict)
    has_unit: bool = False

    def load(self) -> WriteClip:
        """The function itself; imports what it needs."""
        return cast(WriteClip, getattr(import_module(f".{self.module}", __name__), self.function))


WRITERS: dict[str, Writer] = {
    ".bvh": Writer("motion", "bvh", "write_bvh", "skeleton for animation programs", has_unit=True),
    ".glb": Writer("motion", "glb", "write_glb", "figure for viewers and game engines"),
    ".npz": Writer("motion", "npz", "write_npz", "joints for scripts"),
    ".png": Writer("picture", "picture", "write_picture", "image", {"format": "png"}),
    ".jpg": Writer("picture", "picture", "write_picture", "image", {"format": "jpg"}),
    ".pdf": Writer("picture", "picture", "write_picture", "page", {"format": "pdf"}),
    ".svg": Writer("picture", "picture", "write_picture", "drawing", {"format": "svg"}),
}


def suffixes(kind: Kind | None = None) -> tuple[str, ...]:
    """The suffixes of all formats, or of those of one kind."""
    return tuple(suffix for suffix, writer in WRITERS.items() if kind in (None, writer.kind))


def check_target(path: Path, kind: Kind | None = None) -> Path:
    """``path`` if a motion can be written there in a format of ``kind`` (None: any).

    Raises ExportError otherwise, before any work is done.
    """
    if path.suffix.lower() not in suffixes(kind):
        named = f"'{path.suffix}'" if path.suffix else "A name without a suffix"
        raise ExportError(
            f"{named} is not a format that can be written ('{path}').", f"Choose one of {', '.join(suffixes(kind))}."
        )
    check_writable(path)
    return path


def export_clip(clip: ExportClip, path: Path, *, bvh_unit: str = "m") -> Path:
    """Write ``clip`` to ``path`` in the format of its suffix and return the path. Raises ExportError."""
    check_target(path)
    clip.validate()
    writer = WRITERS[path.suffix.lower()]
    options = {**writer.options, "unit": bvh_unit} if writer.has_unit else writer.options
    write = writer.load()
    with atomic_file(path) as stream:
        write(clip, stream, **options)
    return path


def numbered(path: Path, number: int, total: int) -> Path:
    """The file of variation ``number`` (from 1): ``walk.bvh`` alone, ``walk-2.bvh`` among several."""
    return path if total == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
