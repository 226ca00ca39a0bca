# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as this Blender knows it: one session with it, begun, ended and joined again.

Nothing here is saved in files or undone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import bpy

from .. import preferences
from ..shared.connection import default_connection_path, read_connection
from ..shared.errors import EngineUnavailable, GaitwayError
from ..version import addon_version

if TYPE_CHECKING:
    from ..engine_link.session import Session
    from ..preferences import Preferences


class Engine:
    """The session with the engine, one of it: :data:`ENGINE`."""

    def __init__(self) -> None:
        self.opened: Session | None = None
        """The session, None until it is first used and after it broke."""
        self.was_left = False
        """Whether the engine was given up on purpose: then none is joined by itself."""
        self.on_stop: list[Callable[[], None]] = []
        """Called before the engine is given up."""

    def session(self) -> Session:
        """The session, made at first use. Raises EngineUnavailable when the add-on's own wheels are missing."""
        if self.opened is None:
            try:
                from ..engine_link.session import Session
            except ImportError as error:
                raise EngineUnavailable(
                    f"A part of the add-on is missing: {error.name or error}.",
                    "Install the Gaitway zip that is made for this computer and this Blender again.",
                ) from error
            self.opened = Session(client_name=f"Blender {bpy.app.version_string}", client_version=addon_version())
        return self.opened

    @property
    def state(self) -> str:
        return "offline" if self.opened is None else self.opened.state

    @property
    def status(self) -> str:
        return "The engine is not running." if self.opened is None else self.opened.status

    @property
    def model(self) -> str | None:
        """Name of the model that the engine has loaded; None while none is known."""
        welcome = None if self.opened is None else self.opened.welcome
        return None if welcome is None else welcome.model

    @property
    def is_wanted(self) -> bool:
        """Whether an engine is there or on its way."""
        return self.state != "offline"

    def start(self, chosen: Preferences) -> None:
        """Start an engine or join the one that runs. Raises EngineUnavailable when it cannot even be tried."""
        from ..engine_link.process import find_command

        self.was_left = False
        session = self.session()
        connection = preferences.connection_path(chosen)
        if not session.is_ending:
            session.connect(connection)
        if session.state == "offline":
            command = find_command(chosen.engine_command)
            if connection is not None:
                command += ["--connection-file", str(connection)]
            session.start_engine(command, preferences.log_path(chosen), connection)
        if session.state == "offline":
            message, hint = session.error or ("The engine could not be started.", "")
            raise EngineUnavailable(message, hint)

    def ready_for_request(self, chosen: Preferences) -> Session:
        """The session, joined to the engine that runs, or with one started where the preferences want that. Raises as
        :meth:`start`.
        """
        session = self.session()
        self.was_left = False
        if session.state == "offline":
            if not chosen.autostart:
                session.connect(preferences.connection_path(chosen))
            else:
                self.start(chosen)
        return session

    def stop(self, wait: float = 0.0) -> None:
        """Give up the engine; one that another Blender started goes on without us."""
        for callback in self.on_stop:
            callback()
        self.was_left = True
        if self.opened is not None:
            self.opened.shutdown(wait)

    def restart(self, chosen: Preferences) -> None:
        """End the engine and start it anew; one that is another's is joined again. Raises as :meth:`start`."""
        self.stop()
        self.start(chosen)

    def rejoin(self) -> None:
        """Join an engine that has appeared, if there is one."""
        path = preferences.connection_path(preferences.get())
        with suppress(GaitwayError):
            read_connection(path or default_connection_path())
            self.session().connect(path)


ENGINE = Engine()
