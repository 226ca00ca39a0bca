# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine works on: a checked request, free of the wire, and cut to any stretch of frames by itself.

Made once from a ``Generate`` (``validate.py``). A field whose annotation says that it holds a value a frame (an
``Array`` whose first length is ``T``), or blocks with ``start_frame`` and ``num_frames``, is cut by :meth:`window`;
all others stay. So a field that is added here is cut without another line.

Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Self

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Base, BaseMask, Obstacle, PromptBlock, RelativeTarget, Slack, Tolerance
from blender_addon.shared.wire import Array, field_types

_STRETCH = {"start_frame", "num_frames"}
"""Fields of a block that holds for some frames."""


@dataclass(frozen=True, eq=False)
class MotionOrder:
    """A motion to make. The fields mean what they mean in ``blender_addon.shared.protocol.Generate``, but for: hints
    are one ``signal``; ``tolerance`` (T, J), ``slack`` (T, J), ``base`` (T, J, 3) and ``base_mask`` (T,) are always
    there, zero and False where nothing was given.
    """

    prompts: tuple[PromptBlock, ...]
    signal: ControlSignal
    tolerance: Tolerance
    slack: Slack
    base: Base
    base_mask: BaseMask
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
        return _cut(self, type(self), start, end)


def _cut(value: Any, annotation: Any, start: int, end: int) -> Any:
    """What ``value``, declared with ``annotation``, says of the frames ``start`` to ``end``."""
    array = next((each for each in _metadata(annotation) if isinstance(each, Array)), None)
    if isinstance(value, np.ndarray):
        if array is None:
            raise TypeError(f"An array declared as {annotation} does not say whether it holds a value a frame.")
        return _cut_array(value, start, end) if array.shape[0] == "T" else value
    if is_dataclass(value) and not isinstance(value, type):
        kind: Any = type(value)
        cut = {name: _cut(getattr(value, name), hint, start, end) for name, hint in field_types(kind).items()}
        return replace(value, **cut)
    if isinstance(value, tuple) and all(is_dataclass(each) for each in value):
        return _cut_blocks(value, start, end)
    return value


def _metadata(annotation: Any) -> tuple[Any, ...]:
    """What an ``Annotated`` holds beside the type, also within ``X | None``."""
    if typing.get_origin(annotation) is typing.Annotated:
        return typing.get_args(annotation)[1:]
    return tuple(each for argument in typing.get_args(annotation) for each in _metadata(argument))


def _cut_array(values: np.ndarray, start: int, end: int) -> np.ndarray:
    inside = values[start:end]
    return np.pad(inside, [(0, end - start - len(inside)), *[(0, 0)] * (values.ndim - 1)])


def _cut_blocks(blocks: Sequence[Any], start: int, end: int) -> tuple[Any, ...]:
    """Those of ``blocks`` that hold for some of the frames, and for these only; what holds for all stays."""
    kept = []
    for block in blocks:
        kind: Any = type(block)
        if not field_types(kind).keys() >= _STRETCH:
            kept.append(block)
            continue
        first, last = max(block.start_frame, start), min(block.start_frame + block.num_frames, end)
        if first < last:
            kept.append(replace(block, start_frame=first - start, num_frames=last - first))
    return tuple(kept)
