# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders that are either whole or not there: written beside their target under a temporary name, then
moved. Whatever the operating system refuses becomes an ExportError with a remedy.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from blender_addon.shared.errors import ExportError

_NO_PERMISSION = (
    "You do not have permission to write there. Choose a folder of your own, or close the program that has the file "
    "open."
)
_HINTS = {
    errno.ENOSPC: "The disk is full. Free some space or choose another disk; nothing was written.",
    errno.EDQUOT: "Your quota on this disk is used up. Free some space or choose another disk; nothing was written.",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: "That disk is read-only. Choose another folder.",
    errno.ENAMETOOLONG: "The file's name is too long. Choose a shorter one.",
}


def check_writable(path: Path) -> None:
    """Raise ExportError now if ``path`` could not be written later: before minutes of work, not after them."""
    if path.is_dir():
        raise ExportError(
            f"'{path}' is a folder, not a file.", f"Give the file a name, for example '{path / 'walk.bvh'}'."
        )
    folder = path.parent
    if not folder.is_dir():
        raise ExportError(f"The folder '{folder}' does not exist.", "Create it first, or write to another folder.")
    if not os.access(folder, os.W_OK):
        raise ExportError(f"'{path}' could not be written.", _NO_PERMISSION)


@contextlib.contextmanager
def atomic_file(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A binary stream that becomes ``path`` when the block succeeds; on any error ``path`` stays as it was.

    ``durable`` waits until the disk has it, which also finds a full disk that is noticed late. Raises ExportError.
    """
    check_writable(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            os.chmod(temporary, 0o666 & ~_umask())  # mkstemp gives 0600; a result is an ordinary file
            yield stream
            if durable:
                flush_to_disk(stream)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _export_error(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder that becomes ``path`` when the block succeeds, in place of what is there; on any error ``path``
    stays as it was. Folders above it are created. Raises ExportError.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        yield temporary
        temporary.chmod(0o777 & ~_umask())  # mkdtemp gives 0700
        _move_into_place(temporary, path)
    except OSError as error:
        raise _export_error(path, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def flush_to_disk(stream: BinaryIO) -> None:
    """Wait until the disk has what was written; some file systems say only here that they are full."""
    stream.flush()
    os.fsync(stream.fileno())


def _move_into_place(temporary: Path, path: Path) -> None:
    """Rename ``temporary`` to ``path``; an older folder there is kept aside until that has worked."""
    if not path.exists():
        temporary.rename(path)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
    path.rename(aside / path.name)
    try:
        temporary.rename(path)
    except OSError:
        (aside / path.name).rename(path)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _export_error(path: Path, error: OSError) -> ExportError:
    hint = _HINTS.get(error.errno or 0, f"The system says: {error.strerror or error}.")
    return ExportError(f"'{path}' could not be written.", hint)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
