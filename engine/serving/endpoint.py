# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's port and what clients must know to find it: opening the socket, its limits, the connection's
description.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import zmq

from blender_addon.shared import protocol
from blender_addon.shared.connection import Connection, read_connection
from blender_addon.shared.errors import EngineBusy, EngineUnavailable, GaitwayError

from .. import __version__
from .security import CurveKeys, protect

DEFAULT_ADDRESS = "tcp://127.0.0.1:*"
LINGER_S = 0.5
"""Seconds that the last messages may take to be sent when the engine stops."""
UNREAD_MESSAGES_MAX = 16
"""Messages of one client that may wait unread in memory; more wait in the network."""


def open_router(
    context: zmq.Context[zmq.Socket[bytes]], keys: CurveKeys, address: str
) -> tuple[zmq.Socket[bytes], str]:
    """Bind the ROUTER socket; returns it and the address that clients of this machine connect to.

    ``address`` is ``host``, ``host:port`` or ``tcp://host:port``. Raises EngineUnavailable if it cannot be opened.
    """
    router = context.socket(zmq.ROUTER)
    protect(router, keys)
    router.linger = int(LINGER_S * 1000)
    # Up to twice the limit is read and answered with an Error; beyond that ZeroMQ closes the connection unread.
    router.setsockopt(zmq.MAXMSGSIZE, 2 * protocol.MAX_MESSAGE_BYTES)
    # A client that reconnects under its name replaces its old connection; sending to a disconnected one is an error.
    router.setsockopt(zmq.ROUTER_HANDOVER, 1)
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
    router.setsockopt(zmq.HANDSHAKE_IVL, 5000)
    router.rcvhwm = UNREAD_MESSAGES_MAX
    endpoint = _endpoint(address)
    router.ipv6 = "[" in endpoint
    try:
        router.bind(endpoint)
    except zmq.ZMQError as error:
        raise EngineUnavailable(
            f"The address {endpoint} cannot be opened: {error.strerror}.",
            "Choose another port with --address, or leave it out to use any free port.",
        ) from error
    bound = router.getsockopt_string(zmq.LAST_ENDPOINT)
    return router, bound.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace("tcp://[::]:", "tcp://[::1]:")


def own_connection(keys: CurveKeys, address: str) -> Connection:
    """The contents of this process's connection file."""
    return Connection(
        address=address,
        server_public_key=keys.server_public,
        client_public_key=keys.client_public,
        client_secret_key=keys.client_secret,
        pid=os.getpid(),
        host=socket.gethostname(),
        protocol_version=protocol.PROTOCOL_VERSION,
        engine_version=__version__,
    )


def refuse_second_engine(connection_file: Path) -> None:
    """Raise EngineBusy if the file belongs to a running engine: to overwrite it would make that one unreachable."""
    try:
        other = read_connection(connection_file)
    except GaitwayError:
        return  # none, damaged, or left behind by a dead engine: it is replaced
    if other.host == socket.gethostname():
        raise EngineBusy(
            f"An engine is already running (process {other.pid}, {other.address}).",
            f"Use it, stop it, or choose another --connection-file. If none is running, delete {connection_file}.",
        )


def _endpoint(address: str) -> str:
    host_port = address.removeprefix("tcp://")
    has_port = host_port.rpartition(":")[2].isdigit() or host_port.endswith(":*")
    return f"tcp://{host_port}" if has_port else f"tcp://{host_port}:*"
