# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: while a path or a pin is dragged, ghosts of the motion it would give; once it rests, the motion itself.

Blender reports every change of the scene; the handler only notes that a control has moved, and the timer acts. One
preview is on its way at a time, and the next one is read from the scene as it is then: no queue can build, and the rate
is what engine and scene allow. A preview is one step of sampling without refining.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from typing import NamedTuple

import bpy

from .. import preferences, time_slices
from ..capture import capture
from ..capture.capture import CapturedScene
from ..capture.changes import inputs_hash, key_moved_pins, watched_uids
from ..capture.request import build_request, preview_request
from ..shared.errors import EngineUnavailable, GaitwayError
from ..shared.protocol import Error, Result
from ..viewport.overlay import preview_lines
from .engine import ENGINE
from .generation import GENERATION
from .redraw import open_windows
from .viewport import OVERLAY

RELEASE_S = 0.5
"""Without a change for so long, a control counts as released."""
MAIN_THREAD_FRACTION = 0.5
"""Of the time between two previews this part may be spent in Blender's main thread."""


class _Preview(NamedTuple):
    """A preview that the engine was asked for, and when the change was noted that it shows."""

    request_id: str
    noted_at: float
    captured: CapturedScene


class Live:
    """What is under way while controls move; one of it: :data:`LIVE`."""

    def __init__(self) -> None:
        self.watched: frozenset[int] = frozenset()
        self._reading: Generator[None, None, None] | None = None
        self.latencies_s: list[float] = []
        """Seconds from a change to the ghosts that show it, of each preview since the last release."""
        self.forget()

    def forget(self) -> None:
        """Show no preview and expect none."""
        self.stop_reading()
        self._changed_at: float | None = None
        self._noted_at: float | None = None
        self._expected: _Preview | None = None
        self._releasing = False
        self._requested_hash = self._inputs_hash = 0
        self._next_at = 0.0
        self._released_id = ""
        OVERLAY.clear("preview")

    def note_submit(self, captured: CapturedScene, request_id: str) -> None:
        """The motion itself is asked for: no preview of what was changed until now is needed any more."""
        self.stop_reading()
        self._changed_at = self._noted_at = self._expected = None
        self._requested_hash = _controls_hash(captured)
        if self._releasing:
            self._released_id = request_id

    def stop_reading(self) -> None:
        """Leave the controls that are being read for a preview; they are read again later."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
            self._inputs_hash, self._noted_at = 0, self._noted_at or time.monotonic()

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
            self._continue_reading()
            return
        if (self._changed_at is None and self._noted_at is None) or GENERATION.busy:
            return
        session = ENGINE.open_session()
        if self._expected is not None and session.request_id != self._expected.request_id:
            self._expected = None  # replaced or failed
        if session.state == "offline":
            self._start_engine()
        elif self._expected is None and self._noted_at is not None and now >= self._next_at:
            self._reading = self._preview_steps(scene)
            self._continue_reading()
        elif self._expected is None and self._noted_at is None and self._has_rested(now) and not _is_operator_running():
            self._release()

    def receive(self, answer: Result | Error) -> bool:
        """Take an answer that belongs to a preview; False when it is somebody else's."""
        if self._expected is None or answer.request_id != self._expected.request_id:
            return False
        preview, self._expected = self._expected, None
        joints = getattr(answer, "joints", None)
        if joints is not None:
            OVERLAY.put(preview=preview_lines(joints[0], preview.captured))
            self.latencies_s.append(time.monotonic() - preview.noted_at)
        return True

    def _continue_reading(self) -> None:
        if self._reading is None:
            return
        started = time.monotonic()
        try:
            time_slices.run_for(self._reading)
        except StopIteration:
            self._reading = None
        except (GaitwayError, ReferenceError):  # what is wrong with the controls is said when they are released
            self._reading = None
        self._next_at = max(self._next_at, started) + (time.monotonic() - started) / MAIN_THREAD_FRACTION

    def _preview_steps(self, scene: bpy.types.Scene) -> Generator[None, None, None]:
        started, noted_at, self._noted_at = time.monotonic(), self._noted_at, None
        key_moved_pins(scene)
        inputs = inputs_hash(scene)
        if inputs == self._inputs_hash:
            return  # Blender reports changes of everything after much that changes nothing, our own reading included
        self._inputs_hash = inputs
        captured = yield from capture.read_scene(scene)
        if _controls_hash(captured) == self._requested_hash:
            return  # Blender reports a change of every curve when the playhead moves
        self._requested_hash, self._changed_at = _controls_hash(captured), started
        request = preview_request(build_request(scene, captured))
        ENGINE.open_session().submit(request)
        self._expected = _Preview(request.request_id, noted_at or started, captured)

    def _has_rested(self, now: float) -> bool:
        return self._changed_at is not None and now - self._changed_at > RELEASE_S

    def _release(self) -> None:
        self._changed_at = self._noted_at = None
        self._releasing = True
        with suppress(GaitwayError):  # the panel shows it
            GENERATION.generate(bpy.context, replaces=self._released_id)

    def _start_engine(self) -> None:
        prefs = preferences.get()
        try:
            if not prefs.autostart:
                raise EngineUnavailable("Live previews need the engine.", "Press Start Engine.")
            ENGINE.start(prefs)
        except GaitwayError as error:
            GENERATION.show_error(error)
            self._changed_at = self._noted_at = None


LIVE = Live()


def _controls_hash(captured: CapturedScene) -> int:
    """A number that changes with anything that the controls and obstacles ask for."""
    signal = captured.signal
    solids = (part for solid in captured.obstacles for part in (solid.centre, solid.size, solid.rotation))
    arrays = [array.tobytes() for array in (signal.hint, signal.hint_mask, *solids)]
    return hash((captured.start_frame, *arrays))


def _is_operator_running() -> bool:
    """Whether an operator such as Move holds the mouse: keys and an undo step must wait for its end."""
    return any(window.modal_operators for window in open_windows())
