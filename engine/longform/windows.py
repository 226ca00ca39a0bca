# SPDX-License-Identifier: GPL-3.0-or-later
"""How a motion of any length is cut into windows that a model can make, one after the other.

A window makes some new frames and sees frames that are there already on either side of them: those of the window before
it, or those that are kept. A window has one sentence, so windows end where prompts do.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blender_addon.shared.protocol import PromptBlock

OVERLAP_FRAMES = 32  # of what is there already that a window sees on each side
SHORTEST_FRAMES = 10  # fewer are not made by themselves between known ones and another sentence
LOOKAHEAD_FRAMES = 16  # made beyond the new ones and thrown away where the motion goes on: so it does not come to rest


@dataclass(frozen=True)
class Window:
    """The frames ``start`` to ``end`` are sampled; ``first`` to ``last`` of them are new and stay. ``prompt``: index of
    the block.
    """

    start: int
    end: int
    first: int
    last: int
    prompt: int

    @property
    def num_frames(self) -> int:
        return self.end - self.start


def plan_windows(
    known: np.ndarray, blocks: Sequence[PromptBlock], least: int, longest: int, cuts: Sequence[int] = ()
) -> list[Window]:
    """The windows, in order of time, that make every frame which is not ``known`` (T,) yet.

    ``least`` and ``longest`` are the frames of a window; ``cuts`` are further frames at which a new window begins.
    """
    total = len(known)
    overlap, lookahead = min(OVERLAP_FRAMES, longest // 4), min(LOOKAHEAD_FRAMES, longest // 8)
    starts = {block.start_frame for block in blocks}
    borders = sorted({0, total, *cuts, *_edges(known), *(start for start in starts if not _crowded(known, start))})
    windows: list[Window] = []
    for begin, end in itertools.pairwise(borders):
        if known[begin]:
            continue
        soon = min(begin + SHORTEST_FRAMES, end) - 1 if begin > 0 and known[begin - 1] else begin
        prompt = max((i for i, block in enumerate(blocks) if block.start_frame <= soon), default=0)
        after = _count_known(known[end : end + overlap])
        beyond = after or min(lookahead, total - end)
        count = -(-(end - begin) // (longest - overlap - max(after, lookahead)))
        if begin == 0 and end - begin + beyond <= longest:
            count = 1
        edges = [begin + (end - begin) * i // count for i in range(count + 1)]
        for first, last in itertools.pairwise(edges):
            tail = beyond if last == end else lookahead
            stop = min(last + tail, total)
            start = max(first - overlap, 0)
            if stop - start < least:
                start = max(stop - least, 0)
                stop = min(start + least, total)
            windows.append(Window(start, stop, first, last, prompt))
    return windows


def _crowded(known: np.ndarray, frame: int) -> bool:
    """Whether a new sentence at ``frame`` is too near to frames that are known: there is no time to do what it says."""
    near = known[max(frame - SHORTEST_FRAMES, 0) : frame + SHORTEST_FRAMES]
    return bool(near.any() and not near.all())


def _edges(known: np.ndarray) -> list[int]:
    return (np.flatnonzero(np.diff(known.astype(int))) + 1).tolist()


def _count_known(ahead: np.ndarray) -> int:
    """How many frames are known from the first on without a gap."""
    return len(ahead) if ahead.all() else int(ahead.argmin())
