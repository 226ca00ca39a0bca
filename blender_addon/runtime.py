# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on between the press of Generate and the keys: one session with the engine, one request's life, one timer.

``tick()`` is all that Blender's timer does, and a plain function that a script may call instead. A request is a
generator that hands the main thread back whenever it waits or has used its share of a tick. It keeps no pointers into
Blender's data from one tick to the next: objects are looked up again by their session uid, so that undo, renaming and
deleting do no harm.

Nothing here is saved in files or undone: it is what the panels show of the present.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from . import bring_in, capture, delivery, pieces, preferences, stage, takes_requests
from .live import LIVE
from .looking import LOOKING
from .lookup import scene_by_uid
from .overlay import OVERLAY, preview_lines
from .request import build_request
from .shared.connection import default_connection_path, read_connection
from .shared.errors import BadRequest, Cancelled, EngineUnavailable, GaitwayError, RetargetError, error_from_code
from .shared.skeleton import FPS
from .splice import stretch_of
from .version import addon_version

if TYPE_CHECKING:
    from .jobs import Session
    from .observed import Observed
    from .properties.take import GaitwayTake
    from .shared.protocol import Error, Generate, Result

BUSY_INTERVAL = 0.02
WORK_INTERVAL = 0.005
"""Seconds between two ticks, in which Blender draws and heeds the mouse, while there is work to be done here or a
preview to come.
"""
PRESS = 0.025
"""Seconds that the press of a button may hold Blender's main thread; what is wrong is told at once if it is found
meanwhile.
"""
IDLE_INTERVAL = 0.5
READING = "Reading the controls"
CANCEL_PATIENCE = 1.0
"""Seconds in which the engine is expected to confirm a cancel; one that hangs is not waited for."""
REJOIN_INTERVAL = 3.0
"""Seconds between two looks for an engine while there is none."""


class Runtime:
    """State of this Blender, one of it: :data:`RUNTIME`."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._request: Generator[None, None, None] | None = None
        self._finished: dict[str, Result | Error] = {}
        self._drawn: tuple[Any, ...] = ()
        self._phase = ""
        self.sweep = False
        """Whether to look for what an undo or a file may have brought back."""
        self._at_work = False
        """Whether the request has something to do here, and does not only wait."""
        self._cancelled_at: float | None = None
        self._left = False
        self._looked = 0.0
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

    # ---- the engine

    def session(self) -> Session:
        """The session, made at first use. Raises EngineUnavailable when the add-on's own wheels are missing."""
        if self._session is None:
            try:
                from .jobs import Session
            except ImportError as error:
                raise EngineUnavailable(
                    f"A part of the add-on is missing: {error.name or error}.",
                    "Install the Gaitway zip that is made for this computer and this Blender again.",
                ) from error
            self._session = Session(client_name=f"Blender {bpy.app.version_string}", client_version=addon_version())
        return self._session

    @property
    def engine_state(self) -> str:
        return "offline" if self._session is None else self._session.state

    @property
    def engine_status(self) -> str:
        return "The engine is not running." if self._session is None else self._session.status

    @property
    def model(self) -> str | None:
        """Name of the model that the engine has loaded; None while none is known."""
        welcome = None if self._session is None else self._session.welcome
        return None if welcome is None else welcome.model

    @property
    def engine_wanted(self) -> bool:
        """Whether an engine is there or on its way."""
        return self.engine_state != "offline"

    def start_engine(self, chosen: preferences.GaitwayPreferences) -> None:
        """Start an engine or join the one that runs. Raises EngineUnavailable when it cannot even be tried."""
        from .engine_process import find_command

        self._left = False
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

    def stop_engine(self, wait: float = 0.0) -> None:
        """Give up the request under way and the engine; one that another Blender started goes on without us."""
        if self.busy:
            self.abandon(
                EngineUnavailable("The engine was stopped before the motion was made.", "Start it and try again.")
            )
        self._left = True
        if self._session is not None:
            self._session.shutdown(wait)

    def restart_engine(self, chosen: preferences.GaitwayPreferences) -> None:
        """End the engine and start it anew; one that is another's is joined again. Raises as :meth:`start_engine`."""
        self.stop_engine()
        self.start_engine(chosen)

    def _rejoin(self, session: Session) -> None:
        """Join an engine that has appeared, if there is one."""
        path = preferences.connection_path(preferences.get())
        with suppress(GaitwayError):
            read_connection(path or default_connection_path())
            session.connect(path)

    # ---- the request

    @property
    def busy(self) -> bool:
        """Whether a motion is being made."""
        return self._request is not None

    @property
    def stage(self) -> str:
        """What the request is at, a short phrase."""
        session = self._session
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
        told = self._session.fraction if self._session is not None else 0.0
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
        session = self._session
        if not self.busy or self._phase or session is None or session.state != "running" or session.began is None:
            return None
        taken = time.monotonic() - session.began
        return taken * (1.0 - self.fraction) / self.fraction if self.fraction > 0.05 and taken > 0.5 else None

    def generate(self, context: bpy.types.Context, replaces: str = "") -> None:
        """Begin a request with what the scene says. Its takes take the place of those that the request ``replaces``
        made and nobody accepted.

        Raises what is wrong with it if that is found at once; what follows comes by :func:`tick`.
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

    def _begin(self, request: Generator[None, None, None]) -> None:
        began, worked = time.perf_counter(), time.thread_time()
        self.forget()
        self._request, self._phase, self._at_work = request, READING, True
        try:
            pieces.spend(request, PRESS, lambda: self._at_work)
        except GaitwayError as error:
            self.abandon(error)
            raise
        self._count(began, worked)

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

    def _submit(self, order: Generate, captured: capture.Capture) -> None:
        session = self.session()
        self._left = False
        chosen = preferences.get()
        if session.state == "offline":
            if not chosen.autostart:
                session.connect(preferences.connection_path(chosen))
            else:
                self.start_engine(chosen)
        session.submit(order)
        self.last = captured
        LIVE.let_go(captured, order.request_id)
        self._phase, self._at_work = "", False

    def forget(self) -> None:
        """Clear what the last request left to be shown."""
        self.error, self.report, self.measured, self.measured_tracks, self.observed = None, [], {}, {}, None
        self.longest_tick = self.longest_work = 0.0
        self.arrived = 0

    def cancel(self) -> None:
        """Ask the engine to stop; the request ends as soon as it answers, after ``CANCEL_PATIENCE`` at the latest, and
        at once when no engine has it any more or yet.
        """
        if self._phase:
            self.abandon(_cancelled())
        elif self._session is not None:
            self._cancelled_at = self._cancelled_at or time.monotonic()
            self._session.cancel()

    def _make(
        self,
        order: Generate,
        captured: capture.Capture,
        only: int | None = None,
        patch: delivery.Patch | None = None,
        replaces: str = "",
    ) -> Generator[None, None, None]:
        """Have the engine make what is ordered, and deliver it."""
        from .shared.protocol import Error

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
        parts = self._session.parts if self._session is not None else []
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
        self._at_work = False
        self._enter_phase("Waiting for the render")
        yield  # the press of a button ends here at the latest: what is set belongs to an undo step of its own
        while bpy.app.is_job_running("RENDER"):  # which reads what would be changed
            yield
        self._at_work = True
        observed = yield from delivery.deliver(answer, order, captured, self._enter_phase, only, patch, replaces)
        self.delivered = order.request_id
        self.observed = observed
        self.measured = observed.summary()
        self.measured_tracks = {joint: errors for joint, (_, errors) in observed.misses.items()}
        scene = scene_by_uid(captured.scene_uid)
        if scene is not None:
            LOOKING.take_over(scene, observed, captured)

    def bring_in(self, context: bpy.types.Context, wanted: bring_in.Wanted) -> None:
        """Begin to put a motion from a file onto the character, as a take.

        Raises what is wrong with the character; what is wrong with the file comes by :func:`tick`.
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

    def _bringing(
        self, wanted: bring_in.Wanted, command: list[str], captured: capture.Capture
    ) -> Generator[None, None, None]:
        brought = yield from bring_in.read(wanted, command)
        joints, captured = bring_in.place(brought.at_model_rate(), captured, wanted)
        self.last = captured
        yield from self._put(bring_in.as_order(joints, brought.text or wanted.path.stem), captured)

    def _put(self, order: Generate, captured: capture.Capture) -> Generator[None, None, None]:
        """Deliver a motion that is there already."""
        yield from self._deliver(bring_in.answer_of(order), order, captured)
        self.report = [f"{order.num_frames / FPS:.1f} s of motion from a file"]

    def _enter_phase(self, phase: str) -> None:
        self._phase = phase

    def finish_work(self) -> None:
        """Go through with what is being read or set, however long it takes: half of it must not get into a file."""
        while self._at_work and self.busy:
            self._advance()

    def give_way(self) -> None:
        """Put back what is being set or read, before an undo: Blender takes all that was not pushed as a step for
        unchanged, and would keep a character that plays an Action which is not there any more.
        """
        LIVE.stop_reading()
        LOOKING.pause()
        if self.busy and self._phase == READING:
            self.abandon(BadRequest("An undo came in between, while the controls were being read.", "Try again."))
        elif self.busy and self._at_work:
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
        self._request, self._phase, self._at_work = None, "", False
        OVERLAY.clear("preview")

    # ---- time passes

    def tick(self, now: float) -> float:
        """One step of everything; returns the seconds until the next. ``now``: seconds of a clock that only rises."""
        began, worked, was_busy = time.perf_counter(), time.thread_time(), self.busy
        if self.sweep:
            self.sweep = False
            stage.sweep()
        self._listen(now)
        self._advance()
        if not was_busy and not self.busy and hasattr(bpy.context.scene, "gaitway"):
            if not LIVE.has_preview:
                LOOKING.advance(bpy.context.scene)
            LIVE.advance(self, bpy.context.scene)
            OVERLAY.sync(bpy.context.scene)
        if was_busy:
            self._count(began, worked)
        self._redraw_if_changed()
        working = self.busy or LIVE.watched or LOOKING.is_looking or (self._session is not None and self._session.busy)
        if self._at_work or LIVE.is_behind:
            return WORK_INTERVAL
        return BUSY_INTERVAL if working else IDLE_INTERVAL

    def _count(self, began: float, worked: float) -> None:
        self.longest_tick = max(self.longest_tick, time.perf_counter() - began)
        self.longest_work = max(self.longest_work, time.thread_time() - worked)

    def _listen(self, now: float) -> None:
        if self._session is None:
            # Load the socket library while nobody waits: at the first press it would be felt. What is missing is said
            # there.
            with suppress(ImportError):
                from . import jobs  # noqa: F401
            return
        alone = self._session.state == "offline" and not self.busy and not self._left
        if alone and now - self._looked >= REJOIN_INTERVAL:
            self._looked = now
            self._rejoin(self._session)
        try:
            for message in self._session.pump(now):
                if not LIVE.receive(message):
                    self._finished[message.request_id] = message
        except Exception as error:  # whatever it is, it must not end Blender's timer, and not come again at every tick
            traceback.print_exc()
            self._session = None
            self.abandon(EngineUnavailable(f"The connection to the engine broke: {error}.", "Press Start Engine."))

    def _advance(self) -> None:
        request = self._request
        if request is None:
            self._finished.clear()
            return
        try:
            pieces.spend(request, goes_on=lambda: self._at_work)
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

    def _redraw_if_changed(self) -> None:
        drawn = (
            self.engine_status,
            self.busy,
            self.stage,
            round(self.fraction, 2),
            self.arrived,
            self.error,
            len(self.report),
            id(LOOKING.observed),
        )
        if drawn != self._drawn:
            self._drawn = drawn
            for window in bpy.context.window_manager.windows:
                for area in window.screen.areas:
                    if area.type == "VIEW_3D":
                        area.tag_redraw()


RUNTIME = Runtime()


def _cancelled() -> Cancelled:
    return Cancelled("Cancelled.", "The character keeps the motion that it had.")


def tick() -> float:
    """The timer: one step, then the seconds until the next."""
    return RUNTIME.tick(time.monotonic())
