# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may talk to the engine: CURVE encrypts, and this gatekeeper admits the one client key of the connection file.

ZeroMQ asks a ZAP handler (rfc.zeromq.org/spec/27) inside the process about every new connection. It is answered in the
server's own loop, since a second thread would only be one more thing that can fail.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass, field

import zmq
from zmq.utils import z85

log = logging.getLogger(__name__)

DOMAIN = "gaitway"
_ZAP_ADDRESS = "inproc://zeromq.zap.01"


@dataclass(frozen=True)
class CurveKeys:
    """The engine's key pair and the pair that admits a client: Z85 text, new for each start of the engine."""

    server_public: str
    server_secret: str = field(repr=False)
    client_public: str
    client_secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> CurveKeys:
        server_public, server_secret = zmq.curve_keypair()
        client_public, client_secret = zmq.curve_keypair()
        return cls(*(key.decode("ascii") for key in (server_public, server_secret, client_public, client_secret)))


class Gatekeeper:
    """Answers ZeroMQ's question whether a connection may be made. Create it before the server's socket is bound."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: CurveKeys) -> None:
        self._admitted = z85.decode(keys.client_public)
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(_ZAP_ADDRESS)

    def answer(self) -> None:
        """Answer every question that waits."""
        while True:
            try:
                sender, empty, version, request_id, domain, address, _identity, mechanism, *credentials = (
                    self.socket.recv_multipart(zmq.DONTWAIT)
                )
            except zmq.Again:
                return
            admitted = (
                version == b"1.0"
                and domain == DOMAIN.encode()
                and mechanism == b"CURVE"
                and len(credentials) == 1
                and hmac.compare_digest(credentials[0], self._admitted)
            )
            if not admitted:
                log.warning("refused a connection from %s with a wrong key", address.decode(errors="replace"))
            status = [b"200", b"OK", b"client"] if admitted else [b"400", b"Unknown key", b""]
            self.socket.send_multipart([sender, empty, b"1.0", request_id, *status, b""])


def protect(socket: zmq.Socket[bytes], keys: CurveKeys) -> None:
    """Make a server's socket speak CURVE and ask the gatekeeper. Call before bind."""
    socket.curve_server = True
    socket.curve_secretkey = keys.server_secret.encode("ascii")
    socket.curve_publickey = keys.server_public.encode("ascii")
    socket.zap_domain = DOMAIN.encode()
