# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine that this client started: wait for the one before it to end, launch it, notice when it dies. No bpy."""

from __future__ import annotations

from pathlib import Path

from ..shared.errors import EngineUnavailable, GaitwayError
from .process import EngineProcess

STARTUP_TIMEOUT_S = 180.0
"""For a started engine to be ready: a first start compiles Python files and reads all of torch."""
ENDING_TIMEOUT_S = 15.0
"""For an engine to end before it is killed for the next one."""


class OwnEngine:
    """At most one engine of ours, and the one before it while that still ends."""

    def __init__(self) -> None:
        self.process: EngineProcess | None = None
        """The engine of ours, started or about to be; None while the engine is another's, or there is none."""
        self._ending: EngineProcess | None = None
        self._waiting_since: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether the engine was started here and still runs."""
        return self.process is not None and self.process.pid is not None and self.process.poll() is None

    @property
    def is_ending(self) -> bool:
        """Whether an engine of ours was told to end and has not yet; nobody should join it any more."""
        return self._ending is not None and self._ending.poll() is None

    def prepare(self, command: list[str], log_path: Path) -> None:
        """Make ready to launch an engine with ``command``, as of :class:`EngineProcess`."""
        self.process, self._waiting_since = EngineProcess(command, log_path), None

    def discard(self) -> None:
        """Do not launch what was prepared: another's engine serves."""
        self.process = None

    def launch(self) -> None:
        """Launch what was prepared. Raises EngineUnavailable when it cannot be started."""
        assert self.process is not None
        self._ending = None
        try:
            self.process.start()
        except GaitwayError:
            self.process = None
            raise

    def advance(self, now: float) -> bool:
        """Whether the engine is launched and may have written its connection file; it is launched here as soon as the
        one before it has ended. Raises EngineUnavailable when it died or takes too long.
        """
        assert self.process is not None
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        if self.process.pid is None:
            if not self.is_ending or now - self._waiting_since >= ENDING_TIMEOUT_S:
                if self._ending is not None:
                    self._ending.kill()
                self.launch()
            return False
        self.check()
        if now - self._waiting_since > STARTUP_TIMEOUT_S:
            log_path = self.process.log_path
            self.stop()
            raise EngineUnavailable(
                f"The engine did not start within {STARTUP_TIMEOUT_S:.0f} seconds.",
                f"See its log: {log_path}.",
            )
        return True

    def check(self) -> None:
        """Raise EngineUnavailable, with what it printed last, when the engine of ours has ended."""
        if self.process is None or self.process.poll() is None:
            return
        code, words = self.process.poll(), self.process.last_words()
        log_path, self.process = self.process.log_path, None
        manner = f"was killed (signal {-code})" if code is not None and code < 0 else f"has stopped (exit code {code})"
        raise EngineUnavailable(f"The engine {manner}. {words}".strip(), f"Start it again; its log is {log_path}.")

    def stop(self, wait: float = 0.0) -> None:
        """Tell the engine of ours to end, and stay at most ``wait`` seconds to see it do so."""
        if self.process is not None and self.process.pid is not None:
            self.process.stop(wait)
            self._ending = self.process
        self.process = None
