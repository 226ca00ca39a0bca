# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are either whole or not there: written beside their place under a temporary name, then moved."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from blender_addon.shared.errors import ExportError

_HINTS = {
    errno.ENOSPC: "The disk is full. Free some space or choose another disk; nothing was written.",
    errno.EDQUOT: "Your quota on this disk is used up. Free some space or choose another disk; nothing was written.",
    errno.EACCES: "You may not write there. Choose a folder of your own, or close the program that holds the file.",
    errno.EPERM: "You may not write there. Choose a folder of your own, or close the program that holds the file.",
    errno.EROFS: "That disk can only be read. Choose another folder.",
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
        raise ExportError(f"'{path}' could not be written.", _HINTS[errno.EACCES])


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary stream that becomes ``path`` when the block ends well; on any error ``path`` stays as it was.

    Raises ExportError, with a remedy, for whatever the operating system refuses.
    """
    check_writable(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            os.chmod(temporary, 0o666 & ~_umask())  # mkstemp gives 0600; a result is an ordinary file
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, f"The system says: {error.strerror or error}.")
        raise ExportError(f"'{path}' could not be written.", hint) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
