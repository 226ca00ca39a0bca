# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection file: how a client on this machine finds the engine and proves that it may talk to it.

The engine writes it when it has bound its port and removes it when it ends. It lies in the user's runtime folder,
readable by nobody else, and holds the address, the engine's public CURVE key and the key pair that admits a client.
To reach an engine on another machine, copy its file here, correct the address, and keep it private.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .errors import BadFile, EngineUnavailable
from .protocol import PROTOCOL_VERSION, other_version

FILE_NAME = "engine.json"
_START_HINT = "Start the engine: press Start Engine in Blender, or run 'gaitway serve' in a terminal."


@dataclass(frozen=True)
class Connection:
    """What the file holds. Keys are Z85 text; the secret ones are kept out of ``repr`` and so out of logs."""

    address: str
    server_public_key: str
    client_public_key: str
    client_secret_key: str = field(repr=False)
    pid: int
    host: str
    protocol_version: int
    engine_version: str

    def process_is_gone(self) -> bool:
        """True if the engine ran on this machine and its process has ended; False if it lives, or that is not known."""
        return self.host == socket.gethostname() and not process_is_alive(self.pid)


def runtime_folder() -> Path:
    """The folder for the connection file: ``GAITWAY_RUNTIME_DIR``, or the user's own runtime folder."""
    if override := os.environ.get("GAITWAY_RUNTIME_DIR"):
        return Path(override)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "gaitway" / "runtime"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "gaitway" / "runtime"
    # Blender started from a desktop file and the engine started from a shell must come to the same folder.
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.getuid()}"):
        if candidate and os.access(candidate, os.W_OK):
            return Path(candidate) / "gaitway"
    return Path.home() / ".cache" / "gaitway" / "runtime"


def default_connection_path() -> Path:
    """Where engine and clients meet unless told otherwise."""
    return runtime_folder() / FILE_NAME


def write_connection(connection: Connection, path: Path) -> None:
    """Write the file with mode 0600, whole or not at all. Raises BadFile if the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp creates with mode 0600, so that the keys are never readable by others, not even for a moment.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    except OSError as error:
        raise BadFile(
            f"The connection file {path} cannot be written: {error.strerror}.",
            "Make the folder writable, or choose another with the environment variable GAITWAY_RUNTIME_DIR.",
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(asdict(connection), stream, indent=2)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise BadFile(
            f"The connection file {path} cannot be written: {error.strerror}.", "Check that the disk is not full."
        ) from error


def read_connection(path: Path) -> Connection:
    """Read and check the file.

    Raises EngineUnavailable if there is none, or if the engine that wrote it is gone; BadFile if others may read it
    or it is damaged; ProtocolError if the engine speaks another version.
    """
    try:
        _refuse_loose_permissions(path)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise EngineUnavailable("The engine is not running.", _START_HINT) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    connection = _parse(text, path)
    if connection.process_is_gone():
        raise EngineUnavailable("The engine stopped unexpectedly.", _START_HINT)
    if connection.protocol_version != PROTOCOL_VERSION:
        engine = f"Engine {connection.engine_version}"
        raise other_version("this add-on", PROTOCOL_VERSION, engine, connection.protocol_version)
    return connection


def remove_connection(path: Path, server_public_key: str) -> None:
    """Remove the file if it is still the one of the engine with this key; a newer engine's file stays."""
    with suppress(OSError, UnicodeDecodeError, BadFile):
        if _parse(path.read_text(encoding="utf-8"), path).server_public_key == server_public_key:
            path.unlink()


def process_is_alive(pid: int) -> bool:
    """Whether a process of this machine runs; one that has ended but is not yet reaped (a zombie) does not."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _windows_process_is_alive(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # The state follows the name, which stands in parentheses and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return True


def _windows_process_is_alive(pid: int) -> bool:
    import ctypes

    query_limited_information, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        access_denied = 5
        return bool(kernel.GetLastError() == access_denied)
    try:
        code = ctypes.c_ulong()
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == still_active
    finally:
        kernel.CloseHandle(handle)


def _refuse_loose_permissions(path: Path) -> None:
    status = path.stat()
    if os.name == "posix" and (stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.getuid()):
        raise BadFile(
            f"The connection file {path} can be read by other users of this machine, or belongs to one of them.",
            "Stop the engine, delete the file and start the engine again; it writes a private one.",
        )


def _parse(text: str, path: Path) -> Connection:
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise _damaged(path) from error
    types = {entry.name: int if entry.name in ("pid", "protocol_version") else str for entry in fields(Connection)}
    if not isinstance(plain, dict) or plain.keys() != types.keys():
        raise _damaged(path)
    if any(type(plain[name]) is not kind for name, kind in types.items()):
        raise _damaged(path)
    if any(len(plain[name]) != 40 for name in types if name.endswith("_key")):
        raise _damaged(path)
    return Connection(**plain)


def _damaged(path: Path) -> BadFile:
    return BadFile(
        f"The connection file {path} cannot be read.", "Delete it and start the engine again; it writes a new one."
    )
