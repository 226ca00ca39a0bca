# SPDX-License-Identifier: GPL-3.0-or-later
"""One request's life, from the press of the button to the keys: read the controls, ask the engine for the motion, show
what has arrived, deliver it.

A request keeps no pointers into Blender's data from one tick to the next: objects are looked up again by their session
uid, so that undo, renaming and deleting do no harm. Who drives it (:mod:`.timer`) knows this module, never the other
way round.

Nothing here is saved in files or undone: it is what the panels show of the present.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import preferences
from ..capture import capture
from ..capture.capture import CapturedScene
from ..capture.request import build_request
from ..character.setup import remember_standing
from ..delivery.deliver import Delivery, RangeEdit, deliver
from ..delivery.report import report
from ..lookup import scene_by_uid
from ..shared.errors import BadRequest, EngineUnavailable, GaitwayError, RetargetError, error_from_code
from ..shared.protocol import Error, Generate, Result
from ..shared.skeleton import FPS
from ..takes.history import source_of
from ..takes.observed import Observed
from ..takes.requests import range_request, repeat_request
from ..takes.splice import take_stretch
from ..viewport.overlay import preview_lines
from . import import_motion
from .engine import ENGINE
from .import_motion import ImportOptions
from .runner import READING, RequestRunner, cancelled
from .viewport import OVERLAY, TAKE_OBSERVER

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake

CANCEL_TIMEOUT_S = 1.0
"""In which the engine is expected to confirm a cancel; one that hangs is not waited for."""


class Generation(RequestRunner):
    """The request under way and what the last one came to, one of it: :data:`GENERATION`."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[str, Result | Error] = {}
        self._cancelled_at: float | None = None
        self.on_submit: list[Callable[[CapturedScene, str], None]] = []
        """Called with what was captured and the request's id when the engine is asked for a motion."""
        ENGINE.on_stop.append(self._abandon_for_stop)
        self.report: list[str] = []
        """What the last motion came out as, line by line; it may have been undone or discarded since."""
        self.notice = ""
        """What is to know of its prompt, when no captured motion is near."""
        self.measured: dict[str, float] = {}
        """Distances on the rig in metres: average, percentile95, maximum; empty without controls."""
        self.measured_tracks: dict[str, np.ndarray] = {}
        """Those distances by joint, one for each of the control's frames."""
        self.frames_received = 0
        """Frames of the motion under way that have arrived and are shown."""
        self.observed: Observed | None = None
        """Where the last motion came out on the rig."""
        self.captured: CapturedScene | None = None
        """What the last request asked for."""
        self.result: Result | None = None
        """What the engine answered."""
        self.delivered_id = ""
        """The id of the last request that came to takes."""

    # ---- how far it is

    @property
    def step_label(self) -> str:
        """What the request is at, a short phrase."""
        session = ENGINE.session
        if session is None or self._phase:
            return self._phase or "Starting"
        if session.state in ("starting", "connecting"):
            return session.status.rstrip(".")
        return "Cancelling" if session.state == "cancelling" else (session.step_label or "Waiting").capitalize()

    @property
    def looks_broken(self) -> bool:
        """Whether the motion that was delivered last is spoilt on this character."""
        return self.observed is not None and any(fault.is_broken for fault in self.observed.faults)

    @property
    def fraction(self) -> float:
        """How far the request is, 0..1."""
        if self._phase:
            return 0.0 if self._phase == READING else 1.0
        reported = ENGINE.session.fraction if ENGINE.session is not None else 0.0
        done = self.seconds_done
        return reported if done is None else max(reported, done[0] / done[1])

    @property
    def seconds_done(self) -> tuple[float, float] | None:
        """How many seconds of a long motion are shown already, and how long it will be; None while none are."""
        if not self.busy or not self.frames_received or self._phase or self.captured is None:
            return None
        return self.frames_received / FPS, self.captured.signal.num_frames / FPS

    @property
    def remaining(self) -> float | None:
        """Seconds until the engine's answer, None while nobody can tell."""
        session = ENGINE.session
        if not self.busy or self._phase or session is None or session.state != "running":
            return None
        if session.running_since is None:
            return None
        elapsed = time.monotonic() - session.running_since
        return elapsed * (1.0 - self.fraction) / self.fraction if self.fraction > 0.05 and elapsed > 0.5 else None

    # ---- how it begins

    def generate(self, context: bpy.types.Context, replaces: str = "") -> None:
        """Begin a request with what the scene says. Its takes replace the pending ones of the request ``replaces``.

        Raises what is wrong with it if that is found at once; what follows comes by :meth:`advance`.
        """
        self._begin(self._generate_steps(context.scene, replaces))

    def repeat(self, context: bpy.types.Context, take: GaitwayTake) -> None:
        """Ask for ``take`` again exactly as it was asked for, whatever the scene says now. Raises as
        :meth:`generate`.
        """
        self._begin(self._repeat_steps(context.scene, take))

    def regenerate(self, context: bpy.types.Context, take: GaitwayTake, first: int, last: int) -> None:
        """Ask for ``take`` again between two scene frames. Raises as :meth:`generate`."""
        self._begin(self._regenerate_steps(context.scene, take, first, last))

    def import_motion(self, context: bpy.types.Context, options: ImportOptions) -> None:
        """Begin to put a motion from a file onto the character, as a take.

        Raises what is wrong with the character; what is wrong with the file comes by :meth:`advance`.
        """
        self.forget()
        try:
            self.captured = capture.without_controls(context.scene, num_frames=1)
            remember_standing(context.scene.gaitway.character, context.scene)
            command = import_motion.convert_command(preferences.get(context).engine_command)
        except GaitwayError as error:
            self.show_error(error)
            raise
        self._enter_phase("Reading the file")
        self._request = self._import_steps(options, command, self.captured)

    def forget(self) -> None:
        """Clear what the last request left to be shown."""
        super().forget()
        self.report, self.notice, self.measured, self.measured_tracks, self.observed = [], "", {}, {}, None
        self.frames_received = 0

    # ---- what goes on with time

    def advance(self) -> None:
        """One tick's share of the request under way."""
        if not self.busy:
            self._answers.clear()
        super().advance()

    def receive(self, message: Result | Error) -> None:
        """Take the engine's answer to a request."""
        self._answers[message.request_id] = message

    # ---- how it ends early

    def cancel(self) -> None:
        """Ask the engine to stop; the request ends as soon as it answers, after ``CANCEL_TIMEOUT_S`` at the latest, and
        at once when the engine does not have it yet, or no longer.
        """
        if self._phase:
            self.abandon(cancelled())
        elif ENGINE.session is not None:
            self._cancelled_at = self._cancelled_at or time.monotonic()
            ENGINE.session.cancel()

    def yield_to_undo(self) -> None:
        """Take back what is being keyed or read, before an undo: Blender takes all that was not pushed as a step for
        unchanged, and would keep a character that plays an Action which is not there any more.
        """
        if self.busy and self._phase == READING:
            self.abandon(BadRequest("Undo was pressed while the controls were being read.", "Try again."))
        elif self.busy and self.is_at_work:
            self.abandon(
                RetargetError(
                    "Undo was pressed while the keys were being set.",
                    "Generate again; the same seed gives the same motion.",
                )
            )

    def abandon(self, error: GaitwayError) -> None:
        """End the request under way with ``error``; what the engine still says about it is dropped."""
        super().abandon(error)
        self._answers.clear()

    def _leave_request(self) -> None:
        super()._leave_request()
        OVERLAY.clear("preview")

    def _abandon_for_stop(self) -> None:
        if self.busy:
            self.abandon(
                EngineUnavailable("The engine was stopped before the motion was finished.", "Start it and try again.")
            )

    # ---- its steps

    def _generate_steps(self, scene: bpy.types.Scene, replaces: str) -> Generator[None, None, None]:
        captured = yield from capture.read_scene(scene)
        yield
        remember_standing(scene.gaitway.character, scene)
        request = build_request(scene, captured)
        result = yield from self._ask_engine(request, captured)
        yield from self._deliver(Delivery(result, request, captured, replaces=replaces))

    def _repeat_steps(self, scene: bpy.types.Scene, take: GaitwayTake) -> Generator[None, None, None]:
        variation, (request, captured) = take.variation, repeat_request(scene, take)
        if import_motion.is_imported(request):
            yield from self._deliver_imported(request, captured)
            return
        result = yield from self._ask_engine(request, captured)
        yield from self._deliver(Delivery(result, request, captured, variation=variation))

    def _regenerate_steps(
        self, scene: bpy.types.Scene, take: GaitwayTake, first: int, last: int
    ) -> Generator[None, None, None]:
        edit = RangeEdit(take.action.session_uid, take_stretch(take, first, last), source_of(take).origin)
        request, captured = yield from range_request(scene, take, first, last)
        result = yield from self._ask_engine(request, captured)
        yield from self._deliver(Delivery(result, request, captured, edit=edit))

    def _import_steps(
        self, options: ImportOptions, command: list[str], captured: CapturedScene
    ) -> Generator[None, None, None]:
        motion = yield from import_motion.read_imported(options, command)
        joints, captured = import_motion.place(motion.at_model_rate(), captured, options)
        request = import_motion.request_for(joints, motion.text or options.path.stem)
        yield from self._deliver_imported(request, captured)

    def _ask_engine(self, request: Generate, captured: CapturedScene) -> Generator[None, None, Result]:
        """Submit ``request`` and wait for its answer, showing what arrives of it. Raises what the engine reports."""
        ENGINE.ready_for_request(preferences.get()).submit(request)
        self.captured = captured
        for callback in self.on_submit:
            callback(captured, request.request_id)
        self._phase, self.is_at_work, self._cancelled_at = "", False, None
        while request.request_id not in self._answers:
            if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > CANCEL_TIMEOUT_S:
                raise cancelled()
            self._show_parts(captured)
            yield
        answer = self._answers.pop(request.request_id)
        if isinstance(answer, Error):
            raise error_from_code(answer.code, answer.message, answer.hint)
        return answer

    def _show_parts(self, captured: CapturedScene) -> None:
        """Preview what has arrived of a long motion."""
        parts = ENGINE.session.parts if ENGINE.session is not None else []
        received = sum(part.joints.shape[1] for part in parts)
        if received > self.frames_received:
            self.frames_received = received
            joints = np.concatenate([part.joints[0] for part in parts])
            OVERLAY.put(preview=preview_lines(joints, captured))
            OVERLAY.sync(bpy.context.scene)

    def _deliver(self, delivery: Delivery) -> Generator[None, None, None]:
        """Key the result, and keep what it came to."""
        self.result = delivery.result
        self.is_at_work = False
        self._enter_phase("Waiting for the render")
        yield  # the press of a button ends here at the latest: what is keyed belongs to an undo step of its own
        while bpy.app.is_job_running("RENDER"):  # which reads what would be changed
            yield
        self.is_at_work = True
        observed = yield from deliver(delivery, self._enter_phase)
        self.delivered_id = delivery.request.request_id
        self.observed = observed
        self.measured = observed.summary()
        self.measured_tracks = {joint: errors for joint, (_, errors) in observed.errors.items()}
        origin = delivery.origin(delivery.keying_order()[-1])
        lines = report(delivery.result, origin, observed, delivery.captured.ground_note)
        self.report, self.notice = lines, origin.notice
        scene = scene_by_uid(delivery.captured.scene_uid)
        if scene is not None:
            TAKE_OBSERVER.take_over(scene, observed, delivery.captured)

    def _deliver_imported(self, request: Generate, captured: CapturedScene) -> Generator[None, None, None]:
        """Deliver a motion that is there already."""
        self.captured = captured
        yield from self._deliver(Delivery(import_motion.result_of(request), request, captured))
        broken = self.report[:1] if self.looks_broken else []
        self.report = [*broken, f"{request.num_frames / FPS:.1f} s of motion from a file"]


GENERATION = Generation()
