# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's one timer does: a step of everything that goes on, and how soon the next one is due.

``tick()`` is a plain function that a script may call instead.
"""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from typing import Any

import bpy

from .. import offscreen
from ..shared.errors import EngineUnavailable
from ..viewport.overlay import OVERLAY
from ..viewport.take_observer import LOOKING
from .engine import ENGINE
from .generation import GENERATION
from .live import LIVE

BUSY_INTERVAL = 0.02
WORK_INTERVAL = 0.005
"""Seconds between two ticks, in which Blender draws and heeds the mouse, while there is work to be done here or a
preview to come.
"""
IDLE_INTERVAL = 0.5
REJOIN_INTERVAL = 3.0
"""Seconds between two looks for an engine while there is none."""


class Timer:
    """What is kept from one tick to the next, one of it: :data:`TIMER`."""

    def __init__(self) -> None:
        self.sweep = False
        """Whether to look for what an undo or a file may have brought back."""
        self._drawn: tuple[Any, ...] = ()
        self._looked = 0.0
        GENERATION.on_submit.append(LIVE.let_go)

    def tick(self, now: float) -> float:
        """One step of everything; returns the seconds until the next. ``now``: seconds of a clock that only rises."""
        began, worked, was_busy = time.perf_counter(), time.thread_time(), GENERATION.busy
        if self.sweep:
            self.sweep = False
            offscreen.remove_orphans()
        self._listen(now)
        GENERATION.advance()
        if not was_busy and not GENERATION.busy and hasattr(bpy.context.scene, "gaitway"):
            if not LIVE.has_preview:
                LOOKING.advance(bpy.context.scene)
            LIVE.advance(bpy.context.scene)
            OVERLAY.sync(bpy.context.scene)
        if was_busy:
            GENERATION.count(began, worked)
        self._redraw_if_changed()
        if GENERATION.is_at_work or LIVE.is_behind:
            return WORK_INTERVAL
        is_engine_busy = ENGINE.opened is not None and ENGINE.opened.busy
        working = GENERATION.busy or LIVE.watched or LOOKING.is_looking or is_engine_busy
        return BUSY_INTERVAL if working else IDLE_INTERVAL

    def _listen(self, now: float) -> None:
        """Hear what the engine says, and look for one where there is none."""
        session = ENGINE.opened
        if session is None:
            # Load the socket library while nobody waits: at the first press it would be felt. What is missing is said
            # there.
            with suppress(ImportError):
                from ..engine_link import session as jobs  # noqa: F401
            return
        alone = session.state == "offline" and not GENERATION.busy and not ENGINE.was_left
        if alone and now - self._looked >= REJOIN_INTERVAL:
            self._looked = now
            ENGINE.rejoin()
        try:
            for message in session.pump(now):
                if not LIVE.receive(message):
                    GENERATION.receive(message)
        except Exception as error:  # whatever it is, it must not end Blender's timer, and not come again at every tick
            traceback.print_exc()
            ENGINE.opened = None
            GENERATION.abandon(
                EngineUnavailable(f"The connection to the engine broke: {error}.", "Press Start Engine.")
            )

    def _redraw_if_changed(self) -> None:
        """Let the tab show what has changed since it was drawn."""
        drawn = (
            ENGINE.status,
            GENERATION.busy,
            GENERATION.stage,
            round(GENERATION.fraction, 2),
            GENERATION.arrived,
            GENERATION.error,
            len(GENERATION.report),
            id(LOOKING.observed),
        )
        if drawn != self._drawn:
            self._drawn = drawn
            for window in bpy.context.window_manager.windows:
                for area in window.screen.areas:
                    if area.type == "VIEW_3D":
                        area.tag_redraw()


TIMER = Timer()


def tick() -> float:
    """The timer: one step, then the seconds until the next."""
    return TIMER.tick(time.monotonic())
