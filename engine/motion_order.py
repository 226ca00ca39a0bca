# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine works on: a checked request, free of the wire, and cut to any stretch of frames by itself.

Made once from a ``Generate`` (``validate.py``). A field whose annotation says that it holds a value a frame (an
``Array`` whose first length is ``T``), or blocks with ``start_frame`` and ``num_frames``, is cut by :meth:`window`;
all others stay. So a field that is added here is cut without another line.

Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from blender_addon.shared.annotations import Walk, field_types
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import (
    Base,
    BaseMask,
    Ground,
    Obstacle,
    PromptBlock,
    RelativeTarget,
    Slack,
    Tolerance,
)
from blender_addon.shared.wire import Array

DEFAULT_CLOSENESS = 1.0
"""To captured motion, of a request that does not say how close."""


@dataclass(frozen=True, eq=False)
class MotionOrder:
    """A motion to make. The fields mean what they mean in ``blender_addon.shared.protocol.Generate``, but for: hints
    are one ``signal``; ``closeness`` is always a number; ``tolerance`` (T, J), ``slack`` (T, J), ``base`` (T, J, 3) and
    ``base_mask`` (T,) are always there, zero and False where nothing was given.
    """

    prompts: tuple[PromptBlock, ...]
    signal: ControlSignal
    tolerance: Tolerance
    slack: Slack
    base: Base
    base_mask: BaseMask
    ground: Ground | None
    relative: tuple[RelativeTarget, ...]
    obstacles: tuple[Obstacle, ...]
    seed: int
    num_variations: int
    num_inference_steps: int
    guidance_scale: float | None
    heading: float | None
    refine: bool
    plant_feet: bool
    exact: bool
    loop: bool
    in_place: bool
    closeness: float
    from_standing: bool
    to_standing: bool

    @property
    def num_frames(self) -> int:
        return self.signal.num_frames

    @property
    def own_frames(self) -> np.ndarray:
        """(T, J) int32: each frame itself, in which a hint that is not moved is met."""
        frames = np.arange(self.num_frames, dtype=np.int32)
        return np.repeat(frames[:, None], self.signal.hint_mask.shape[1], 1)

    def window(self, start: int, end: int) -> Self:
        """The order for the frames ``start`` to ``end`` of this one; frames beyond its end ask for nothing."""
        return _Window(start, end).record(type(self), self, type(self).__name__)


class _Window(Walk):
    """What values say of the frames ``start`` to ``end``."""

    sequence_type = tuple

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end

    def record(self, kind: Any, value: Any, where: str) -> Any:
        if _is_block(value):
            first, last = self._span(value)
            return replace(value, start_frame=first - self.start, num_frames=last - first)
        cut = {
            name: self.walk(annotation, getattr(value, name), f"{where}.{name}")
            for name, annotation in field_types(kind).items()
        }
        return replace(value, **cut)

    def entries(self, value: Any, length: int | None, where: str) -> Any:
        return [each for each in value if not _is_block(each) or operator.lt(*self._span(each))]

    def array(self, spec: Any, value: Any, where: str) -> np.ndarray:
        if not isinstance(spec, Array):
            raise TypeError(f"The annotation of {where} does not say whether it holds a value a frame.")
        if spec.shape[0] != "T":
            return value
        inside = value[self.start : self.end]
        missing = self.end - self.start - len(inside)
        return np.pad(inside, [(0, missing), *[(0, 0)] * (value.ndim - 1)])

    def scalar(self, kind: Any, value: Any, where: str) -> Any:
        return value

    def _span(self, block: Any) -> tuple[int, int]:
        """First frame and end of what lies within the window of a block; the other way round where nothing does."""
        return max(block.start_frame, self.start), min(block.start_frame + block.num_frames, self.end)


def _is_block(value: Any) -> bool:
    """Whether it holds for some frames, which it names."""
    return hasattr(value, "start_frame") and hasattr(value, "num_frames")
