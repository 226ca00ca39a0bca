# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways that lead around obstacles: clear of them, smooth, to one side, and no other where nothing stands in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, Obstacle, PromptBlock, Result
from blender_addon.shared.skeleton import FPS, SKELETON
from blender_addon.shared.solids import penetration
from engine.checkpoints.folder import EMBEDDED
from engine.control.detour import BODY_M, around_obstacles
from engine.motion_order import MotionOrder
from engine.pipeline import Pipeline
from engine.validate import order_of

FRAMES = 110
PILLAR = Obstacle("capsule", (0.05, 1.0, 3.0), (0.25, 1.0, 0.0), margin=0.05)
SOLIDS = {
    "pillar": PILLAR,
    "box": Obstacle("box", (0.2, 0.5, 2.5), (0.3, 0.5, 0.3), (0.9, 0.0, 0.43, 0.0)),
    "sphere": Obstacle("sphere", (-0.2, 1.0, 2.8), (0.4, 0.0, 0.0)),
}


def line(*obstacles: Obstacle, every: int = 1) -> Generate:
    """A walk of six metres ahead, keyed in each ``every`` frame."""
    signal = ControlSignal.empty(FRAMES)
    signal.hint[::every, 0, 1], signal.hint[::every, 0, 2] = 0.93, np.linspace(0, 6, FRAMES)[::every]
    signal.hint_mask[::every, 0] = True
    block = PromptBlock("a person walks forward", 0, FRAMES)
    return Generate(
        "x", (block,), FRAMES, signal.hint, signal.hint_mask, free_height=True, obstacles=obstacles, heading=0.0
    )


def led(request: Generate) -> MotionOrder:
    """What the engine follows."""
    return around_obstacles(order_of(request))[0]


@pytest.mark.parametrize("name", SOLIDS)
def test_a_way_leads_around_smoothly_and_comes_back(name: str) -> None:
    request = line(SOLIDS[name])
    way = led(request).signal.hint[:, 0]
    assert penetration(SOLIDS[name], request.hint[:, 0])[0].max() > 0
    assert penetration(SOLIDS[name], way)[0].max() < -BODY_M + 0.03
    aside = way[:, 0]
    assert (aside >= -1e-6).all() or (aside <= 1e-6).all()
    assert np.abs(aside[[0, -1]]).max() == 0 and np.abs(aside).max() < 1.2
    assert np.abs(np.diff(aside, 2)).max() * FPS**2 < 5.0  # m/s^2


def test_several_in_a_row_are_passed_without_entering_the_next() -> None:
    solids = [replace(PILLAR, centre=(x, 1.0, z)) for x, z in ((0.05, 1.5), (-0.55, 3.0), (0.1, 4.5))]
    way = led(line(*solids)).signal.hint[:, 0]
    assert max(penetration(solid, way)[0].max() for solid in solids) < -0.15


def test_what_is_beside_above_or_low_and_what_may_wait_changes_nothing() -> None:
    beside = replace(PILLAR, centre=(0.6, 1.0, 3.0))
    beam, step = Obstacle("box", (0, 1.75, 3), (1, 0.1, 0.1)), Obstacle("box", (0, 0.1, 3), (0.5, 0.1, 0.1))
    behind = replace(PILLAR, centre=(0.0, 1.0, -2.0))
    for request in (line(), line(beside), line(beam), line(step), line(behind), line(PILLAR, every=FRAMES)):
        order = order_of(request)
        assert around_obstacles(order) == (order, None)
    waiting = order_of(replace(line(PILLAR), slack=np.ones((FRAMES, 22), np.int32)))
    assert around_obstacles(waiting) == (waiting, None)


def test_hips_that_say_where_to_look_go_along_and_another_joint_may_wait() -> None:
    request = line(PILLAR)
    hint, mask, slack = request.hint.copy(), request.hint_mask.copy(), np.zeros((FRAMES, 22), np.int32)
    left, wrist = SKELETON.indices("left_hip", "left_wrist")
    hint[::4, left] = hint[::4, 0] + [0.06, -0.08, 0.0]
    mask[::4, left], mask[30, wrist], slack[30, wrist] = True, True, 5
    bent = led(replace(request, hint=hint, hint_mask=mask, slack=slack)).signal
    assert np.abs(bent.hint[:, 0, 0]).max() > 0.3
    np.testing.assert_allclose(bent.hint[::4, left] - bent.hint[::4, 0], hint[::4, left] - hint[::4, 0], atol=1e-6)
    np.testing.assert_array_equal(bent.hint[:, wrist], hint[:, wrist])
    assert (bent.hint[~mask[:, left], left] == 0).all()


def test_between_distant_keys_points_are_added_and_the_keys_stay() -> None:
    request = line(PILLAR, every=FRAMES - 1)
    bent, offset = around_obstacles(order_of(request))
    keys, hint = request.hint_mask[:, 0], bent.signal.hint
    np.testing.assert_array_equal(hint[keys], request.hint[keys])
    added = bent.signal.hint_mask[:, 0] & ~keys
    assert added.sum() > 30 and (bent.tolerance[added, 0] > 0).all() and (bent.tolerance[keys, 0] == 0).all()
    assert penetration(PILLAR, hint[added, 0])[0].max() < -BODY_M + 0.03
    assert offset is not None and offset.shape == (FRAMES, 3) and offset.dtype == np.float32
    straight = line(every=1).hint[:, 0]  # the path that the keys mean
    np.testing.assert_allclose(straight[added] + offset[added], hint[added, 0], atol=1e-6)
    assert not offset[~added].any()


def test_a_key_that_lies_clear_is_met_beside_an_obstacle() -> None:
    request = line(PILLAR, every=22)
    bent = led(request).signal
    clear = request.hint_mask[:, 0] & (np.abs(request.hint[:, 0, 2] - 3.0) > 0.7)
    np.testing.assert_array_equal(bent.hint[clear], request.hint[clear])


@pytest.mark.skipif(not (EMBEDDED / "model.safetensors").is_file(), reason="needs the embedded weights")
@pytest.mark.parametrize("every", [1, FRAMES - 1])
def test_a_walk_goes_around_a_pillar_without_shaking_and_says_how_far_it_left_its_way(every: int) -> None:
    request = line(PILLAR, every=every)
    (result,) = [item for item in Pipeline.load(device="cpu").generate(request) if isinstance(item, Result)]
    joints = result.joints[0].astype(np.float64)
    assert penetration(PILLAR, joints)[0].max() < 0.005
    pelvis = joints[:, 0]
    assert np.linalg.norm(np.diff(pelvis, 2, axis=0), axis=-1).max() * FPS**2 < 8.0
    turns = np.diff(np.unwrap(np.arctan2(*np.diff(pelvis[:, [0, 2]], axis=0).T)))
    assert np.degrees(np.abs(turns).max()) * FPS < 200
    aside = np.abs(pelvis[:, 0]).max()
    assert aside > 0.4
    assert result.path_offset is not None and result.met_frames is None
    np.testing.assert_allclose(pelvis[:, 0], result.path_offset[:, 0], atol=0.06 if every == 1 else 0.2)
    missed = result.control_errors[0]
    assert missed.maximum == pytest.approx(aside, abs=0.02) if every == 1 else missed.maximum < 0.001
