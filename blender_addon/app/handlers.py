# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender calls: before files are loaded and saved, around an undo, after changes, on the timer, at its end."""

from __future__ import annotations

import atexit

import bpy

from ..shared.errors import Cancelled
from ..viewport import take_observer as looking
from ..viewport.overlay import OVERLAY
from ..viewport.take_observer import LOOKING
from . import live
from .engine import ENGINE
from .generation import GENERATION
from .live import LIVE
from .timer import IDLE_INTERVAL, TIMER, tick

BEFORE_UNDO = (bpy.app.handlers.undo_pre, bpy.app.handlers.redo_pre)
AFTER_UNDO = (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post)


@bpy.app.handlers.persistent
def before_load(*_args: object) -> None:
    """A request does not outlive the file that it was made for."""
    if GENERATION.busy:
        GENERATION.cancel()
        GENERATION.abandon(
            Cancelled("Another file was opened while a motion was being made.", "Press Generate Motion again.")
        )
    LIVE.stop_reading()
    LOOKING.pause()


@bpy.app.handlers.persistent
def before_save(*_args: object) -> None:
    """What is saved is saved as a whole, and without what is only there for a moment."""
    GENERATION.finish_work()
    LIVE.stop_reading()
    LOOKING.pause()


@bpy.app.handlers.persistent
def before_undo(*_args: object) -> None:
    """An undo finds the scene as the last step left it."""
    LIVE.stop_reading()
    LOOKING.pause()
    GENERATION.give_way()


@bpy.app.handlers.persistent
def after_undo(*_args: object) -> None:
    """An undo or a file may bring back what was only there for a moment."""
    TIMER.sweep = True


def _leave() -> None:
    ENGINE.stop()


def register() -> None:
    """The timer, the handlers, and the engine's end with Blender's."""
    bpy.app.timers.register(tick, first_interval=IDLE_INTERVAL, persistent=True)
    bpy.app.handlers.load_pre.append(before_load)
    bpy.app.handlers.save_pre.append(before_save)
    for moment in BEFORE_UNDO:
        moment.append(before_undo)
    for moment in AFTER_UNDO:
        moment.append(after_undo)
    bpy.app.handlers.depsgraph_update_post.append(looking.after_change)
    bpy.app.handlers.depsgraph_update_post.append(live.after_change)
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
    bpy.app.handlers.depsgraph_update_post.remove(looking.after_change)
    bpy.app.handlers.depsgraph_update_post.remove(live.after_change)
    LOOKING.forget()
    LIVE.forget()
    OVERLAY.leave()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    GENERATION.forget()
    ENGINE.stop()  # says why when a motion was being made; the panel shows it when the add-on comes back
