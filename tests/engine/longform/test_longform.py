# SPDX-License-Identifier: GPL-3.0-or-later
"""Long motions, prompts that change, loops, ranges made anew and parts, with the embedded model."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.protocol import Generate, Part, Progress, PromptBlock, Result
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.checkpoints.folder import EMBEDDED
from engine.longform.motion import MotionInProgress
from engine.pipeline import Pipeline
from engine.validate import order_of

PELVIS = SKELETON.index("pelvis")
GROUND = np.array([1.0, 0.0, 1.0])
REAL_ACCELERATION, REAL_SPEED = 84.0, 7.8  # m/s^2, m/s: 99th percentiles of the fastest joint's in captured motion


@pytest.fixture(scope="module")
def pipeline():
    if not (EMBEDDED / "model.safetensors").is_file():
        pytest.skip("needs the embedded weights")
    return Pipeline.load(device="cpu")


def winding(num_frames: int, speed: float = 1.0) -> ControlSignal:
    """A path on the ground that winds, at an even speed."""
    heading = 0.9 * np.sin(np.arange(num_frames) / FPS * speed / 3)
    steps = np.stack([np.sin(heading), 0 * heading, np.cos(heading)], -1) * speed / FPS
    points = np.cumsum(steps, 0) - steps[0] + [0.0, 0.93, 0.0]
    times = np.arange(num_frames) / FPS
    return ControlSignal.from_tracks({"pelvis": (times, points)}, num_frames, free_height=True)


def ask(num_frames: int, *texts: str, signal: ControlSignal | None = None, **changes: Any) -> Generate:
    signal = signal or ControlSignal.empty(num_frames)
    edges = [num_frames * i // len(texts) for i in range(len(texts) + 1)]
    blocks = tuple(PromptBlock(t, a, b - a) for t, (a, b) in zip(texts, itertools.pairwise(edges), strict=True))
    request = Generate("r", blocks, num_frames, signal.hint, signal.hint_mask, seed=3, free_height=signal.free_height)
    return dataclasses.replace(request, plant_feet=False, **changes)


def run(pipeline: Pipeline, request: Generate) -> Result:
    *_, result = pipeline.generate(request)
    assert isinstance(result, Result)
    return result


def accelerations(joints: np.ndarray) -> np.ndarray:
    """Of the fastest joint in each frame but the first and last, m/s^2."""
    return np.linalg.norm(np.diff(joints.astype(float), 2, axis=0), axis=-1).max(-1) * FPS**2


def test_a_long_path_is_walked_without_a_seam(pipeline):
    signal = winding(500)
    request = ask(500, "a person walks forward", "a person walks slowly", signal=signal)
    joints = run(pipeline, request).joints[0]
    assert joints.shape == (500, 22, 3) and np.isfinite(joints).all()
    assert control_errors(joints, signal).mean() < 0.01
    fast = accelerations(joints)
    for window in MotionInProgress(
        order_of(request), 0, pipeline.config.min_frames, pipeline.config.max_frames
    ).windows[1:]:
        assert fast[window.first - 3 : window.first + 2].max() < REAL_ACCELERATION


def test_parts_come_before_the_end_and_are_what_the_result_holds(pipeline):
    request = ask(420, "a person walks forward", signal=winding(420), stream=True, num_variations=2)
    *items, result = pipeline.generate(request)
    parts = [item for item in items if isinstance(item, Part)]
    assert len(parts) > 2 and parts[0].joints.shape[1] >= FPS
    place = [i for i, item in enumerate(items) if isinstance(item, Part)]
    assert place[0] < len(items) / 2, "the first part waits for the end"
    assert [p.start_frame for p in parts] == np.cumsum([0, *(p.joints.shape[1] for p in parts[:-1])]).tolist()
    assert np.concatenate([p.joints for p in parts], 1).tobytes() == result.joints.tobytes()
    assert np.concatenate([p.foot_contacts for p in parts], 1).tobytes() == result.foot_contacts.tobytes()
    silent = run(pipeline, dataclasses.replace(request, stream=False))
    assert silent.joints.tobytes() == result.joints.tobytes()
    fractions = [item.fraction for item in items if isinstance(item, Progress)]
    assert fractions == sorted(fractions) and fractions[-1] <= 1


def test_each_block_has_its_own_prompt(pipeline):
    """Changing the second sentence leaves what is made before it as it is."""
    first, second = (
        run(pipeline, ask(300, "a person walks forward", text)).joints[0]
        for text in ("a person sits", "a person jumps")
    )
    assert np.array_equal(first[:90], second[:90]) and np.abs(first[160:] - second[160:]).max() > 0.05
    assert run(pipeline, ask(100, *["a person walks", "a person runs"] * 10)).joints.shape[1] == 100


def test_keys_beyond_a_window_are_walked_towards(pipeline):
    """Two keys 20 s apart: the way between them is gone evenly, not in the last window."""
    times, points = np.array([0.0, 20.0]), np.array([[0.0, 0.93, 0.0], [0.0, 0.93, 20.0]])
    signal = ControlSignal.from_tracks({"pelvis": (times, points)}, 401, free_height=True)
    joints = run(pipeline, ask(401, "a person walks forward", signal=signal)).joints[0]
    assert control_errors(joints, signal).max() < 0.02
    halfway = joints[100:301, PELVIS]
    assert np.abs(halfway[:, 2] - np.arange(100, 301) / FPS).max() < 2.0 and np.abs(halfway[:, 0]).max() < 1.5


@pytest.mark.parametrize("num_frames", [60, 150, 300])
def test_a_loop_ends_as_it_begins(pipeline, num_frames):
    joints = run(pipeline, ask(num_frames, "a person walks forward", loop=True)).joints[0].astype(float)
    start = joints - joints[0, PELVIS] * GROUND
    end = joints - joints[-1, PELVIS] * GROUND
    np.testing.assert_allclose(end[-1], start[0], atol=2e-3)  # pose and heading
    onwards = joints[1:3] + (joints[-1, PELVIS] - joints[0, PELVIS]) * GROUND
    again = np.concatenate([joints, onwards])
    seam = accelerations(again[num_frames - 6 :])
    assert seam.max() < REAL_ACCELERATION


def test_a_loop_on_a_closed_path_comes_back(pipeline):
    turn = np.linspace(0, 2 * np.pi, 241)
    points = np.stack([2 * (1 - np.cos(turn)), 0 * turn + 0.93, 2 * np.sin(turn)], -1)
    signal = ControlSignal.from_tracks({"pelvis": (np.arange(241) / FPS, points)}, 241, free_height=True)
    joints = run(pipeline, ask(241, "a person walks in a circle", signal=signal, loop=True)).joints[0].astype(float)
    assert np.array_equal(joints[0], joints[-1])
    assert accelerations(np.concatenate([joints, joints[1:3]])[-8:]).max() < REAL_ACCELERATION
    assert control_errors(joints, signal).mean() < 0.02


def test_in_place_stays_over_its_start_and_still_walks(pipeline):
    request = ask(120, "a person walks forward", signal=winding(120))
    travels, stays = (run(pipeline, dataclasses.replace(request, in_place=on)) for on in (False, True))
    np.testing.assert_allclose(stays.joints[0][:, PELVIS, [0, 2]], 0, atol=1e-5)
    local = travels.joints - travels.joints[:, :, :1] * GROUND
    np.testing.assert_allclose(stays.joints - stays.joints[:, :, :1] * GROUND, local, atol=1e-4)
    assert stays.control_errors == travels.control_errors, "measured on the way that was walked"


@pytest.mark.parametrize("keep", [((0, 60), (120, 240)), ((0, 100),), ((140, 240),), ((0, 20), (60, 61), (200, 230))])
def test_what_is_kept_stays_to_the_bit_and_the_rest_joins_it(pipeline, keep):
    base = run(pipeline, ask(240, "a person walks forward", signal=winding(240))).joints[0]
    base = quat.rotate(quat.from_yaw(np.asarray(1.0)), base.astype(float)) + np.array([3.0, 0.0, 5.0])
    base = base.astype(np.float32)
    mask = np.zeros(240, bool)
    for start, end in keep:
        mask[start:end] = True
    request = ask(240, "a person walks slowly", base=base, base_mask=mask, num_variations=2)
    result = run(pipeline, request)
    for joints in result.joints:
        assert joints[mask].tobytes() == base[mask].tobytes()
        assert np.abs(joints[~mask] - base[~mask]).max() > 0.02, "nothing was made anew"
        fast = accelerations(joints)
        for border in np.flatnonzero(np.diff(mask.astype(int))):
            assert fast[max(border - 2, 0) : border + 2].max() < REAL_ACCELERATION


@pytest.mark.parametrize(("text", "speed"), [("a person walks forward", 1.0), ("a person runs forward", 2.2)])
def test_random_ranges_join_without_a_jolt_under_feet_that_stand(pipeline, text, speed):
    signal, random = winding(240, speed), np.random.default_rng(5)
    planted = dataclasses.replace(ask(240, text, signal=signal), plant_feet=True)
    base = run(pipeline, planted).joints[0]
    usual = np.linalg.norm(np.diff(base.astype(float), axis=0), axis=-1).max() * FPS
    own = accelerations(base).max()  # in a run it may be more than in captured motion of all kinds
    for seed in range(8):
        mask = np.ones(240, bool)
        for _ in range(int(random.integers(1, 3))):
            start = int(random.integers(0, 230))
            mask[start : start + int(random.integers(1, 100))] = False
        texts = [["a person walks slowly"], ["a person waves"], [text, "a person stops"]][seed % 3]
        request = ask(240, *texts, signal=signal if seed % 2 else None, base=base, base_mask=mask)
        joints = run(pipeline, dataclasses.replace(request, plant_feet=True, seed=seed)).joints[0]
        assert joints[mask].tobytes() == base[mask].tobytes()
        fast, speeds = accelerations(joints), np.linalg.norm(np.diff(joints.astype(float), axis=0), axis=-1).max(-1)
        for border in np.flatnonzero(np.diff(mask.astype(int))) + 1:
            near = slice(max(border - 3, 0), border + 2)
            assert fast[near].max() < max(REAL_ACCELERATION, 1.1 * own), f"seed {seed}, frame {border}"
            assert speeds[near].max() * FPS < max(REAL_SPEED, 1.1 * usual), f"seed {seed}, frame {border}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompts": (PromptBlock("a person walks", 0, 40), PromptBlock("a person runs", 50, 50))}, "frame 50"),
        ({"prompts": (PromptBlock("a person walks", 0, 40),)}, "40 frames"),
        ({"prompts": (PromptBlock("a person walks", 0, 100), PromptBlock("a person runs", 100, 0))}, "0 frames"),
        ({"base": np.zeros((100, 22, 3), np.float32)}, "mask"),
        ({"base": np.zeros((100, 22, 3), np.float32), "base_mask": np.ones(100, bool)}, "All frames"),
        ({"base": np.full((100, 22, 3), np.nan, np.float32), "base_mask": np.arange(100) < 9}, "finite"),
        ({"base": np.zeros((90, 22, 3), np.float32), "base_mask": np.arange(90) < 9}, "90 frames"),
        ({"base": np.zeros((100, 22, 3), np.float32), "base_mask": np.arange(100) < 9, "in_place": True}, "in place"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_a_remedy(pipeline, changes, words):
    with pytest.raises(BadRequest) as caught:
        next(pipeline.generate(ask(100, "a person walks", **changes)))
    assert words in caught.value.message and caught.value.hint


def test_the_result_tells_when_each_key_with_slack_is_met_in_each_variation(pipeline):
    """A wrist beside the path, whose keys may wait; the last of them lies in another window than the first."""
    signal, wrist = winding(300), SKELETON.index("left_wrist")
    slack = np.zeros((300, 22), np.int32)
    for frame in (30, 31, 120, 270):
        signal.hint[frame, wrist] = signal.hint[frame, 0] + np.float32([0.35, 0.1, 0.1])
        signal.hint_mask[frame, wrist], slack[frame, wrist] = True, 9
    slack[31, wrist] = 0
    request = ask(300, "a person walks forward", signal=signal, slack=slack, num_variations=2)
    result = run(pipeline, request)
    assert result.met_frames is not None and result.met_frames.shape == (2, 3)
    frames = np.array([30, 120, 270])
    assert (np.abs(result.met_frames - frames) <= 9).all() and (result.met_frames != frames).any()
    for joints, met in zip(result.joints, result.met_frames, strict=True):
        np.testing.assert_allclose(joints[met, wrist], signal.hint[frames, wrist], atol=0.005)
    assert run(pipeline, ask(100, "a person walks forward", signal=winding(100))).met_frames is None
