# SPDX-License-Identifier: GPL-3.0-or-later
"""What a motion order asks of the library: stretches of frames, each found at once, and what a window gets of them.

A stretch is what has to be made without a gap for one sentence. It is found as a whole, from the frames before it on
and towards what is known behind it, and handed out window by window.

Shapes: T frames of the motion, n frames of a stretch or a window, J = 22 joints.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from blender_addon.shared.protocol import MotionSource
from blender_addon.shared.series import runs, smoothstep
from blender_addon.shared.skeleton import SKELETON

from ..control.ground import order_path
from ..longform.timeline import Context
from ..longform.window_request import WindowJoints
from ..longform.windows import Window
from .found import MATCHED_MPS, FoundPart, find
from .library import Library
from .pace import pace_notice
from .route import Route, Start, Way
from .sentences import SentenceMatch
from .shorter_steps import stride_shares
from .timing import Touch
from .wanted import wanted_route

if TYPE_CHECKING:
    from ..longform.motion import MotionInProgress

START_FRAMES = 24  # of what is there already that a stretch goes on from: enough to tell its heading
TAIL_FRAMES = 3  # found beyond a stretch, to be joined to what is known there
LOOKAHEAD_FRAMES = 20  # the same where the motion goes on
POSE_JOINTS = 8  # that are told in one frame: a pose
POSE_FRAMES = 12  # before and after a pose, in which it comes and goes
TOUCHES = 8  # of a joint, that an act is timed to
_ENDS = SKELETON.indices("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot", "head")
_PELVIS = SKELETON.index("pelvis")


@dataclass(frozen=True)
class FoundStretch:
    """The frames ``first`` to ``end`` of a motion, made for the block ``prompt``."""

    first: int
    end: int
    prompt: int


def plan_stretches(windows: Sequence[Window], one_by_one: Collection[int] = ()) -> list[FoundStretch]:
    """Windows that follow each other without a gap, for one sentence, are one stretch, unless those of its prompt are
    found ``one_by_one``.
    """
    stretches: list[FoundStretch] = []
    for window in windows:
        follows = stretches and stretches[-1].end == window.first and stretches[-1].prompt == window.prompt
        if follows and window.prompt not in one_by_one:
            stretches[-1] = replace(stretches[-1], end=window.last)
        else:
            stretches.append(FoundStretch(window.first, window.last, window.prompt))
    return stretches


class MotionFinder:
    """What is found for one variation. ``sources``: what it was made of so far; ``notice``: what the user should know
    of the path.
    """

    def __init__(self, library: Library, matches: Sequence[SentenceMatch], motion: MotionInProgress) -> None:
        """``matches``: those of the order's sentences. A motion's seed 0 gives the best that is found, any other
        another take.
        """
        self.library, self.matches, self.order = library, matches, motion.level
        self.seed, self.timeline = motion.seed % 2**63, motion.timeline
        self.sources: list[MotionSource] = []
        self._wanted = wanted_route(self.order)
        if motion.order.ground is not None:
            shares = stride_shares(motion.order.ground, order_path(motion.order))
            self._wanted = replace(self._wanted, on_ground=True, shares=shares if shares.min() < 1 else None)
        self._whole = Way.of(self._wanted, None)
        # Steps along a path are found window by window, so that the first ones are there soon.
        going = {i for i, match in enumerate(matches) if match.scores.going and self._whole.going_speed > MATCHED_MPS}
        self._stretches = {stretch.first: stretch for stretch in plan_stretches(motion.windows, going)}
        self._first = 0
        notices = (pace_notice(library, matches[i].scores.matching, self._whole) for i in sorted(going))
        self.notice = next(filter(None, notices), "")
        self._found: WindowJoints | None = None
        self._joins: list[int] = []

    def search(self, window: Window) -> Generator[None, None, None]:
        """Find the stretch that begins with ``window``, if one does; may be abandoned wherever it yields."""
        stretch = self._stretches.get(window.first)
        if stretch is None:
            return
        route, start = self._route(stretch), self._start(stretch.first)
        found = yield from find(self.library, self.matches[stretch.prompt].scores, route, self.seed, start)
        joints = found.joints
        if found.kind == "alone" and start is None:
            joints = self._moved_onto_hints(joints, stretch)
        joints = self._through_poses(joints, stretch)
        self._first, self._found = stretch.first, WindowJoints(joints, found.contacts)
        self._joins = [stretch.first + join for join in found.joins]
        self.sources += _sources(found.parts, stretch)

    def window(self, window: Window, context: Context) -> WindowJoints:
        """The frames of ``window`` and one more: what it sees before its new frames, then what was found for the
        stretch that they are in, whose last frame is held.
        """
        found = self._found
        if found is None:
            raise RuntimeError("nothing was searched for this window yet")
        seen = window.first - window.start
        here = np.minimum(np.arange(window.first, window.end + 1) - self._first, len(found.joints) - 1)
        return WindowJoints(
            np.concatenate([context.joints[:seen], found.joints[here]]),
            np.concatenate([np.zeros((seen, 4)), found.contacts[here]]),
        )

    def joins(self, window: Window) -> list[int]:
        """The frames of ``window`` in which another captured stretch takes over, where steps were matched."""
        return [join - window.start for join in self._joins if window.first <= join < window.end]

    def _route(self, stretch: FoundStretch) -> Route:
        """Where the stretch goes, and a few frames beyond it."""
        timeline = self.timeline
        goes_on = min(self.order.num_frames - stretch.end, LOOKAHEAD_FRAMES)
        count = stretch.end - stretch.first + max(goes_on, TAIL_FRAMES)
        beyond = np.arange(stretch.first, stretch.first + count)
        frames = np.minimum(beyond, self.order.num_frames - 1)
        wanted = self._wanted
        facing = None if wanted.facing is None else wanted.facing[frames]
        heading = wanted.start_heading
        if stretch.end < len(timeline.placed) and timeline.placed[stretch.end]:
            heading = float(timeline.root[stretch.end, 2])
        mask = wanted.mask[frames] & (beyond == frames)
        return Route(
            wanted.places[frames],
            mask,
            facing,
            heading,
            arrival=self._arrival(stretch),
            arrival_frame=stretch.end - stretch.first,
            poses=self._poses(stretch),
            touches=self._touches(stretch),
            whole=self._whole,
            on_ground=wanted.on_ground,
            shares=None if wanted.shares is None else wanted.shares[frames],
        )

    def _touches(self, stretch: FoundStretch) -> tuple[Touch, ...]:
        """Some of the frames in which hands, feet and head are told where to be."""
        hint, mask = self._hints(stretch)
        found: list[Touch] = []
        for joint in _ENDS:
            told = np.flatnonzero(mask[:, joint])
            some = told[np.linspace(0, len(told) - 1, min(len(told), TOUCHES)).astype(int)]
            found += [Touch(int(frame), joint, float(hint[frame, joint, 1])) for frame in some]
        return tuple(found)

    def _poses(self, stretch: FoundStretch) -> tuple[tuple[int, np.ndarray], ...]:
        """The frames of the stretch in which all joints are told, and these; the first of those in a row."""
        hint, mask = self._hints(stretch)
        return tuple((first, hint[first].astype(np.float64)) for first, _ in runs(mask.all(1)))

    def _arrival(self, stretch: FoundStretch) -> np.ndarray | None:
        """The known frames behind the stretch; None where there are none."""
        behind = self.timeline.known[stretch.end : stretch.end + START_FRAMES]
        count = int(np.cumprod(behind).sum())
        if count < 2:
            return None
        return self.timeline.joints(stretch.end, stretch.end + count)

    def _start(self, first: int) -> Start | None:
        """The known frames before ``first``; None where there are none."""
        placed = self.timeline.placed[max(first - START_FRAMES, 0) : first]
        count = int(np.cumprod(placed[::-1]).sum())
        if not count:
            return None
        joints = self.timeline.joints(first - count, first)
        return Start(joints if count > 1 else np.repeat(joints, 2, 0))

    def _moved_onto_hints(self, joints: np.ndarray, stretch: FoundStretch) -> np.ndarray:
        """The joints, moved over the ground to where their hints are on average."""
        hint, mask = self._hints(stretch)
        if mask[:, _PELVIS].any():
            mask[:, np.arange(mask.shape[1]) != _PELVIS] = False
        if not mask.any():
            return joints
        off = (hint - joints[: len(hint)])[mask].mean(0)
        return joints + off * np.array([1.0, 0.0, 1.0])

    def _through_poses(self, joints: np.ndarray, stretch: FoundStretch) -> np.ndarray:
        """The joints, led through the frames in which most of them are told: what they are off by there fades before
        and after, so that the exact step, which changes a pose alone, has little left to do.
        """
        hint, mask = self._hints(stretch)
        told = np.flatnonzero(mask.sum(1) >= POSE_JOINTS)
        if not len(told):
            return joints
        off = np.where(mask[told][..., None], hint[told] - joints[told], 0.0)
        if self.order.signal.free_height:
            off[:, _PELVIS, 1] = 0.0
        frames = np.arange(len(joints))
        after = np.searchsorted(told, frames).clip(0, len(told) - 1)
        before = np.maximum(after - 1, 0)
        span = np.maximum(told[after] - told[before], 1)
        u = ((frames - told[before]) / span).clip(0, 1)[:, None, None]
        away = np.abs(frames[:, None] - told).min(1)
        share = smoothstep(np.maximum(1 - away / POSE_FRAMES, 0.0))[:, None, None]
        return joints + share * ((1 - u) * off[before] + u * off[after])

    def _hints(self, stretch: FoundStretch) -> tuple[np.ndarray, np.ndarray]:
        """Hints (n, J, 3) and their mask (n, J) in the frames of ``stretch``."""
        here = slice(stretch.first, min(stretch.end, self.order.num_frames))
        return self.order.signal.hint[here], self.order.signal.hint_mask[here].copy()


def _sources(parts: Sequence[FoundPart], stretch: FoundStretch) -> list[MotionSource]:
    """The parts by the frames of the motion, without what was found beyond the stretch."""
    length = stretch.end - stretch.first
    return [
        MotionSource(
            part.name, part.caption, stretch.first + part.first, min(part.end, length) - part.first, part.mirrored
        )
        for part in parts
        if part.first < length
    ]
