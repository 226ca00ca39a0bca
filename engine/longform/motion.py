# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion of any length, window by window: prompts that change, loops, ranges made again, parts as they become final.

    plan ─► for each window: what it sees of its surroundings ─► sampled, refined ─► joined in features (timeline)
         ─► feet planted, hints hit, a margin behind the newest frame ─► joined to what is final ─► part

Shapes: T frames, J = 22 joints, n frames of a window. Metres, Y up, world axes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from blender_addon.shared.control import canonical_frame
from blender_addon.shared.gaits import facing_offset
from blender_addon.shared.series import runs
from blender_addon.shared.skeleton import FPS, MAX_SECONDS, SKELETON

from ..control.ground import on_level, order_path, under_path
from ..motion_order import MotionOrder
from .timeline import EASE_FRAMES, Context, Timeline, ease
from .window_request import WindowMotion, WindowRequest
from .windows import OVERLAP_FRAMES, Window, plan_windows

MAX_FRAMES = round(MAX_SECONDS * FPS) + 1
MARGIN_FRAMES = 40  # on either side, that finishing looks at; a frame so far behind the newest one is final
CLOSING_FRAMES = 50  # of a loop, that are made last, to lead back to its beginning
CLOSED_M = 0.1  # between the first and last hint of the pelvis, below which a path is a closed one
WAYPOINT_TOLERANCE_M = 0.3  # of a window's end on the straight line to a key that lies beyond it

Finished = Generator[None, None, tuple[np.ndarray, np.ndarray]]
Finish = Callable[[MotionOrder, np.ndarray, np.ndarray, Sequence[int], np.ndarray], Finished]
"""(order for a stretch, its joints (n, J, 3), belief in its foot contacts (n, 4), frames at which patches begin,
frames (n,) that are final) -> its finished joints and contacts, in small pieces of work.
"""

_PELVIS = SKELETON.index("pelvis")


class MotionInProgress:
    """One variation in the making. ``joints`` (T, J, 3) and ``contacts`` (T, 4) are final up to frame ``done``."""

    def __init__(self, order: MotionOrder, seed: int, least: int, longest: int, patch: int = 0) -> None:
        """``order``: of any length; ``least`` and ``longest``: the frames that the model makes at once;
        ``patch``: those that one of its tokens stands for, if it does.
        """
        self.order, self.seed = order, seed
        self.patch, self.seams = patch, set[int]()
        self.level = on_level(order)
        """The order as on a level floor, on which the motion is made; finishing brings it onto the ground."""
        self.generator = torch.Generator().manual_seed(seed % 2**63)
        self.signal = replace(order.signal, hint=order.signal.hint.copy(), hint_mask=order.signal.hint_mask.copy())
        """The hints in the frames in which they are met."""
        frames = order.num_frames
        self.met = order.own_frames
        """(T, J): the frame in which the hint that is given in a frame is met."""
        self._closes = order.loop and not order.base_mask[-1]
        self._ahead = 0  # frames from the last one on that are known to be those from the first one on
        self._closing = frames - 1 - min(CLOSING_FRAMES, (frames - 1) // 2)
        if self._closes:
            self._ahead = min(OVERLAP_FRAMES, self._closing)
        self.timeline = Timeline(frames - 1 + self._ahead if self._closes else frames)
        self.joints = np.zeros((len(self.timeline.known), SKELETON.num_joints, 3), np.float32)
        self.contacts = np.zeros((len(self.timeline.known), 4), bool)
        self.done = 0
        self.kept = np.zeros(len(self.timeline.known), bool)
        self._keep(order.base, self.level.base, order.base_mask)
        planned = self.timeline.known.copy()
        if self._closes:
            planned[frames - 1 :] = True
        self.windows = plan_windows(planned, order.prompts, least, longest, [self._closing] if self._closes else [])

    def _keep(self, base: np.ndarray, level: np.ndarray, mask: np.ndarray) -> None:
        here = np.flatnonzero(mask)
        if len(here) == 0:
            return
        self.kept[here] = True
        self.timeline.keep(level, mask)
        self.joints[here] = base[here]
        self.contacts[here] = self.timeline.contacts(0, len(mask))[here] > 0.5

    # Before a window is made

    def prepare(self, window: Window) -> WindowRequest:
        """What is requested in the window's frames, the canonical frame that it starts in, and what it sees."""
        if self._closes and window.last == self.order.num_frames - 1:
            closed = self._path_closes()
            self.timeline.repeat(0, self._ahead, window.last, placed=closed)
        context = self.timeline.context(window)
        order = self._order_for(window, context)
        if context.placed[0]:
            return WindowRequest(order, self.timeline.frame_at(window.start), context)
        heading = self.order.heading if window.start == 0 else None
        signal = order.signal
        if heading is None:  # where only what comes later is known, the path there begins as the kept motion goes on
            signal = context.add_hints(signal, [_PELVIS])
        frame = canonical_frame(signal, heading)
        if heading is None and window.start == 0 and signal.hint_mask[:, _PELVIS].any():
            frame = replace(frame, heading=frame.heading + (facing_offset(order.prompts[0].text) or 0.0))
        return WindowRequest(order, frame, context)

    def _order_for(self, window: Window, context: Context) -> MotionOrder:
        """The order for a window: nothing is requested of frames that are there already, slack stays among the new
        ones, and where the next key or kept position of the pelvis lies beyond the window it is led there.
        """
        order = self.level.window(window.start, window.end)
        frames = np.arange(window.start, window.end)
        room = np.where(frames < window.last, np.minimum(frames - window.first, window.last - 1 - frames), 0)
        room = np.where(frames >= window.last, frames - window.last, room)
        slack = np.clip(order.slack, 0, np.maximum(room, 0)[:, None]).astype(np.int32)
        signal = replace(order.signal, hint_mask=order.signal.hint_mask & ~context.placed[:, None])
        return self._with_waypoint(replace(order, signal=signal, slack=slack), window, context)

    def _with_waypoint(self, order: MotionOrder, window: Window, context: Context) -> MotionOrder:
        """The order of a window, with its end on the straight line to the next key or kept position beyond it."""
        hint, mask = order.signal.hint, order.signal.hint_mask
        kept = self.kept[: self.order.num_frames]
        beyond = np.flatnonzero((self.level.signal.hint_mask[:, _PELVIS] | kept)[window.end :])
        last = window.end - 1
        if len(beyond) == 0 or mask[-1, _PELVIS] or context.known[-1]:
            return order
        following = window.end + int(beyond[0])
        keys = np.flatnonzero(mask[:, _PELVIS])
        if len(keys):
            before, point = window.start + int(keys[-1]), hint[keys[-1], _PELVIS]
        elif window.first > window.start and context.placed[window.first - 1 - window.start]:
            before, point = window.first - 1, context.joints[window.first - 1 - window.start, _PELVIS]
        else:
            return order
        goal = (self.level.base if kept[following] else self.level.signal.hint)[following, _PELVIS]
        share = (last - before) / (following - before)
        hint, mask, tolerance = hint.copy(), mask.copy(), order.tolerance.copy()
        hint[-1, _PELVIS] = point + share * (goal - point)
        mask[-1, _PELVIS] = True
        tolerance[-1, _PELVIS] = WAYPOINT_TOLERANCE_M
        return replace(order, signal=replace(order.signal, hint=hint, hint_mask=mask), tolerance=tolerance)

    def _path_closes(self) -> bool:
        mask, hint = self.order.signal.hint_mask[:, _PELVIS], self.order.signal.hint[:, _PELVIS]
        return bool(mask[0] and mask[-1] and np.linalg.norm((hint[-1] - hint[0])[[0, 2]]) < CLOSED_M)

    # After a window is made

    def add(self, window: Window, made: WindowMotion) -> None:
        """Join what was made for the window."""
        free = not self.order.signal.hint_mask[:, _PELVIS].any()
        self.timeline.write(window, made.features, made.frame, close_heading=free)
        here = slice(window.first, min(window.last, self.order.num_frames))
        seen = slice(window.first - window.start, here.stop - window.start)
        if self.patch and not made.captured:
            seams = range(window.start + self.patch, window.end, self.patch)
            self.seams |= {seam for seam in seams if window.first < seam < window.last}
        if self.order.slack.any():
            self.signal.hint[here], self.signal.hint_mask[here] = made.signal.hint[seen], made.signal.hint_mask[seen]
            self.met[here] = made.met[seen] + window.start
            if self.order.ground is not None:
                self._hints_on_ground(here)

    def _hints_on_ground(self, here: slice) -> None:
        """The hints that are met in the frames ``here`` as they were given, not as on a level floor."""
        given = self.order.signal
        for joint in np.flatnonzero(given.hint_mask[here].any(0)):
            told = here.start + np.flatnonzero(given.hint_mask[here, joint])
            self.signal.hint[self.met[told, joint], joint] = given.hint[told, joint]

    def finish(self, window: Window, finish: Finish) -> Generator[None, None, slice]:
        """Make final what can be after ``window``, piece by piece; returns the frames that became so."""
        begin, frames = self.done, self.order.num_frames
        if window != self.windows[-1]:
            yield from self._finish_until(max(window.last - MARGIN_FRAMES, begin), finish)
        else:
            if self._closes:
                yield from self._finish_until(max(self._closing, begin), finish)
                self._repeat_final(frames - 1)
            yield from self._finish_until(frames, finish)
        return slice(begin, self.done)

    def _finish_until(self, until: int, finish: Finish) -> Iterator[None]:
        done = self.done
        for start, end in runs(~self.kept[done:until]):
            yield from self._finish_stretch(done + start, done + end, finish)
        self.done = until

    def _finish_stretch(self, start: int, end: int, finish: Finish) -> Iterator[None]:
        """Finish the frames ``start`` to ``end`` and join them to the final ones on either side."""
        known = self.timeline.known
        begin = max(start - MARGIN_FRAMES, 0)
        stop = end + int(np.cumprod(known[end : end + MARGIN_FRAMES]).sum())
        final = self.kept[begin:stop] | (np.arange(begin, stop) < self.done)
        joints = self.timeline.joints(begin, stop)
        joints[final] = self.joints[begin:stop][final]
        order = replace(self.order, signal=self.signal).window(begin, stop)
        order = replace(order, signal=replace(order.signal, hint_mask=order.signal.hint_mask & ~final[:, None]))
        borders = begin + 1 + np.flatnonzero(np.diff(final.astype(int)))
        seams = sorted({*self.seams, *borders.tolist()})
        seams = [seam - begin for seam in seams if begin < seam < stop]
        joints, stands = yield from finish(order, joints, self.timeline.contacts(begin, stop), seams, final)
        made = joints[start - begin : end - begin].reshape(end - start, -1).copy()
        neighbours = {
            (border, step): [
                frame
                for frame in (border + step, border + 2 * step)
                if begin <= frame < stop and (frame < start or self.kept[frame])
            ]
            for border, step in ((start, -1), (end - 1, 1))
        }
        room = len(made) if all(neighbours.values()) else None
        for (_, step), beside in neighbours.items():
            if not beside:
                continue
            off = (self.joints[beside] - joints[np.array(beside) - begin]).reshape(len(beside), -1)[::-1]
            eased = ease(off, len(made), EASE_FRAMES, room)
            made += eased if step < 0 else eased[::-1]
        self.joints[start:end] = made.reshape(-1, *joints.shape[1:])
        self.contacts[start:end] = stands[start - begin : end - begin]

    def _repeat_final(self, frame: int) -> None:
        """The frames from ``frame`` on are the first ones again."""
        joints = self.joints[:2].astype(np.float64)
        if not np.array_equal(self.timeline.root[0], self.timeline.root[frame]):
            joints = self.timeline.frame_at(frame).to_world(self.timeline.frame_at(0).to_model(joints))
            if self.order.ground is not None:
                under = under_path(self.order.ground, order_path(self.order))
                joints[..., 1] += under[frame] - under[0]
        again = slice(frame, frame + 2)
        self.joints[again], self.contacts[again], self.kept[again] = joints, self.contacts[:2], True
