# SPDX-License-Identifier: GPL-3.0-or-later
"""One request's life, from the press of the button to the keys: read the controls, have the engine make the motion, let
what has arrived be seen, deliver it.

A request is a generator that hands the main thread back whenever it waits or has used its share of a tick. It keeps no
pointers into Blender's data from one tick to the next: objects are looked up again by their session uid, so that undo,
renaming and deleting do no harm. Who drives it (:mod:`.timer`) knows this module, never the other way round.

Nothing here is saved in files or undone: it is what the panels show of the present.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import preferences, time_slices
from ..capture import capture
from ..capture.request import build_request
from ..delivery import deliver as delivery
from ..lookup import scene_by_uid
from ..shared.errors import BadRequest, Cancelled, EngineUnavailable, GaitwayError, RetargetError, error_from_code
from ..shared.skeleton import FPS
from ..takes import requests as takes_requests
from ..takes.splice import stretch_of
from ..viewport.overlay import OVERLAY, preview_lines
from ..viewport.take_observer import LOOKING
from . import import_motion as bring_in
from .engine import ENGINE

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake
    from ..shared.protocol import Error, Generate, Result
    from ..takes.observed import Observed

PRESS = 0.025
"""Seconds that the press of a button may hold Blender's main thread; what is wrong is told at once if it is found
meanwhile.
"""
READING = "Reading the controls"
CANCEL_PATIENCE = 1.0
"""Seconds in which the engine is expected to confirm a cancel; one that hangs is not waited for."""


class Generation:
    """The request under way and what the last one came to, one of it: :data:`GENERATION`."""

    def __init__(self) -> None:
        self._request: Generator[None, None, None] | None = None
        self._finished: dict[str, Result | Error] = {}
        self._phase = ""
        self._cancelled_at: float | None = None
        self.is_at_work = False
        """Whether the request has something to do here, and does not only wait."""
        self.on_submit: list[Callable[[capture.Capture, str], None]] = []
        """Called with what was captured and the request's id when the engine is asked for a motion."""
        ENGINE.on_stop.append(self._engine_stops)
        self.error: tuple[str, str] | None = None
        """(message, hint) of what went wrong last; the panel shows it until the next try."""
        self.report: list[str] = []
        """What the last motion came out as, line by line; it may have been undone or thrown away since."""
        self.measured: dict[str, float] = {}
        """Distances on the rig in metres: average, percentile95, maximum; empty without controls."""
        self.measured_tracks: dict[str, np.ndarray] = {}
        """Those distances by joint, one for each of the control's frames."""
        self.arrived = 0
        """Frames of the motion under way that have arrived and are seen."""
        self.observed: Observed | None = None
        """Where the last motion came out on the rig."""
        self.last: capture.Capture | None = None
        """What the last request asked for."""
        self.answer: Result | None = None
        """What the engine made of it."""
        self.delivered = ""
        """The id of the last request that came to takes."""
        self.longest_tick = 0.0
        """Longest time in seconds that one tick of the last request held the main thread, the press of the button
        included.
        """
        self.longest_work = 0.0
        """The same without the time in which other programs had the processor."""

    # ---- how far it is

    @property
    def busy(self) -> bool:
        """Whether a motion is being made."""
        return self._request is not None

    @property
    def stage(self) -> str:
        """What the request is at, a short phrase."""
        session = ENGINE.opened
        if session is None or self._phase:
            return self._phase or "Starting"
        if session.state in ("starting", "connecting"):
            return session.status.rstrip(".")
        return "Cancelling" if session.state == "cancelling" else (session.stage or "Waiting").capitalize()

    @property
    def fraction(self) -> float:
        """How far the request is, 0..1."""
        if self._phase:
            return 0.0 if self._phase == READING else 1.0
        told = ENGINE.opened.fraction if ENGINE.opened is not None else 0.0
        made = self.seconds_made
        return told if made is None else max(told, made[0] / made[1])

    @property
    def seconds_made(self) -> tuple[float, float] | None:
        """How much of a long motion is seen already, and how long it will be; None while nothing is."""
        if not self.busy or not self.arrived or self._phase or self.last is None:
            return None
        return self.arrived / FPS, self.last.signal.num_frames / FPS

    @property
    def remaining(self) -> float | None:
        """Seconds until the engine's answer, None while nobody can tell."""
        session = ENGINE.opened
        if not self.busy or self._phase or session is None or session.state != "running" or session.began is None:
            return None
        taken = time.monotonic() - session.began
        return taken * (1.0 - self.fraction) / self.fraction if self.fraction > 0.05 and taken > 0.5 else None

    # ---- how it begins

    def generate(self, context: bpy.types.Context, replaces: str = "") -> None:
        """Begin a request with what the scene says. Its takes take the place of those that the request ``replaces``
        made and nobody accepted.

        Raises what is wrong with it if that is found at once; what follows comes by :meth:`advance`.
        """
        self._begin(self._asking(context.scene, replaces))

    def repeat(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        """Ask for ``take`` again exactly as it was asked for, whatever the scene says now. Raises as
        :meth:`generate`.
        """
        self._begin(self._asking_again(context.scene, take))

    def regenerate(self, context: bpy.types.Context, take: GaitwayTake, first: int, last: int) -> None:
        """Ask for ``take`` anew between two scene frames. Raises as :meth:`generate`."""
        self._begin(self._asking_for_range(context.scene, take, first, last))

    def bring_in(self, context: bpy.types.Context, wanted: bring_in.Wanted) -> None:
        """Begin to put a motion from a file onto the character, as a take.

        Raises what is wrong with the character; what is wrong with the file comes by :meth:`advance`.
        """
        self.forget()
        try:
            self.last = capture.without_controls(context.scene, num_frames=1)
            command = bring_in.convert_command(preferences.get(context).engine_command)
        except GaitwayError as error:
            self.error = (error.message, error.hint)
            raise
        self._enter_phase("Reading the file")
        self._request = self._bringing(wanted, command, self.last)

    def forget(self) -> None:
        """Clear what the last request left to be shown."""
        self.error, self.report, self.measured, self.measured_tracks, self.observed = None, [], {}, {}, None
        self.longest_tick = self.longest_work = 0.0
        self.arrived = 0

    # ---- what goes on with time

    def advance(self) -> None:
        """One tick's share of the request under way."""
        request = self._request
        if request is None:
            self._finished.clear()
            return
        try:
            time_slices.run_for(request, goes_on=lambda: self.is_at_work)
        except StopIteration:
            self._leave_request()
        except Cancelled:
            self.abandon(_cancelled())
        except GaitwayError as error:
            self.abandon(error)
        except ReferenceError:  # as Blender says of what is not there any more
            self.abandon(
                RetargetError("Something that the motion needs was deleted while it was being made.", "Generate again.")
            )
        except Exception as error:  # a tick that raises would end Blender's timer and leave the panel waiting for ever
            traceback.print_exc()
            self.abandon(
                RetargetError(f"The motion could not be set: {error}.", "Undo, and report what Blender's console says.")
            )

    def receive(self, message: Result | Error) -> None:
        """Take the engine's answer to a request."""
        self._finished[message.request_id] = message

    def count(self, began: float, worked: float) -> None:
        """Note what one tick took; ``began`` and ``worked`` are what the clock of the world and that of this thread
        said at its start.
        """
        self.longest_tick = max(self.longest_tick, time.perf_counter() - began)
        self.longest_work = max(self.longest_work, time.thread_time() - worked)

    # ---- how it ends early

    def cancel(self) -> None:
        """Ask the engine to stop; the request ends as soon as it answers, after ``CANCEL_PATIENCE`` at the latest, and
        at once when no engine has it any more or yet.
        """
        if self._phase:
            self.abandon(_cancelled())
        elif ENGINE.opened is not None:
            self._cancelled_at = self._cancelled_at or time.monotonic()
            ENGINE.opened.cancel()

    def finish_work(self) -> None:
        """Go through with what is being read or set, however long it takes: half of it must not get into a file."""
        while self.is_at_work and self.busy:
            self.advance()

    def give_way(self) -> None:
        """Put back what is being set or read, before an undo: Blender takes all that was not pushed as a step for
        unchanged, and would keep a character that plays an Action which is not there any more.
        """
        if self.busy and self._phase == READING:
            self.abandon(BadRequest("An undo came in between, while the controls were being read.", "Try again."))
        elif self.busy and self.is_at_work:
            self.abandon(
                RetargetError(
                    "An undo came in between, while the keys were being set.",
                    "Generate again; the same seed gives the same motion.",
                )
            )

    def abandon(self, error: GaitwayError) -> None:
        """End the request under way with ``error``; what the engine still says about it is dropped."""
        if self._request is not None:
            self._request.close()
        self._leave_request()
        self._finished.clear()
        self.error = (error.message, error.hint)

    def _leave_request(self) -> None:
        self._request, self._phase, self.is_at_work = None, "", False
        OVERLAY.clear("preview")

    def _engine_stops(self) -> None:
        if self.busy:
            self.abandon(
                EngineUnavailable("The engine was stopped before the motion was made.", "Start it and try again.")
            )

    # ---- its steps

    def _begin(self, request: Generator[None, None, None]) -> None:
        began, worked = time.perf_counter(), time.thread_time()
        self.forget()
        self._request, self._phase, self.is_at_work = request, READING, True
        try:
            time_slices.run_for(request, PRESS, lambda: self.is_at_work)
        except GaitwayError as error:
            self.abandon(error)
            raise
        self.count(began, worked)

    def _asking(self, scene: bpy.types.Scene, replaces: str) -> Generator[None, None, None]:
        captured = yield from capture.reading(scene)
        yield from self._make(build_request(scene, captured), captured, replaces=replaces)

    def _asking_again(self, scene: bpy.types.Scene, take: GaitwayTake) -> Generator[None, None, None]:
        only, (order, captured) = take.variation, takes_requests.order_again(scene, take)
        if bring_in.is_made(order):
            self.last = captured
            yield from self._put(order, captured)
        else:
            yield from self._make(order, captured, only=only)

    def _asking_for_range(
        self, scene: bpy.types.Scene, take: GaitwayTake, first: int, last: int
    ) -> Generator[None, None, None]:
        patch = delivery.Patch(take.action.session_uid, stretch_of(take, first, last))
        order, captured = yield from takes_requests.order_of_range(scene, take, first, last)
        yield from self._make(order, captured, patch=patch)

    def _bringing(
        self, wanted: bring_in.Wanted, command: list[str], captured: capture.Capture
    ) -> Generator[None, None, None]:
        brought = yield from bring_in.read(wanted, command)
        joints, captured = bring_in.place(brought.at_model_rate(), captured, wanted)
        self.last = captured
        yield from self._put(bring_in.as_order(joints, brought.text or wanted.path.stem), captured)

    def _submit(self, order: Generate, captured: capture.Capture) -> None:
        session = ENGINE.ready_for_request(preferences.get())
        session.submit(order)
        self.last = captured
        for callback in self.on_submit:
            callback(captured, order.request_id)
        self._phase, self.is_at_work = "", False

    def _make(
        self,
        order: Generate,
        captured: capture.Capture,
        only: int | None = None,
        patch: delivery.Patch | None = None,
        replaces: str = "",
    ) -> Generator[None, None, None]:
        """Have the engine make what is ordered, and deliver it."""
        from ..shared.protocol import Error

        self._submit(order, captured)
        self._cancelled_at = None
        while order.request_id not in self._finished:
            if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > CANCEL_PATIENCE:
                raise _cancelled()
            self._show_parts(captured)
            yield
        answer = self._finished.pop(order.request_id)
        if isinstance(answer, Error):
            raise error_from_code(answer.code, answer.message, answer.hint)
        yield from self._deliver(answer, order, captured, only, patch, replaces)
        self.report = delivery.report(answer, self.observed)

    def _show_parts(self, captured: capture.Capture) -> None:
        """Let what has arrived of a long motion be seen."""
        parts = ENGINE.opened.parts if ENGINE.opened is not None else []
        arrived = sum(part.joints.shape[1] for part in parts)
        if arrived > self.arrived:
            self.arrived = arrived
            joints = np.concatenate([part.joints[0] for part in parts])
            OVERLAY.put(preview=preview_lines(joints, captured))
            OVERLAY.sync(bpy.context.scene)

    def _deliver(
        self,
        answer: Result,
        order: Generate,
        captured: capture.Capture,
        only: int | None = None,
        patch: delivery.Patch | None = None,
        replaces: str = "",
    ) -> Generator[None, None, None]:
        self.answer = answer
        self.is_at_work = False
        self._enter_phase("Waiting for the render")
        yield  # the press of a button ends here at the latest: what is set belongs to an undo step of its own
        while bpy.app.is_job_running("RENDER"):  # which reads what would be changed
            yield
        self.is_at_work = True
        observed = yield from delivery.deliver(answer, order, captured, self._enter_phase, only, patch, replaces)
        self.delivered = order.request_id
        self.observed = observed
        self.measured = observed.summary()
        self.measured_tracks = {joint: errors for joint, (_, errors) in observed.misses.items()}
        scene = scene_by_uid(captured.scene_uid)
        if scene is not None:
            LOOKING.take_over(scene, observed, captured)

    def _put(self, order: Generate, captured: capture.Capture) -> Generator[None, None, None]:
        """Deliver a motion that is there already."""
        yield from self._deliver(bring_in.answer_of(order), order, captured)
        self.report = [f"{order.num_frames / FPS:.1f} s of motion from a file"]

    def _enter_phase(self, phase: str) -> None:
        self._phase = phase


GENERATION = Generation()


def _cancelled() -> Cancelled:
    return Cancelled("Cancelled.", "The character keeps the motion that it had.")
