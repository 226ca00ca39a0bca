# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the overlay and the measured errors true to what the character plays now.

A new take brings its own observation. When another take is shown, or keys were edited by hand, the character is
observed again, a few frames a tick and only while there is nothing else to do.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import bpy
import numpy as np

from .. import compat
from ..capture.capture import CapturedScene
from ..capture.timing import scene_fps
from ..delivery.observe import observe
from ..lookup import scene_by_uid
from ..properties.take import GaitwayTake
from ..shared.errors import GaitwayError
from ..takes import history
from ..takes.observed import Observed
from ..takes.requests import repeat_request
from .overlay import Overlay, layers_of

QUIET_S = 0.6
"""Without a change of the keys, after which the take is observed again."""


class TakeObserver:
    """What was observed of the take that is shown, drawn by ``overlay``."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self.forget()

    def forget(self) -> None:
        """Know of no take, and draw none."""
        self.observed: Observed | None = None
        self._seen: tuple[int, bool] = (0, False)
        self._keys_hash = 0
        self._stale_at: float | None = None
        self._work: Generator[None, None, None] | None = None
        self._overlay.clear(*(name for name in self._overlay.layers if name != "preview"))

    def take_over(self, scene: bpy.types.Scene, observed: Observed, captured: CapturedScene) -> None:
        """Show what was observed while a take was delivered."""
        shown = history.shown(scene)
        if shown is not None:
            self._show(scene, shown, observed, captured)

    def note_change(self, action_uids: set[int]) -> None:
        """Keys of these Actions have changed."""
        if self._seen[0] in action_uids:
            self._stale_at = time.monotonic()

    def pause(self) -> None:
        """Leave an observation that is under way and all it needs; it begins again later."""
        if self._work is not None:
            self._work.close()
            self.forget()

    @property
    def is_observing(self) -> bool:
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
        shown = history.shown(scene)
        if shown is None:
            if self._seen != (0, False):
                self.forget()
        elif self._key(shown)[0] != self._seen[0] or self._is_stale(shown):
            self._begin(scene, shown)
        elif self._key(shown) != self._seen:
            self._seen = self._key(shown)
            self._overlay.clear("ghosts")
        self._overlay.sync(scene)

    def _is_stale(self, take: GaitwayTake) -> bool:
        if self._stale_at is None or time.monotonic() - self._stale_at < QUIET_S:
            return False
        self._stale_at = None
        # Blender reports a change also when a take has just been written, and when nothing but a selection changed.
        return keys_hash(take.action) != self._keys_hash

    def _begin(self, scene: bpy.types.Scene, take: GaitwayTake) -> None:
        self.forget()
        self._seen = self._key(take)
        try:
            _, captured = repeat_request(scene, take)
            source = history.source_of(take)
        except GaitwayError:
            return  # its record is gone or unreadable: there is nothing to compare with
        self._work = self._observe_steps(captured, source, scene_fps(scene), take.action.session_uid)

    def _observe_steps(
        self, captured: CapturedScene, source: history.TakeSource, fps: float, action_uid: int
    ) -> Generator[None, None, None]:
        observed = yield from observe(captured, source.joints, source.contacts, source.arrivals, fps)
        scene = scene_by_uid(captured.scene_uid)
        shown = history.shown(scene) if scene is not None else None
        if scene is not None and shown is not None and shown.action.session_uid == action_uid:
            history.note(shown, observed)
            self._show(scene, shown, observed, captured)

    def _show(self, scene: bpy.types.Scene, take: GaitwayTake, observed: Observed, captured: CapturedScene) -> None:
        self._seen, self._keys_hash, self.observed = self._key(take), keys_hash(take.action), observed
        self._overlay.put(**layers_of(observed, captured, scene_fps(scene), not take.accepted))
        self._overlay.sync(scene)

    @staticmethod
    def _key(take: GaitwayTake) -> tuple[int, bool]:
        return take.action.session_uid, take.accepted


def keys_hash(action: bpy.types.Action) -> int:
    """A number that changes with any key."""
    total = 0
    for bag in compat.bags(action):
        for curve in bag.fcurves:
            points = curve.keyframe_points
            values = np.empty(2 * len(points), np.float32)
            points.foreach_get("co", values)
            total = hash((total, values.tobytes()))
    return total
