# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as this Blender knows it: the session with it, opened, closed and joined again.

Nothing here is saved in files or undone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import bpy

from .. import preferences
from ..engine_link import find_command
from ..shared.connection import default_connection_path, read_connection
from ..shared.errors import EngineUnavailable, GaitwayError
from ..version import addon_version

if TYPE_CHECKING:
    from ..engine_link.session import Session
    from ..preferences import Preferences


class Engine:
    """The session with the engine, one of it: :data:`ENGINE`."""

    def __init__(self) -> None:
        self.session: Session | None = None
        """None until it is first used and after it broke."""
        self.was_stopped = False
        """Whether the user stopped the engine: then a running one is not joined by itself."""
        self.on_stop: list[Callable[[], None]] = []
        """Called before the engine is stopped."""

    def open_session(self) -> Session:
        """The session, made at first use. Raises EngineUnavailable when the add-on's own wheels are missing."""
        if self.session is None:
            try:
                from ..engine_link.session import Session
            except ImportError as error:
                raise EngineUnavailable(
                    f"A required package is missing: {error.name or error}.",
                    "Reinstall the Gaitway zip for this operating system and this Blender version.",
                ) from error
            self.session = Session(client_name=f"Blender {bpy.app.version_string}", client_version=addon_version())
        return self.session

    def drop_session(self) -> None:
        """Forget a session that broke; the next use opens another."""
        self.session = None

    @property
    def state(self) -> str:
        return "offline" if self.session is None else self.session.state

    @property
    def status(self) -> str:
        return "The engine is not running." if self.session is None else self.session.status

    @property
    def model(self) -> str | None:
        """Name of the model that the engine has loaded; None while none is known."""
        welcome = None if self.session is None else self.session.welcome
        return None if welcome is None else welcome.model

    @property
    def is_up(self) -> bool:
        """Whether an engine is running or starting."""
        return self.state != "offline"

    @property
    def is_busy(self) -> bool:
        """Whether the engine starts, connects or works, so that the timer should come often."""
        return self.session is not None and self.session.busy

    def start(self, prefs: Preferences) -> None:
        """Start an engine or join the one that runs. Raises EngineUnavailable when it cannot even be tried."""
        self.was_stopped = False
        session = self.open_session()
        connection = preferences.connection_path(prefs)
        if not session.is_ending:
            session.connect(connection)
        if session.state == "offline":
            command = find_command(prefs.engine_command)
            if connection is not None:
                command += ["--connection-file", str(connection)]
            session.start_engine(command, preferences.log_path(prefs), connection)
        if session.state == "offline":
            message, hint = session.error or ("The engine could not be started.", "")
            raise EngineUnavailable(message, hint)

    def ready_for_request(self, prefs: Preferences) -> Session:
        """The session, joined to the engine that runs, or with one started where the preferences say so. Raises as
        :meth:`start`.
        """
        session = self.open_session()
        self.was_stopped = False
        if session.state == "offline":
            if not prefs.autostart:
                session.connect(preferences.connection_path(prefs))
            else:
                self.start(prefs)
        return session

    def stop(self, wait: float = 0.0) -> None:
        """Leave the engine, and end it if it was started here; another Blender's keeps running. ``wait``: seconds."""
        for callback in self.on_stop:
            callback()
        self.was_stopped = True
        if self.session is not None:
            self.session.shutdown(wait)

    def restart(self, prefs: Preferences) -> None:
        """End the engine and start it again; one that is another Blender's is joined again. Raises as :meth:`start`."""
        self.stop()
        self.start(prefs)

    def rejoin(self) -> None:
        """Join an engine that has appeared, if there is one."""
        path = preferences.connection_path(preferences.get())
        with suppress(GaitwayError):
            read_connection(path or default_connection_path())
            self.open_session().connect(path)


ENGINE = Engine()
