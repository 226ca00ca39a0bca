# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is: one request runs, each client has at most one more waiting, and clients take turns as they asked.

Plain tables, no sockets and no threads: what is returned is what must be told to a client.
"""

from __future__ import annotations

from blender_addon.shared.protocol import Generate

from .job import Job


class Turns:
    """The running job and the queue, one place a client. A newer request keeps the place of the one it replaces."""

    def __init__(self) -> None:
        self.running: Job | None = None
        self._waiting: dict[bytes, Job] = {}

    def add(self, client: bytes, request: Generate, reason: str) -> Job | None:
        """Queue a request; stops the client's running one for ``reason`` and returns the waiting one that it
        replaces.
        """
        if self.running is not None and self.running.client == client:
            self.running.cancel(reason)
        older = self._waiting.get(client)
        self._waiting[client] = Job(client, request)
        return older

    def cancel(self, client: bytes, request_id: str | None, reason: str) -> Job | None:
        """Stop a client's request by its id (None: any): the running one is told, a waiting one is removed and
        returned.
        """
        if self._is(self.running, client, request_id):
            assert self.running is not None
            self.running.cancel(reason)
        return self._waiting.pop(client) if self._is(self._waiting.get(client), client, request_id) else None

    def begin_next(self) -> Job | None:
        """The job whose turn it is, now the running one; None if nobody waits. Call when no job runs."""
        self.running = self._waiting.pop(next(iter(self._waiting))) if self._waiting else None
        return self.running

    def open_jobs(self) -> list[Job]:
        """All that have not been answered."""
        return [*self._waiting.values(), *([self.running] if self.running else [])]

    @staticmethod
    def _is(job: Job | None, client: bytes, request_id: str | None) -> bool:
        return job is not None and job.client == client and request_id in (None, job.request.request_id)
