# SPDX-License-Identifier: GPL-3.0-or-later
"""How a clip that is too short goes on: who rests at its end breathes, what comes back to its end is done again, who
stands on two feet comes to stand still as someone else did; else the last pose is held.

Shapes: T frames, J = 22 joints, N frames of those who stand still. Metres, 20 fps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.words import words_of

from .library import Library
from .matching import Segment
from .motion import BodyMotion

REST_M = 0.1  # that joints move about a body that rests
REST_FRAMES = 12  # in which it does, at least
REST_END_FRAMES = 40  # before a clip's end, in which it comes to rest
REST_TEMPO = 0.5  # at which they are played again
LOOP_MIN_FRAMES = 18
LOOP_END_FRAMES = 16  # before a clip's end, in which its loop may close
LOOP_M = 0.09  # mean distance of the joints, above which a clip does not come back
LOOP_SPEED_FRAMES = 5.0  # of speed that count like a distance
UPRIGHT_HIPS_M, UPRIGHT_NECK_M = 0.72, 0.3  # over the floor, and of the neck over the hips, of who can come to stand
STANDING_END_FRAMES = 24  # before a clip's end, in which it may go over into standing
STANDING_FRAMES = 40  # of standing still, at least
_NECK = SKELETON.index("neck")
_STANDING = ({"stands", "still"}, {"stands", "idle"})  # words of captions
_QUIET_MPS, _QUIET_HANDS_MPS = 0.25, 0.6


def prolonged(library: Library, motion: BodyMotion, segment: Segment, num_frames: int) -> list[Segment]:
    """``segment``, which lasts to the end of ``motion``, the clip as it is kept, and what follows it, ``num_frames`` in
    all.
    """
    length, missing = motion.num_frames, num_frames - segment.frames
    if not missing:
        return [segment]
    rests, last = _rest(motion, int(segment.start))
    if rests >= REST_FRAMES:
        until = replace(segment, frames=last + 1 - int(segment.start))
        return [until, *_back_and_forth(until, last, rests, num_frames - until.frames)]
    loop = _loop(motion, int(segment.start))
    if loop is None:
        return _come_to_stand(library, motion, segment, num_frames) or [
            segment,
            Segment(segment.clip, length - 1.0, missing, 0.0, segment.mirror),
        ]
    start, end = loop
    segments = [Segment(segment.clip, segment.start, segment.frames - (length - end), mirror=segment.mirror)]
    missing += length - end
    while missing > 0:
        segments.append(Segment(segment.clip, start, min(end - start, missing), mirror=segment.mirror))
        missing -= end - start
    return segments


def _rest(motion: BodyMotion, first: int) -> tuple[int, int]:
    """For how many frames the body rests, after frame ``first``, in a pose near its end but for some centimetres; and
    the last of them.
    """
    gone = np.concatenate([np.zeros((1, 2)), np.cumsum(motion.step[:-1], axis=0)])
    best = (0, 0, 0)
    for last in range(motion.num_frames - 1, max(motion.num_frames - REST_END_FRAMES, first), -1):
        moved = np.linalg.norm(motion.pose[first : last + 1] - motion.pose[last], axis=-1).max(-1)
        away = np.linalg.norm(gone[first : last + 1] - gone[last], axis=-1)
        rests = int(np.cumprod((np.maximum(moved, away) < REST_M)[::-1]).sum())
        best = max(best, (rests + last, last, rests))  # a longer one, but what comes after it is not played
    return best[2], best[1]


def _back_and_forth(segment: Segment, last: int, rests: int, missing: int) -> list[Segment]:
    """The last ``rests`` frames of a clip whose last frame is ``last``, from there on: who sits or stands breathes."""
    once = int((rests - 1) / REST_TEMPO)
    segments: list[Segment] = []
    while missing > 0:
        back = len(segments) % 2 == 0
        start, tempo = (last, -REST_TEMPO) if back else (last - once * REST_TEMPO, REST_TEMPO)
        segments.append(Segment(segment.clip, float(start), min(once, missing), tempo, segment.mirror))
        missing -= once
    return segments


def _loop(motion: BodyMotion, first: int) -> tuple[int, int] | None:
    """The frames between which the motion comes back to a pose near its end; None where it does not."""
    count = motion.num_frames
    ends = np.arange(max(count - LOOP_END_FRAMES, first + LOOP_MIN_FRAMES + 2), count - 1)
    starts = np.arange(first + 1, max(count - LOOP_MIN_FRAMES, first + 1))
    if not len(ends) or not len(starts):
        return None
    numbers = _numbers(motion)
    distances = np.linalg.norm(numbers[ends][:, None] - numbers[starts], axis=-1).mean(-1)
    distances[ends[:, None] - starts < LOOP_MIN_FRAMES] = np.inf
    at_end, at_start = np.unravel_index(int(distances.argmin()), distances.shape)
    if distances[at_end, at_start] > LOOP_M:
        return None
    return int(starts[at_start]), int(ends[at_end])


@dataclass(frozen=True, eq=False)
class Standing:
    """Frames of clips in which somebody stands still: ``clips`` and ``frames`` (N,), ``numbers`` (N, J, 6) that their
    poses and speeds are compared by, and those of their mirror images.
    """

    clips: np.ndarray
    frames: np.ndarray
    numbers: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, library: Library) -> Standing | None:
        """None of a library in which nobody stands still."""
        kept = library.kept_standing
        if not kept:
            kept.append(cls._found(library))
        return kept[0]

    @classmethod
    def _found(cls, library: Library) -> Standing | None:
        facts = library.facts
        quiet = (np.asarray(facts.top_speed) < _QUIET_MPS) & (np.asarray(facts.hand_speed) < _QUIET_HANDS_MPS)
        said = [
            any(words <= set(words_of(library.captions_of(clip)[0])) for words in _STANDING)
            for clip in range(len(quiet))
        ]
        chosen = np.flatnonzero(quiet & np.array(said, bool) & (library.frames > STANDING_FRAMES))
        if not len(chosen):
            return None
        clips, frames, numbers, mirrored = [], [], [], []
        for clip in chosen:
            begins = np.arange(0, library.frames[clip] - STANDING_FRAMES, 5)
            clips.append(np.full(len(begins), clip))
            frames.append(begins)
            numbers.append(_numbers(library.decode(int(clip)))[begins])
            mirrored.append(_numbers(library.decode(int(clip), mirror=True))[begins])
        return cls(np.concatenate(clips), np.concatenate(frames), (np.concatenate(numbers), np.concatenate(mirrored)))


def _come_to_stand(library: Library, motion: BodyMotion, segment: Segment, num_frames: int) -> list[Segment] | None:
    """``segment`` up to where its pose is nearest to somebody's who stands still, and on with that; None where it does
    not end upright, or nobody stands.
    """
    standing = Standing.of(library)
    low = max(motion.num_frames - STANDING_END_FRAMES, int(segment.start) + 1)
    upright = (motion.pose[low:, 0, 1] > UPRIGHT_HIPS_M) & (
        motion.pose[low:, _NECK, 1] - motion.pose[low:, 0, 1] > UPRIGHT_NECK_M
    )
    if standing is None or not upright[-1]:
        return None
    ends = low + np.flatnonzero(upright)
    numbers = _numbers(motion.mirrored() if segment.mirror else motion)[ends]
    distances = np.stack([np.linalg.norm(numbers[:, None] - some, axis=-1).mean(-1) for some in standing.numbers])
    mirror, end, place = np.unravel_index(int(distances.argmin()), distances.shape)
    played = replace(segment, frames=int(ends[end]) - int(segment.start))
    clip, first = int(standing.clips[place]), int(standing.frames[place])
    missing = num_frames - played.frames
    still = Segment(clip, first, min(missing, int(library.frames[clip]) - first), mirror=bool(mirror))
    last, rests = first + still.frames - 1, still.frames
    return [played, still, *_back_and_forth(still, last, rests, missing - still.frames)]


def _numbers(motion: BodyMotion) -> np.ndarray:
    """(T, J, 6): what poses and speeds are compared by."""
    speed = np.gradient(motion.pose, axis=0)
    speed[..., [0, 2]] += motion.step[:, None]
    return np.concatenate([motion.pose, LOOP_SPEED_FRAMES * speed], -1)
