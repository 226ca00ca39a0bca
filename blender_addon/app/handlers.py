# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender calls: before files are loaded and saved, around an undo, after changes, on the timer, at its end."""

from __future__ import annotations

import atexit

import bpy

from ..properties import overlay as overlay_properties
from ..shared.errors import Cancelled
from .engine import ENGINE
from .generation import GENERATION
from .live import LIVE
from .redraw import open_windows
from .timer import IDLE_INTERVAL_S, TIMER, tick
from .viewport import OVERLAY, TAKE_OBSERVER

BEFORE_UNDO = (bpy.app.handlers.undo_pre, bpy.app.handlers.redo_pre)
AFTER_UNDO = (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post)


@bpy.app.handlers.persistent
def before_load(*_args: object) -> None:
    """A request does not outlive the file that it was made for."""
    if GENERATION.busy:
        GENERATION.cancel()
        GENERATION.abandon(
            Cancelled("Another file was opened while a motion was being generated.", "Press Generate Motion again.")
        )
    LIVE.stop_reading()
    TAKE_OBSERVER.pause()


@bpy.app.handlers.persistent
def before_save(*_args: object) -> None:
    """What is saved is saved as a whole, and without temporary data."""
    GENERATION.finish_work()
    LIVE.stop_reading()
    TAKE_OBSERVER.pause()


@bpy.app.handlers.persistent
def before_undo(*_args: object) -> None:
    """An undo finds the scene as the last step left it."""
    LIVE.stop_reading()
    TAKE_OBSERVER.pause()
    GENERATION.yield_to_undo()


@bpy.app.handlers.persistent
def after_undo(*_args: object) -> None:
    """An undo or a file may bring back temporary data."""
    TIMER.request_cleanup()


@bpy.app.handlers.persistent
def after_change(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Blender calls this after every change; most do not concern us, and then it does next to nothing."""
    if depsgraph.id_type_updated("ACTION"):
        TAKE_OBSERVER.note_change(
            {update.id.original.session_uid for update in depsgraph.updates if isinstance(update.id, bpy.types.Action)}
        )
    if LIVE.watched and not any(window.screen.is_animation_playing for window in open_windows()):
        LIVE.note_change({update.id.original.session_uid for update in depsgraph.updates})


def _leave() -> None:
    ENGINE.stop()


def register() -> None:
    """The timer, the handlers, and the engine's end with Blender's."""
    bpy.app.timers.register(tick, first_interval=IDLE_INTERVAL_S, persistent=True)
    bpy.app.handlers.load_pre.append(before_load)
    bpy.app.handlers.save_pre.append(before_save)
    for moment in BEFORE_UNDO:
        moment.append(before_undo)
    for moment in AFTER_UNDO:
        moment.append(after_undo)
    bpy.app.handlers.depsgraph_update_post.append(after_change)
    overlay_properties.ON_CHANGE.append(OVERLAY.sync)
    atexit.register(_leave)


def unregister() -> None:
    """Undo :func:`register`; the engine that was started here ends."""
    atexit.unregister(_leave)
    bpy.app.handlers.load_pre.remove(before_load)
    bpy.app.handlers.save_pre.remove(before_save)
    for moment in BEFORE_UNDO:
        moment.remove(before_undo)
    for moment in AFTER_UNDO:
        moment.remove(after_undo)
    bpy.app.handlers.depsgraph_update_post.remove(after_change)
    overlay_properties.ON_CHANGE.remove(OVERLAY.sync)
    TAKE_OBSERVER.forget()
    LIVE.forget()
    OVERLAY.leave()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    GENERATION.forget()
    ENGINE.stop()  # says why when a motion was being generated; the panel shows it when the add-on comes back
