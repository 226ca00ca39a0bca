# SPDX-License-Identifier: GPL-3.0-or-later
"""Which job is next: one request runs, each client has at most one more waiting, and clients take turns.

Plain tables, no sockets and no threads: a job that is returned must be answered by the caller.
"""

from __future__ import annotations

from blender_addon.shared.protocol import Generate

from .job import Job


class JobQueue:
    """The running job and the queue, one place a client. A newer request keeps the place of the one it replaces."""

    def __init__(self) -> None:
        self.running: Job | None = None
        self._waiting: dict[bytes, Job] = {}

    def add(self, client: bytes, request: Generate, reason: str) -> Job | None:
        """Queue a request; cancels the client's running one for ``reason`` and returns the waiting one that it
        replaces.
        """
        if self.running is not None and self.running.client == client:
            self.running.cancel(reason)
        replaced = self._waiting.get(client)
        self._waiting[client] = Job(client, request)
        return replaced

    def cancel(self, client: bytes, request_id: str | None, reason: str) -> Job | None:
        """Cancel a client's request by its id (None: any): a running one is flagged, a waiting one is removed and
        returned.
        """
        if self.running is not None and _matches(self.running, client, request_id):
            self.running.cancel(reason)
        waiting = self._waiting.get(client)
        if waiting is None or not _matches(waiting, client, request_id):
            return None
        return self._waiting.pop(client)

    def start_next(self) -> Job | None:
        """The next job, from now on the running one; None if nothing waits. Call when no job runs."""
        self.running = self._waiting.pop(next(iter(self._waiting))) if self._waiting else None
        return self.running

    def open_jobs(self) -> list[Job]:
        """All that have not been answered."""
        return [*self._waiting.values(), *([self.running] if self.running else [])]


def _matches(job: Job, client: bytes, request_id: str | None) -> bool:
    return job.client == client and request_id in (None, job.request.request_id)
