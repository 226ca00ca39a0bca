# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a motion comes from: the captured clips that it was made of, whose they are, and whether any was near. No bpy.

Shapes: T model frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..shared.protocol import MotionSource, Result
from ..shared.series import runs

CREDITS = {
    "m2m_": "Mesh2Motion (CC0)",
    "fair1_": "AnimatedDrawings, © Meta Platforms (MIT)",
    "": "CMU Graphics Lab Motion Capture Database, mocap.cs.cmu.edu",
}
"""How the name of a clip begins -> who is to be named for it; the first that fits."""


@dataclass(frozen=True)
class Origin:
    """``sources``: what a motion was made of, in the order of time. ``nearness``, ``closest`` and ``notice``: what
    ``Result`` says of the library of captured motion.

    The names of the fields are the file format of .blend files with takes; a take of an earlier version has none.
    """

    sources: tuple[MotionSource, ...] = ()
    nearness: float | None = None
    closest: str = ""
    notice: str = ""

    @classmethod
    def of(cls, result: Result, variation: int) -> Origin:
        """What ``result`` tells of one of its variations."""
        sources = result.sources[variation] if result.sources else ()
        return cls(sources, result.nearness, result.closest, result.notice)

    def beside(self, earlier: Origin, kept: np.ndarray) -> Origin:
        """That of a motion of which the frames in ``kept`` (T,) bool come from an ``earlier`` one."""
        parts = list(self.sources)
        for source in earlier.sources:
            end = source.start_frame + source.num_frames
            for first, last in runs(kept[source.start_frame : end]):
                parts.append(replace(source, start_frame=source.start_frame + first, num_frames=last - first))
        return replace(self, sources=tuple(sorted(parts, key=lambda part: part.start_frame)))

    def captions(self) -> list[tuple[str, int]]:
        """What the clips are called, each once, and for how many frames, those of most frames first."""
        frames: dict[str, int] = {}
        for source in self.sources:
            frames[source.caption] = frames.get(source.caption, 0) + source.num_frames
        return sorted(frames.items(), key=lambda entry: -entry[1])

    def credits(self) -> list[str]:
        """Who captured or made the clips."""
        names = {next(CREDITS[start] for start in CREDITS if source.clip.startswith(start)) for source in self.sources}
        return sorted(names)

    def summary(self, num_frames: int) -> str:
        """In a line of which clips a motion of ``num_frames`` is; empty where no library was asked."""
        if self.nearness is None:
            return ""
        clips, captions = len({source.clip for source in self.sources}), self.captions()
        if not clips:
            return "Made by the neural network"
        others = f" and {len(captions) - 1} more" if len(captions) > 1 else ""
        text = f"Made of {clips} captured clip{'s' * (clips > 1)}: {captions[0][0]}{others}"
        missing = 1 - sum(frames for _, frames in captions) / num_frames
        return text if missing < 0.01 else f"{text}; {missing:.0%} by the neural network"
