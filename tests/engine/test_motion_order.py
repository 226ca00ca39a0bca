# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's inner request: nothing of the wire's is lost, and every field of frames is cut with them."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, Ground, GroundPatch, Obstacle, PromptBlock, RelativeTarget
from blender_addon.shared.wire import Array
from engine.motion_order import DEFAULT_CLOSENESS, MotionOrder
from engine.validate import order_of

FRAMES = 50
SIGNAL = {"hint", "hint_mask", "free_height"}
NOT_IN_THE_ORDER = {"request_id", "num_frames", "stream"}
"""The answers' label, what the signal's length tells, and how the answer is sent."""


@dataclasses.dataclass(frozen=True, eq=False)
class MoreOrder(MotionOrder):
    """An order as it may become: with more fields of frames, and none of them known to ``window``."""

    speed: Annotated[np.ndarray, Array("float32", "T")]
    steering: Annotated[np.ndarray, Array("bool", "T", 5)] | None
    second: ControlSignal
    weights: Annotated[np.ndarray, Array("float32", 22)]


@dataclasses.dataclass(frozen=True, eq=False)
class UndeclaredOrder(MotionOrder):
    speed: np.ndarray


def request_of_everything() -> Generate:
    rng = np.random.default_rng(1)
    return Generate(
        "r",
        (PromptBlock("a person walks", 0, 30), PromptBlock("a person sits down", 30, 20)),
        FRAMES,
        (0.01 * rng.normal(size=(FRAMES, 22, 3))).astype(np.float32),
        rng.random((FRAMES, 22)) < 0.2,
        tolerance=rng.random((FRAMES, 22)).astype(np.float32),
        slack=rng.integers(0, 9, (FRAMES, 22)).astype(np.int32),
        relative=(
            RelativeTarget("left_wrist", "pelvis", (0.2, 0.0, 0.0), 5, 20),
            RelativeTarget("head", "pelvis", (0.0, 0.6, 0.0), 0, 4),
        ),
        obstacles=(Obstacle("sphere", (0.0, 0.0, 3.0), (1.0, 0.0, 0.0)),),
        base=rng.normal(size=(FRAMES, 22, 3)).astype(np.float32),
        base_mask=rng.random(FRAMES) < 0.5,
        seed=3,
        num_inference_steps=2,
        guidance_scale=4.0,
        refine=False,
        num_variations=3,
        heading=0.5,
        free_height=True,
        plant_feet=False,
        exact=False,
        loop=True,
        in_place=True,
        closeness=0.25,
        ground=Ground(0.5, np.zeros(2, np.float32), (GroundPatch(0, FRAMES, (0.0, 0.0), 1, 2, 0),)),
    )


def extended(**more: object) -> MoreOrder:
    order = order_of(request_of_everything())
    given = {field.name: getattr(order, field.name) for field in dataclasses.fields(order)}
    return MoreOrder(**given, **more)  # type: ignore[arg-type]


def test_every_field_of_a_request_reaches_the_order() -> None:
    request = request_of_everything()
    order = order_of(request)
    own = {field.name for field in dataclasses.fields(order)} - {"signal"}
    assert own | SIGNAL | NOT_IN_THE_ORDER == {field.name for field in dataclasses.fields(request)}
    for name in own:
        np.testing.assert_array_equal(getattr(order, name), getattr(request, name), name)
    assert order.num_frames == FRAMES and order.signal.free_height
    np.testing.assert_array_equal(order.signal.hint_mask, request.hint_mask)
    np.testing.assert_array_equal(order.signal.hint, np.where(request.hint_mask[..., None], request.hint, 0))


def test_what_was_not_given_is_there_and_asks_for_nothing() -> None:
    request = request_of_everything()
    order = order_of(dataclasses.replace(request, tolerance=None, slack=None, base=None, base_mask=None))
    for name in ("tolerance", "slack", "base", "base_mask"):
        full = getattr(request, name)
        assert getattr(order, name).shape == full.shape and getattr(order, name).dtype == full.dtype
        assert not getattr(order, name).any()


def test_how_close_to_captured_motion_is_the_default_when_it_is_not_said() -> None:
    assert order_of(dataclasses.replace(request_of_everything(), closeness=None)).closeness == DEFAULT_CLOSENESS


def test_a_window_holds_what_is_requested_in_its_frames_and_nothing_beyond_the_end() -> None:
    order = order_of(request_of_everything())
    part = order.window(10, 60)
    assert part.num_frames == 50
    for whole, cut in (
        (order.signal.hint, part.signal.hint),
        (order.signal.hint_mask, part.signal.hint_mask),
        *((getattr(order, name), getattr(part, name)) for name in ("tolerance", "slack", "base", "base_mask")),
    ):
        assert cut.dtype == whole.dtype
        np.testing.assert_array_equal(cut[:40], whole[10:])
        assert not cut[40:].any()
    assert [(t.joint, t.start_frame, t.num_frames) for t in part.relative] == [("left_wrist", 0, 15)]
    assert [(block.start_frame, block.num_frames) for block in part.prompts] == [(0, 20), (20, 20)]
    assert [(p.start_frame, p.num_frames) for p in part.ground.patches] == [(0, 40)]
    assert part.obstacles == order.obstacles and part.signal.free_height and part.guidance_scale == 4.0


def test_a_field_of_frames_that_is_added_is_cut_without_a_word() -> None:
    rng = np.random.default_rng(2)
    speed, steering = rng.random(FRAMES).astype(np.float32), rng.random((FRAMES, 5)) < 0.5
    weights = np.arange(22, dtype=np.float32)
    second = ControlSignal(rng.random((FRAMES, 22, 3)).astype(np.float32), np.ones((FRAMES, 22), bool))
    part = extended(speed=speed, steering=steering, second=second, weights=weights).window(10, 30)
    np.testing.assert_array_equal(part.speed, speed[10:30])
    assert part.steering is not None
    np.testing.assert_array_equal(part.steering, steering[10:30])
    np.testing.assert_array_equal(part.second.hint, second.hint[10:30])
    np.testing.assert_array_equal(part.weights, weights)
    assert extended(speed=speed, steering=None, second=second, weights=weights).window(10, 30).steering is None


def test_an_array_that_does_not_say_whether_it_is_of_frames_is_refused() -> None:
    order = order_of(request_of_everything())
    given = {field.name: getattr(order, field.name) for field in dataclasses.fields(order)}
    with pytest.raises(TypeError, match="value a frame"):
        UndeclaredOrder(**given, speed=np.zeros(FRAMES)).window(0, 10)  # type: ignore[arg-type]
