# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the overlay and the measured figures true to what the character plays now.

A new take brings its own observation. When another take is shown, or keys were edited by hand, the character is
observed again, a few frames a tick and only while nothing else is to be done.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import bpy
import numpy as np

from .. import compat
from ..capture.capture import Capture
from ..capture.timing import scene_fps
from ..delivery.observe import observe
from ..lookup import scene_by_uid
from ..properties.take import GaitwayTake
from ..shared.errors import GaitwayError
from ..takes import history as takes
from ..takes.observed import Observed
from ..takes.requests import order_again
from .overlay import OVERLAY, layers_of

QUIET = 0.6
"""Seconds without a change of the keys after which it is worth to observe again."""


class Looking:
    """What is seen of the take that is shown; one of it: :data:`LOOKING`."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """See nothing, and draw nothing."""
        self.observed: Observed | None = None
        self._seen: tuple[int, bool] = (0, False)
        self._keys = 0
        self._stale_at: float | None = None
        self._work: Generator[None, None, None] | None = None
        OVERLAY.clear(*(name for name in OVERLAY.layers if name != "preview"))

    def take_over(self, scene: bpy.types.Scene, observed: Observed, captured: Capture) -> None:
        """See what was observed while a take was delivered."""
        shown = takes.shown(scene)
        if shown is not None:
            self._see(scene, shown, observed, captured)

    def note_change(self, action_uids: set[int]) -> None:
        """Keys of these Actions have changed."""
        if self._seen[0] in action_uids:
            self._stale_at = time.monotonic()

    def pause(self) -> None:
        """Leave an observation that is under way and all it needs; it begins anew later."""
        if self._work is not None:
            self._work.close()
            self.forget()

    @property
    def is_looking(self) -> bool:
        """Whether the character is being observed."""
        return self._work is not None

    def advance(self, scene: bpy.types.Scene) -> None:
        """One step: notice what is shown now, and observe it."""
        if self._work is not None:
            try:
                next(self._work)
            except StopIteration:
                self._work = None
            except GaitwayError:  # the character went; what is shown instead is seen at the next step
                self.forget()
            return
        shown = takes.shown(scene)
        if shown is None:
            if self._seen != (0, False):
                self.forget()
        elif self._key(shown)[0] != self._seen[0] or self._is_stale(shown):
            self._begin(scene, shown)
        elif self._key(shown) != self._seen:
            self._seen = self._key(shown)
            OVERLAY.clear("ghosts")
        OVERLAY.sync(scene)

    def _is_stale(self, take: GaitwayTake) -> bool:
        if self._stale_at is None or time.monotonic() - self._stale_at < QUIET:
            return False
        self._stale_at = None
        # Blender reports a change also when a take has just been written, and when nothing but a selection changed.
        return _fingerprint(take.action) != self._keys

    def _begin(self, scene: bpy.types.Scene, take: GaitwayTake) -> None:
        self.forget()
        self._seen = self._key(take)
        try:
            _, captured = order_again(scene, take)
            making = takes.making_of(take)
        except GaitwayError:
            return  # it does not tell what it was made of: there is nothing to compare with
        self._work = self._look(captured, making, scene_fps(scene), take.action.session_uid)

    def _look(
        self, captured: Capture, making: takes.Making, fps: float, action_uid: int
    ) -> Generator[None, None, None]:
        observed = yield from observe(captured, making.joints, making.contacts, fps)
        scene = scene_by_uid(captured.scene_uid)
        shown = takes.shown(scene) if scene is not None else None
        if scene is not None and shown is not None and shown.action.session_uid == action_uid:
            takes.note(shown, observed)
            self._see(scene, shown, observed, captured)

    def _see(self, scene: bpy.types.Scene, take: GaitwayTake, observed: Observed, captured: Capture) -> None:
        self._seen, self._keys, self.observed = self._key(take), _fingerprint(take.action), observed
        OVERLAY.put(**layers_of(observed, captured, scene_fps(scene), not take.accepted))
        OVERLAY.sync(scene)

    @staticmethod
    def _key(take: GaitwayTake) -> tuple[int, bool]:
        return take.action.session_uid, take.accepted


def _fingerprint(action: bpy.types.Action) -> int:
    """A number that changes with any key."""
    total = 0
    for bag in compat.bags(action):
        for curve in bag.fcurves:
            points = curve.keyframe_points
            values = np.empty(2 * len(points), np.float32)
            points.foreach_get("co", values)
            total = hash((total, values.tobytes()))
    return total


LOOKING = Looking()


@bpy.app.handlers.persistent
def after_change(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Blender calls this after every change; most are none of ours, and then it does next to nothing."""
    if depsgraph.id_type_updated("ACTION"):
        LOOKING.note_change(
            {update.id.original.session_uid for update in depsgraph.updates if isinstance(update.id, bpy.types.Action)}
        )
