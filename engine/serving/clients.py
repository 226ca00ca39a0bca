# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clients the engine serves: who said Hello, when each was last heard, and whom it has given up.

A plain table, no sockets: ZeroMQ's identity of a client (bytes) is the key.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from blender_addon.shared import protocol
from blender_addon.shared.errors import EngineBusy
from blender_addon.shared.protocol import Hello

from .. import __version__

_NAME_MAX_CHARACTERS = 80


@dataclass
class _Client:
    name: str
    last_heard: float


class ClientTable:
    """Clients by identity; at most ``protocol.MAX_CLIENTS`` at a time."""

    def __init__(self) -> None:
        self._clients: dict[bytes, _Client] = {}
        self._dropped: set[bytes] = set()

    def __contains__(self, client: object) -> bool:
        return client in self._clients

    def identities(self) -> list[bytes]:
        return list(self._clients)

    def heard(self, client: bytes) -> None:
        """Note that a message of ``client`` has arrived."""
        if client in self._clients:
            self._clients[client].last_heard = time.monotonic()

    def greet(self, client: bytes, hello: Hello) -> str:
        """Admit a client that says Hello and return its name. Raises ProtocolError for another version, EngineBusy
        where there are too many.
        """
        if hello.protocol_version != protocol.PROTOCOL_VERSION:
            name, engine = f"{hello.client} {hello.client_version}", f"Engine {__version__}"
            raise protocol.other_version(name, hello.protocol_version, engine, protocol.PROTOCOL_VERSION)
        if client not in self._clients and len(self._clients) >= protocol.MAX_CLIENTS:
            raise EngineBusy(
                f"The engine already serves {protocol.MAX_CLIENTS} clients.",
                "Close one of them, or start another engine with its own connection file.",
            )
        self._dropped.discard(client)
        name = f"{hello.client} {hello.client_version}".strip()[:_NAME_MAX_CHARACTERS]
        self._clients[client] = _Client(name, time.monotonic())
        return name

    def drop(self, client: bytes) -> str:
        """Give a client up and return its name."""
        self._dropped.add(client)
        return self._clients.pop(client).name

    def silent(self) -> list[bytes]:
        """Clients that sent nothing for ``protocol.CLIENT_TIMEOUT`` seconds."""
        limit = time.monotonic() - protocol.CLIENT_TIMEOUT
        return [client for client, state in self._clients.items() if state.last_heard < limit]

    def must_hear_of_drop(self, client: bytes) -> bool:
        """Whether ``client`` was given up and talks on without a new Hello: it may never have learned of it, and would
        wait for ever. True once.
        """
        if client not in self._dropped:
            return False
        self._dropped.discard(client)
        return True
