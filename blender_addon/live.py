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
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from . import capture, compat, curve_keys, pieces, preferences
from . import overlay_shapes as shapes
from .capture import Capture, to_floor
from .overlay import OVERLAY
from .shared import space
from .shared.errors import GaitwayError
from .shared.skeleton import FPS, SKELETON

if TYPE_CHECKING:
    from .runtime import Runtime
    from .shared.protocol import Error, Generate, Result

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

    def advance(self, runtime: Runtime, scene: bpy.types.Scene) -> None:
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
        if (self._changed_at is None and self._noted_at is None) or runtime.busy:
            return
        session = runtime.session()
        if self._expected is not None and session.request_id != self._expected[0]:
            self._expected = None  # replaced or failed
        if session.state == "offline":
            self._start_engine(runtime)
        elif self._expected is None and self._noted_at is not None and now >= self._next_at:
            self._reading = self._ask(runtime, scene)
            self._read_on()
        elif self._expected is None and self._noted_at is None and self._has_rested(now) and not _hand_is_at_it():
            self._release(runtime)

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
            pieces.spend(self._reading)
        except StopIteration:
            self._reading = None
        except (GaitwayError, ReferenceError):  # what is wrong with the controls is said when they are released
            self._reading = None
        self._next_at = max(self._next_at, began) + (time.monotonic() - began) / MAIN_THREAD_SHARE

    def _ask(self, runtime: Runtime, scene: bpy.types.Scene) -> Generator[None, None, None]:
        began, noted_at, self._noted_at = time.monotonic(), self._noted_at, None
        key_moved_pins(scene)
        inputs = _inputs(scene)
        if inputs == self._inputs:
            return  # Blender reports changes of everything after much that changes nothing, our own reading included
        self._inputs = inputs
        captured = yield from capture.reading(scene)
        if _fingerprint(captured) == self._asked:
            return  # Blender reports a change of every curve when the playhead moves
        self._asked, self._changed_at = _fingerprint(captured), began
        order = preview_order(capture.order(scene, captured))
        runtime.session().submit(order)
        self._expected = (order.request_id, noted_at or began, captured)

    def _has_rested(self, now: float) -> bool:
        return self._changed_at is not None and now - self._changed_at > RELEASE

    def _release(self, runtime: Runtime) -> None:
        self._changed_at = self._noted_at = None
        self._releasing = True
        with suppress(GaitwayError):  # the panel shows it
            runtime.generate(bpy.context, replaces=self._generation)

    def _start_engine(self, runtime: Runtime) -> None:
        chosen = preferences.get()
        if chosen.autostart:
            try:
                runtime.start_engine(chosen)
            except GaitwayError as error:
                runtime.error = (error.message, error.hint)
                self._changed_at = self._noted_at = None
        else:
            runtime.error = ("Live previews need the engine.", "Press Start Engine.")
            self._changed_at = self._noted_at = None


LIVE = Live()


def preview_order(order: Generate) -> Generate:
    """The same request at its quickest; only refining keeps out of obstacles and hands on hips."""
    refine = bool(order.obstacles or order.relative)
    return replace(
        order, num_inference_steps=1, refine=refine, exact=False, plant_feet=False, num_variations=1, stream=False
    )


def preview_lines(joints: np.ndarray, captured: Capture) -> shapes.Lines:
    """Ghosts and the way of the hips for ``joints`` (T, 22, 3) as the engine gave them."""
    places = space.model_to_blender(to_floor(joints, captured) * captured.body.scale, captured.unit_scale)
    frames = np.arange(len(joints), dtype=np.float64)
    way = shapes.path(places[:, SKELETON.index("pelvis")], shapes.ACHIEVED)
    return shapes.join([shapes.ghosts(frames, places, SKELETON.names, FPS), way])


def _fingerprint(captured: Capture) -> int:
    """A number that changes with anything that the controls and obstacles ask for."""
    signal = captured.signal
    parts = (part for solid in captured.obstacles for part in (solid.centre, solid.size, solid.rotation))
    asked = [array.tobytes() for array in (signal.hint, signal.hint_mask, *parts)]
    return hash((captured.start_frame, *asked))


def _inputs(scene: bpy.types.Scene) -> int:
    """A number that changes with what an animator moves, read without evaluating anything."""
    parts: list[object] = []
    for control in scene.gaitway.controls:
        target = control.target
        if not control.enabled or target is None:
            continue
        if target.type == "CURVE" and not control.bone:
            if target.mode == "EDIT":
                target.update_from_editmode()
            parts.append(np.array(target.matrix_world).tobytes())
            parts += [_points(spline) for spline in target.data.splines]
        elif target.parent is not None:
            parts.append(np.array(target.parent.matrix_world).tobytes())
        bag = compat.played_bag(target)
        parts += [curve_keys.read(curve)["co"].tobytes() for curve in (bag.fcurves if bag is not None else ())]
    parts += [np.array(solid.matrix_world).tobytes() for solid in _obstacles(scene)]
    return hash(tuple(parts))


def _obstacles(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    found = [obstacle.target for obstacle in scene.gaitway.obstacles if obstacle.enabled]
    return [target for target in found if target is not None]


def _points(spline: bpy.types.Spline) -> bytes:
    fields = {"co": 3, "handle_left": 3, "handle_right": 3} if spline.type == "BEZIER" else {"co": 4}
    points = spline.bezier_points if spline.type == "BEZIER" else spline.points
    parts = []
    for name, width in fields.items():
        values = np.empty(len(points) * width, np.float32)
        points.foreach_get(name, values)
        parts.append(values.tobytes())
    return b"".join(parts)


def watched_uids(scene: bpy.types.Scene) -> frozenset[int]:
    """The data-blocks that move a control or an obstacle when they change: targets, their curves, their parents."""
    uids: set[int] = set()
    controls = [control.target for control in scene.gaitway.controls if control.enabled]
    for first in (*controls, *_obstacles(scene)):
        target = first
        while target is not None and target != scene.gaitway.character:
            uids.add(target.session_uid)
            if target.type == "CURVE":
                uids.add(target.data.session_uid)
            target = target.parent
    return frozenset(uids)


def key_moved_pins(scene: bpy.types.Scene) -> None:
    """A pin that is moved at one of its keys takes that key along, as with Blender's own automatic keying; without it
    nothing would come of moving it.
    """
    frame = scene.frame_current
    for control in scene.gaitway.controls:
        target = control.target
        if not control.enabled or target is None or target.type != "EMPTY" or control.bone:
            continue
        bag = compat.played_bag(target)
        curves = [bag.fcurves.find("location", index=axis) for axis in range(3)] if bag is not None else []
        if not curves or any(curve is None for curve in curves):
            continue
        has_key = any(abs(key.co.x - frame) < 0.5 for curve in curves for key in curve.keyframe_points)
        moved = any(abs(curve.evaluate(frame) - target.location[curve.array_index]) > 1e-6 for curve in curves)
        if has_key and moved:
            target.keyframe_insert("location", frame=frame)


def _hand_is_at_it() -> bool:
    """Whether an operator such as Move holds the mouse: keys and an undo step must wait for its end."""
    return any(window.modal_operators for window in bpy.context.window_manager.windows)


@bpy.app.handlers.persistent
def after_change(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Blender calls this after every change."""
    if LIVE.watched and not any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows):
        LIVE.note_change({update.id.original.session_uid for update in depsgraph.updates})
