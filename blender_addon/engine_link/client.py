# SPDX-License-Identifier: GPL-3.0-or-later
"""One socket to the engine: send a message, fetch what has arrived, never wait. No thread, no bpy.

ZeroMQ's own I/O thread does the network, so nothing here blocks Blender's main thread. One client belongs to one
thread.
"""

from __future__ import annotations

import os

import zmq

from ..shared.connection import Connection
from ..shared.errors import EngineUnavailable, ProtocolError
from ..shared.protocol import MAX_MESSAGE_BYTES, Message, decode, encode

MAX_MESSAGES_PER_POLL = 64
SEND_QUEUE_MESSAGES = 64
"""Messages that may wait for an engine that does not read; a live engine reads at once."""


class Client:
    """A DEALER socket with CURVE. Connecting does not fail: an engine that is not there simply does not answer."""

    def __init__(self, connection: Connection) -> None:
        """Raises EngineUnavailable if the connection's address or keys are not usable."""
        # A context of its own: closing it cannot wait for, or disturb, another add-on's sockets.
        self._context: zmq.Context[zmq.Socket[bytes]] | None = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.DEALER)
        try:
            self._configure(connection)
        except (zmq.ZMQError, UnicodeEncodeError) as error:
            self.close()
            raise EngineUnavailable(
                f"The engine's address {connection.address} or its keys cannot be used.",
                "Delete the connection file and start the engine again; it writes a new one.",
            ) from error

    def _configure(self, connection: Connection) -> None:
        socket = self._socket
        socket.linger = 0
        socket.sndhwm = SEND_QUEUE_MESSAGES
        # A limit at the socket, so that even a hostile engine cannot fill this process's memory.
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        # A name of our own survives a reconnect, so that answers under way are not lost. It must not start with a zero.
        socket.setsockopt(zmq.ROUTING_ID, b"c" + os.urandom(15))
        socket.curve_serverkey = connection.server_public_key.encode("ascii")
        socket.curve_publickey = connection.client_public_key.encode("ascii")
        socket.curve_secretkey = connection.client_secret_key.encode("ascii")
        socket.connect(connection.address)

    def send(self, message: Message | bytes) -> None:
        """Queue a message, or the bytes that :func:`encode` made of one. Raises ProtocolError if a message is not
        sound, EngineUnavailable if the engine does not read.
        """
        data = message if isinstance(message, bytes) else encode(message)
        try:
            self._socket.send(data, zmq.DONTWAIT)
        except zmq.Again as error:
            raise EngineUnavailable(
                "The engine does not accept messages from this Blender.",
                "It does not respond, or its connection file is out of date: stop the engine and start it again.",
            ) from error

    def poll(self) -> list[Message]:
        """What has arrived since the last call, oldest first; an empty list if nothing. Raises ProtocolError."""
        messages: list[Message] = []
        while len(messages) < MAX_MESSAGES_PER_POLL:
            try:
                frames = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            if len(frames) != 1:
                raise ProtocolError(
                    "The engine sent a message of several frames.", "Update the add-on and the engine together."
                )
            messages.append(decode(frames[0]))
        return messages

    def close(self, linger: float = 0.0) -> None:
        """Close the socket; ``linger`` is the longest wait in seconds for what is not sent yet. May be called twice."""
        if self._context is not None:
            self._context.destroy(linger=int(linger * 1000))
            self._context = None
