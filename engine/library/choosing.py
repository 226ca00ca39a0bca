# SPDX-License-Identifier: GPL-3.0-or-later
"""One clip for an act that no way of going is: which, and what of it, prolonged where it is too short.

Shapes: K clips, T frames. Metres, radians, 20 fps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .library import Library
from .matching import Segment
from .posture import Posture, posture_part
from .prolonging import prolonged
from .route import Way
from .timing import Touch, delay_for

SPEED_SCORE = 0.35  # for a speed e times that of the path
SPEED_OFFSET_MPS = 0.1  # below which speeds hardly differ
TURN_RATE_SCORE = 0.004 * 180 / np.pi  # for a radian a second
MISSING_SCORE = 0.25  # for a clip that lasts no time beside one that lasts long enough
MISSING_SCORE_ALONE = 0.1  # the same where no path goes on when the clip has ended
LOOKED_AT = 40  # clips and mirror images that fit best
HELD_SCORE = 0.6  # for a clip that freezes all the time
TAKES = 5  # from which seeds choose
TAKE_MARGIN = 0.15  # of score, that such a take may be behind the best: further ones do something else
GOES_MPS = 0.3  # a slower clip goes nowhere in particular
TRAVELS = 0.8  # of its speed goes one way in the body's axes
VOTE_SCORE = 0.05  # by which a lower score counts e times less then
VOTERS = 8  # clips that say which way a sentence's way of going faces
UNEVEN = 0.2  # of the steps of a body with one bad leg (see ``facts.ClipFacts.step_asymmetry``)
WAIT_TEMPO = 0.1  # of the first frames, played backward until an act begins


def speed_misfit(library: Library, speed: float, somewhere: bool = False) -> np.ndarray:
    """(K,): what clips lose for going at other speeds than ``speed`` m/s as a whole or, if told, ``somewhere``."""
    mean, top = (np.asarray(v) + SPEED_OFFSET_MPS for v in (library.facts.speed, library.facts.top_speed))
    wanted = speed + SPEED_OFFSET_MPS
    nearest = np.clip(wanted, mean, np.maximum(top, mean)) if somewhere else mean
    return SPEED_SCORE * np.abs(np.log(nearest / wanted))


def chosen_clip(library: Library, scores: np.ndarray, way: Way, num_frames: int, seed: int) -> tuple[int, bool]:
    """The clip, and whether its mirror image, whose score (2, K), speed, turning and length fit best; with a ``seed``
    other than 0 one of the best takes.
    """
    facts = library.facts
    lasts = np.minimum((facts.active_end - facts.active_start) / num_frames, 1.0)
    total = scores - (MISSING_SCORE if way.known.any() else MISSING_SCORE_ALONE) * (1 - lasts)
    if way.known.any():
        total = total - speed_misfit(library, way.speed) - TURN_RATE_SCORE * np.abs(facts.turn_rate - way.turn_rate)
    best = np.argsort(-total, axis=None, kind="stable")[:LOOKED_AT]
    clips, values = best % library.num_clips, total.ravel()[best].astype(np.float64)
    worse = TAKE_MARGIN if seed else 0.0
    for place, clip in enumerate(clips):
        if values[place] < values[:place].max(initial=-np.inf) - worse:
            values = values[:place]  # none of the rest can be taken, however it ends
            break
        values[place] -= HELD_SCORE * _held_frames(library, int(clip), num_frames) / num_frames
    place = int(values.argmax())
    if seed:
        order = np.argsort(-values, kind="stable")
        good = order[values[order] > values[place] - TAKE_MARGIN]
        _, first = np.unique(library.takes[clips[good]], return_index=True)
        takes = good[np.sort(first)[:TAKES]]
        place = int(takes[np.random.default_rng(seed).integers(len(takes))])
    return int(clips[place]), bool(best[place] // library.num_clips)


def _held_frames(library: Library, clip: int, num_frames: int) -> int:
    """For how many of ``num_frames`` a clip that is too short freezes in the middle of what it does."""
    last = part_of(library, clip, False, num_frames)[-1]
    return last.frames if last.tempo == 0 else 0


def part_of(
    library: Library,
    clip: int,
    mirror: bool,
    num_frames: int,
    posture: Posture | None = None,
    touches: Sequence[Touch] = (),
) -> list[Segment]:
    """What of the clip is played for ``num_frames``: its active part, more of it around, loops; at the end its last
    pose. Of a clip that goes down and comes up again, with ``posture`` only that part and what stays so; else it begins
    when the ``touches`` fit best.
    """
    length, facts = int(library.frames[clip]), library.facts
    part = posture_part(posture, library.decode(clip).pose[:, 0, 1]) if posture else None
    if part is not None:
        first, end = part
        spare = max(end - first - num_frames, 0) // 2
        segment = Segment(clip, first + spare, min(num_frames, end - first), mirror=mirror)
        return prolonged(library, library.decode(clip, 0, end), segment, num_frames)
    first, end = (int(np.asarray(frame)[clip]) for frame in (facts.active_start, facts.active_end))
    end = min(end, length)
    room = max(num_frames - (end - first), 0)
    first = max(first - max(room // 2, room - (length - end)), 0)
    if touches:
        first -= delay_for(library.decode(clip, mirror=mirror).pose[..., 1], first, touches)
    waits = min(max(-first, 0), num_frames - 1)
    first = min(max(first, 0), length - 2)
    count = min(num_frames - waits, length - first)
    before = [Segment(clip, WAIT_TEMPO * waits, waits, -WAIT_TEMPO, mirror)] if waits else []
    segment = Segment(clip, first, count, mirror=mirror)
    return before + prolonged(library, library.decode(clip), segment, num_frames - waits)


def travels(library: Library) -> np.ndarray:
    """(K,) bool: clips that keep going one way in the body's axes."""
    facts = library.facts
    return (facts.speed > GOES_MPS) & (np.hypot(facts.ahead, facts.left) > TRAVELS * facts.speed)


def is_uneven(library: Library, scores: np.ndarray) -> bool:
    """Whether the clips (2, K) that fit a sentence best have one bad leg: then it has to stay the same one."""
    best = np.argsort(-scores.max(0), kind="stable")[:VOTERS]
    return float(np.median(np.asarray(library.facts.step_asymmetry)[best])) > UNEVEN


def travel_angle(library: Library, scores: np.ndarray) -> float:
    """From where the body faces to where it goes, 0, a quarter or a half turn, in the clips (2, K) that fit a sentence
    best: those that walk backward or sideways show it.
    """
    going, left, ahead = travels(library), np.asarray(library.facts.left), np.asarray(library.facts.ahead)
    fitting = np.where(going, scores, -np.inf)
    best = np.argsort(-fitting, axis=None, kind="stable")[:VOTERS]
    mirror, clips = np.divmod(best, library.num_clips)
    top = fitting.ravel()[best]
    weights = np.exp((top - top[0]) / VOTE_SCORE) if np.isfinite(top[0]) else np.zeros(len(best))
    angles = np.arctan2(np.where(mirror, -1, 1) * left[clips], ahead[clips])
    quarters = np.rint(angles / (np.pi / 2)).astype(int) % 4
    votes = np.bincount(quarters, weights, minlength=4)
    return float([0.0, np.pi / 2, np.pi, -np.pi / 2][int(votes.argmax())])
