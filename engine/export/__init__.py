# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished motions as files; the suffix decides: .bvh, .glb, .npz, and .png, .jpg, .pdf, .svg for a picture.

A file is whole or it is not there: nothing half-written is left when the disk is full or the program is stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from blender_addon.shared.errors import ExportError

from .atomic import atomic_file, check_writable
from .clip import Clip

MOTION_SUFFIXES = (".bvh", ".glb", ".npz")
PICTURE_SUFFIXES = (".png", ".jpg", ".pdf", ".svg")

__all__ = ["MOTION_SUFFIXES", "PICTURE_SUFFIXES", "Clip", "check_target", "export", "numbered"]


def check_target(path: Path, suffixes: tuple[str, ...] = MOTION_SUFFIXES + PICTURE_SUFFIXES) -> Path:
    """``path`` if a motion could be written there as one of ``suffixes``; raises ExportError before any work is done
    otherwise.
    """
    if path.suffix.lower() not in suffixes:
        kind = f"'{path.suffix}'" if path.suffix else "A name without a suffix"
        raise ExportError(
            f"{kind} is not a format that can be written ('{path}').", f"Choose one of {', '.join(suffixes)}."
        )
    check_writable(path)
    return path


def export(clip: Clip, path: Path, *, bvh_unit: str = "m") -> Path:
    """Write ``clip`` to ``path`` in the format of its suffix and return the path. Raises ExportError."""
    check_target(path)
    clip.validate()
    suffix = path.suffix.lower()
    write: Callable[[Clip, BinaryIO], None]
    if suffix == ".bvh":
        from .bvh import write_bvh

        write = partial(write_bvh, unit=bvh_unit)
    elif suffix == ".glb":
        from .glb import write_glb

        write = write_glb
    elif suffix == ".npz":
        from .npz import write_npz

        write = write_npz
    else:
        from .picture import write_picture

        write = partial(write_picture, format=suffix[1:])
    with atomic_file(path) as stream:
        write(clip, stream)
    return path


def numbered(path: Path, number: int, total: int) -> Path:
    """The file of variation ``number`` (from 1): ``walk.bvh`` alone, ``walk-2.bvh`` among several."""
    return path if total == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
