# SPDX-License-Identifier: GPL-3.0-or-later
"""A small library of made motions: a figure that glides straight, in a circle to the left, and one that stands."""

from __future__ import annotations

import functools
from collections.abc import Generator
from typing import Any

import numpy as np

from engine.library.library import Library
from engine.library.scores import ClipScores
from training.library import Source, make_library

from ..helpers.walking import gliding

WALKS, CIRCLES, STANDS = "a person walks", "a person walks in a circle", "a person stands"
SPEED = 0.9  # m/s


@functools.cache
def sources() -> tuple[Source, ...]:
    """Clips 0 to 3: straight, a circle of 1 m to the left, one of 2 m, and standing."""
    motions = [
        (WALKS, gliding(SPEED)),
        (CIRCLES, gliding(SPEED, radius=1.0)),
        (CIRCLES, gliding(SPEED, radius=2.0)),
        (STANDS, gliding(0.0, frames=60)),
    ]
    return tuple(Source(_about(number, text), joints) for number, (text, joints) in enumerate(motions))


def _about(number: int, text: str) -> dict[str, Any]:
    captions = [{"text": "someone moves", "kind": "auto"}, {"text": text, "kind": "index"}]
    return {"id": f"clip{number}", "take": f"{number}_01", "source": f"CMU {number}_01", "licence": "CMU-free",
            "weak": False, "captions": captions}  # fmt: skip


@functools.cache
def library() -> Library:
    return make_library(sources(), lambda texts: np.eye(len(texts), 16))


def scores(*by_clip: float, going: bool = True) -> ClipScores:
    """The same for the clips and their mirror images."""
    both = np.tile(np.array(by_clip), (2, 1))
    return ClipScores(both, both, going)


def line(speed: float = SPEED, frames: int = 80) -> np.ndarray:
    """A path (frames, 2) ahead."""
    return np.stack([np.zeros(frames), speed * np.arange(frames) / 20], -1)


def circle(radius: float, speed: float = SPEED, frames: int = 80) -> np.ndarray:
    """A path (frames, 2) to the left, or with a negative ``radius`` to the right."""
    angle = speed * np.arange(frames) / 20 / radius
    return radius * np.stack([1 - np.cos(angle), np.sin(angle)], -1)


def run_to_end(steps: Generator[None, None, Any]) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
