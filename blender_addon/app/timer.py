# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's one timer does: a step of everything that is under way, and how soon the next one is due.

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
from .engine import ENGINE
from .generation import GENERATION
from .live import LIVE
from .redraw import redraw
from .viewport import OVERLAY, TAKE_OBSERVER

BUSY_INTERVAL_S = 0.02
WORK_INTERVAL_S = 0.005
"""Between two ticks, in which Blender draws and heeds the mouse, while there is work to do here or a preview is
expected.
"""
IDLE_INTERVAL_S = 0.5
REJOIN_INTERVAL_S = 3.0
"""Between two looks for an engine while there is none."""


class Timer:
    """What is kept from one tick to the next, one of it: :data:`TIMER`."""

    def __init__(self) -> None:
        self._cleanup_due = False
        self._drawn: tuple[Any, ...] = ()
        self._rejoin_tried_at = 0.0
        GENERATION.on_submit.append(LIVE.note_submit)

    def request_cleanup(self) -> None:
        """Look at the next tick for what an undo or a file may have brought back."""
        self._cleanup_due = True

    def tick(self, now: float) -> float:
        """One step of everything; returns the seconds until the next. ``now``: seconds of a clock that only rises."""
        started, cpu_started, was_busy = time.perf_counter(), time.thread_time(), GENERATION.busy
        if self._cleanup_due:
            self._cleanup_due = False
            offscreen.remove_orphans()
        self._listen(now)
        GENERATION.advance()
        scene = bpy.context.scene
        if not was_busy and not GENERATION.busy and scene is not None and hasattr(scene, "gaitway"):
            if not LIVE.has_preview:
                TAKE_OBSERVER.advance(scene)
            LIVE.advance(scene)
            OVERLAY.sync(scene)
        if was_busy:
            GENERATION.record_tick(started, cpu_started)
        self._redraw_if_changed()
        if GENERATION.is_at_work or LIVE.is_behind:
            return WORK_INTERVAL_S
        is_working = GENERATION.busy or LIVE.watched or TAKE_OBSERVER.is_observing or ENGINE.is_busy
        return BUSY_INTERVAL_S if is_working else IDLE_INTERVAL_S

    def _listen(self, now: float) -> None:
        """Hear what the engine says, and look for one where there is none."""
        session = ENGINE.session
        if session is None:
            # Load the socket library while nobody waits: at the first press it would be felt. What is missing is said
            # there.
            with suppress(ImportError):
                from ..engine_link import session as _preloaded  # noqa: F401
            return
        is_alone = session.state == "offline" and not GENERATION.busy and not ENGINE.was_stopped
        if is_alone and now - self._rejoin_tried_at >= REJOIN_INTERVAL_S:
            self._rejoin_tried_at = now
            ENGINE.rejoin()
        try:
            for message in session.pump(now):
                if not LIVE.receive(message):
                    GENERATION.receive(message)
        except Exception as error:  # whatever it is, it must not end Blender's timer, and not come again at every tick
            traceback.print_exc()
            ENGINE.drop_session()
            GENERATION.abandon(
                EngineUnavailable(f"The connection to the engine broke: {error}.", "Press Start Engine.")
            )

    def _redraw_if_changed(self) -> None:
        """Let the tab show what has changed since it was drawn."""
        drawn = (
            ENGINE.status,
            GENERATION.busy,
            GENERATION.step_label,
            round(GENERATION.fraction, 2),
            GENERATION.frames_received,
            GENERATION.error,
            len(GENERATION.report),
            id(TAKE_OBSERVER.observed),
        )
        if drawn != self._drawn:
            self._drawn = drawn
            redraw("VIEW_3D")


TIMER = Timer()


def tick() -> float:
    """The timer: one step, then the seconds until the next."""
    return TIMER.tick(time.monotonic())
