# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be chosen when data is prepared; all that changes a clip is here, so that a resumed run can compare it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass

from blender_addon.shared.errors import BadRequest

from .acclaim import CMU_FPS

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Options:
    """Lengths in frames at 20 fps. A clip with a joint faster than ``max_speed`` (m/s), with a bone that stretches by
    more than ``max_stretch`` of its length, or with a body deeper below the floor than ``max_depth`` (m) is left out.
    ``shares`` of the takes go to train, val and test where no lists say it.
    """

    min_frames: int = 40
    max_frames: int = 200
    max_speed: float = 15.0
    max_stretch: float = 0.15
    max_depth: float = 0.2
    amc_fps: float = CMU_FPS
    shares: tuple[float, float, float] = (0.9, 0.05, 0.05)

    def __post_init__(self) -> None:
        if not 4 <= self.min_frames <= self.max_frames:
            raise BadRequest(
                f"Clips of {self.min_frames} to {self.max_frames} frames cannot be cut.",
                "Give a shortest length of 4 frames or more that does not exceed the longest.",
            )
        if min(self.shares) < 0 or sum(self.shares) <= 0:
            raise BadRequest(f"{self.shares} are not valid shares.", "Give three numbers, for example 90 5 5.")
        if min(self.max_speed, self.max_stretch, self.max_depth, self.amc_fps) <= 0:
            raise BadRequest("A limit or rate of zero or less leaves no clips.", "Give numbers above zero.")

    def fingerprint(self) -> str:
        """Changes when a clip may come out otherwise; the shares of the splits do not touch the clips."""
        words = json.dumps(dataclasses.asdict(dataclasses.replace(self, shares=(1, 0, 0))))
        return hashlib.sha256(words.encode()).hexdigest()[:16]
