# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: while a path or a pin is dragged, ghosts of the motion it would give; when it rests, the motion itself.

Blender reports every change of the scene; the handler only notes that a control has moved, and the timer acts. One
preview is on its way at a time, and the next one is read from the scene as it is then: no queue can build, and the rate
is what engine and scene allow. A preview is one step of sampling without refining.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING

import bpy

from .. import preferences, time_slices
from ..capture import capture
from ..capture.capture import Capture
from ..capture.changes import inputs_hash, key_moved_pins, watched_uids
from ..capture.request import build_request, preview_request
from ..shared.errors import GaitwayError
from ..viewport.overlay import OVERLAY, preview_lines
from .engine import ENGINE
from .generation import GENERATION

if TYPE_CHECKING:
    from ..shared.protocol import Error, Result

RELEASE = 0.5
"""Seconds without a change after which a control counts as released."""
MAIN_THREAD_SHARE = 0.5
"""Of the time between two previews this part may be spent in Blender's main thread."""


class Live:
    """What is under way while controls move; one of it: :data:`LIVE`."""

    def __init__(self) -> None:
        self.watched: frozenset[int] = frozenset()
        self._reading: Generator[None, None, None] | None = None
        self.latencies: list[float] = []
        """Seconds from a change to the ghosts that show it, of each preview since the last release."""
        self.forget()

    def forget(self) -> None:
        """Show no preview and expect none."""
        self.stop_reading()
        self._changed_at: float | None = None
        self._noted_at: float | None = None
        self._expected: tuple[str, float, Capture] | None = None
        self._releasing = False
        self._asked = self._inputs = 0
        self._next_at = 0.0
        self._generation = ""
        OVERLAY.clear("preview")

    def let_go(self, captured: Capture, request_id: str) -> None:
        """The motion itself is asked for: no preview of what was changed until now is needed any more."""
        self.stop_reading()
        self._changed_at = self._noted_at = self._expected = None
        self._asked = _fingerprint(captured)
        if self._releasing:
            self._generation = request_id

    def stop_reading(self) -> None:
        """Leave the controls that are being read for a preview; they are read anew later."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
            self._inputs, self._noted_at = 0, self._noted_at or time.monotonic()

    @property
    def has_preview(self) -> bool:
        """Whether ghosts of a preview are shown, or on their way."""
        return self._expected is not None or len(OVERLAY.layers["preview"]) > 0

    @property
    def is_behind(self) -> bool:
        """Whether a change is not shown yet."""
        return self._noted_at is not None or self._reading is not None or self._expected is not None

    # ---- what Blender calls

    def note_change(self, uids: set[int]) -> None:
        """These data-blocks have changed."""
        if self.watched & uids and self._noted_at is None:
            self._noted_at = time.monotonic()

    # ---- what the timer does

    def is_on(self, scene: bpy.types.Scene) -> bool:
        """Whether the animator wants previews."""
        return bool(scene.gaitway.live.enabled and scene.gaitway.character is not None)

    def advance(self, scene: bpy.types.Scene) -> None:
        """One step: ask for a preview, or for the motion itself."""
        if not self.is_on(scene):
            if self.watched:
                self.watched = frozenset()
                self.forget()
            return
        self.watched = watched_uids(scene)
        self._releasing, now = False, time.monotonic()
        if self._reading is not None:
            self._read_on()
            return
        if (self._changed_at is None and self._noted_at is None) or GENERATION.busy:
            return
        session = ENGINE.session()
        if self._expected is not None and session.request_id != self._expected[0]:
            self._expected = None  # replaced or failed
        if session.state == "offline":
            self._start_engine()
        elif self._expected is None and self._noted_at is not None and now >= self._next_at:
            self._reading = self._ask(scene)
            self._read_on()
        elif self._expected is None and self._noted_at is None and self._has_rested(now) and not _hand_is_at_it():
            self._release()

    def receive(self, answer: Result | Error) -> bool:
        """Take an answer that belongs to a preview; False when it is somebody else's."""
        if self._expected is None or answer.request_id != self._expected[0]:
            return False
        _, noted_at, captured = self._expected
        self._expected = None
        joints = getattr(answer, "joints", None)
        if joints is not None:
            OVERLAY.put(preview=preview_lines(joints[0], captured))
            self.latencies.append(time.monotonic() - noted_at)
        return True

    def _read_on(self) -> None:
        began = time.monotonic()
        try:
            time_slices.run_for(self._reading)
        except StopIteration:
            self._reading = None
        except (GaitwayError, ReferenceError):  # what is wrong with the controls is said when they are released
            self._reading = None
        self._next_at = max(self._next_at, began) + (time.monotonic() - began) / MAIN_THREAD_SHARE

    def _ask(self, scene: bpy.types.Scene) -> Generator[None, None, None]:
        began, noted_at, self._noted_at = time.monotonic(), self._noted_at, None
        key_moved_pins(scene)
        inputs = inputs_hash(scene)
        if inputs == self._inputs:
            return  # Blender reports changes of everything after much that changes nothing, our own reading included
        self._inputs = inputs
        captured = yield from capture.reading(scene)
        if _fingerprint(captured) == self._asked:
            return  # Blender reports a change of every curve when the playhead moves
        self._asked, self._changed_at = _fingerprint(captured), began
        order = preview_request(build_request(scene, captured))
        ENGINE.session().submit(order)
        self._expected = (order.request_id, noted_at or began, captured)

    def _has_rested(self, now: float) -> bool:
        return self._changed_at is not None and now - self._changed_at > RELEASE

    def _release(self) -> None:
        self._changed_at = self._noted_at = None
        self._releasing = True
        with suppress(GaitwayError):  # the panel shows it
            GENERATION.generate(bpy.context, replaces=self._generation)

    def _start_engine(self) -> None:
        chosen = preferences.get()
        if chosen.autostart:
            try:
                ENGINE.start(chosen)
            except GaitwayError as error:
                GENERATION.error = (error.message, error.hint)
                self._changed_at = self._noted_at = None
        else:
            GENERATION.error = ("Live previews need the engine.", "Press Start Engine.")
            self._changed_at = self._noted_at = None


LIVE = Live()


def _fingerprint(captured: Capture) -> int:
    """A number that changes with anything that the controls and obstacles ask for."""
    signal = captured.signal
    parts = (part for solid in captured.obstacles for part in (solid.centre, solid.size, solid.rotation))
    asked = [array.tobytes() for array in (signal.hint, signal.hint_mask, *parts)]
    return hash((captured.start_frame, *asked))


def _hand_is_at_it() -> bool:
    """Whether an operator such as Move holds the mouse: keys and an undo step must wait for its end."""
    return any(window.modal_operators for window in bpy.context.window_manager.windows)


@bpy.app.handlers.persistent
def after_change(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Blender calls this after every change."""
    if LIVE.watched and not any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows):
        LIVE.note_change({update.id.original.session_uid for update in depsgraph.updates})
