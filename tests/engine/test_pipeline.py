# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline with the embedded model: from a request to joints in the world."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from blender_addon.shared import quat
from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.errors import BadControl, BadRequest
from blender_addon.shared.protocol import Generate, Progress, PromptBlock, Result, Welcome
from blender_addon.shared.skeleton import SKELETON
from engine.bench.measure import counting
from engine.checkpoints.folder import EMBEDDED
from engine.longform.variations import SEED_STEP
from engine.pipeline import Pipeline

from .helpers.random_model import save_random_model

FRAMES = 81
PELVIS = SKELETON.index("pelvis")


@pytest.fixture(scope="module")
def pipeline():
    if not (EMBEDDED / "model.safetensors").is_file():
        pytest.skip("needs the embedded weights")
    return Pipeline.load(device="cpu")


def walk_signal(origin=(0.0, 0.0, 0.0), heading=0.0, free_height=False) -> ControlSignal:
    """A gentle curve at 1 m/s, placed and turned."""
    times = np.linspace(0, 4, 41)
    points = np.stack([0.3 * np.sin(times), 0 * times + 0.93, times], -1)
    points = quat.rotate(quat.from_yaw(np.asarray(heading)), points) + np.asarray(origin)
    return ControlSignal.from_tracks({"pelvis": (times, points)}, FRAMES, every_frame=True, free_height=free_height)


def request_for(signal: ControlSignal | None = None, **changes) -> Generate:
    signal = signal or ControlSignal.empty(FRAMES)
    block = PromptBlock("a person walks forward", 0, signal.num_frames)
    request = Generate(
        "r", (block,), signal.num_frames, signal.hint, signal.hint_mask, seed=5, free_height=signal.free_height
    )
    return dataclasses.replace(request, **changes)


def run(pipeline, request) -> Result:
    *_, result = pipeline.generate(request)
    return result


def test_progress_rises_and_ends_with_the_result(pipeline):
    *progress, result = pipeline.generate(request_for(walk_signal()))
    assert all(isinstance(item, Progress) and item.request_id == "r" for item in progress)
    fractions = [item.fraction for item in progress]
    assert fractions == sorted(fractions) and fractions[0] > 0 and fractions[-1] <= 1
    assert (
        isinstance(result, Result) and result.joints.shape == (1, FRAMES, 22, 3) and result.joints.dtype == np.float32
    )
    assert result.foot_contacts.shape == (1, FRAMES, 4) and result.model_hash == pipeline.describe().model_hash
    assert result.timing["Total"] == pytest.approx(sum(v for k, v in result.timing.items() if k != "Total"))


def test_the_path_is_followed_and_the_error_is_what_it_says(pipeline):
    signal = walk_signal()
    refined, raw = (run(pipeline, request_for(signal, refine=on, exact=False)) for on in (True, False))
    for result in (refined, raw):
        measured = control_errors(result.joints[0], signal)
        assert result.control_errors[0].average == pytest.approx(measured.mean(), abs=1e-6)
        assert result.control_errors[0].maximum == pytest.approx(measured.max(), abs=1e-6)
    assert refined.control_errors[0].average < 0.01 < 0.5
    assert refined.control_errors[0].average < raw.control_errors[0].average


def test_bones_keep_plausible_lengths(pipeline):
    joints = run(pipeline, request_for(walk_signal())).joints[0]
    for joint in range(1, 22):
        length = np.linalg.norm(joints[:, joint] - joints[:, SKELETON.parents[joint]], axis=-1)
        assert abs(length.mean() - np.linalg.norm(SKELETON.offsets[joint])) < 0.04, SKELETON.names[joint]


def test_same_request_same_bytes(pipeline):
    first, second = (run(pipeline, request_for(walk_signal())) for _ in range(2))
    assert first.joints.tobytes() == second.joints.tobytes()
    assert run(pipeline, request_for(walk_signal(), seed=6)).joints.tobytes() != first.joints.tobytes()


def test_a_path_elsewhere_gives_the_same_motion_there(pipeline):
    """Moving and turning the path moves and turns the motion: nothing is bent to fit the model."""
    origin, heading = np.array([12.0, 0.0, -30.0]), 2.5
    here = run(pipeline, request_for(walk_signal())).joints[0]
    there = run(pipeline, request_for(walk_signal(origin, heading))).joints[0]
    expected = quat.rotate(quat.from_yaw(np.asarray(heading)), here.astype(float)) + origin
    assert np.abs(there - expected).max() < 5e-3


def test_text_alone_drives_without_controls(pipeline):
    result = run(pipeline, request_for())
    assert np.isfinite(result.joints).all() and result.control_errors[0].average == 0
    np.testing.assert_allclose(result.joints[0, 0, PELVIS, [0, 2]], 0, atol=1e-5)
    other = request_for(prompts=(PromptBlock("a person sits down", 0, FRAMES),))
    assert np.abs(run(pipeline, other).joints - result.joints).max() > 0.05


def test_heading_turns_a_motion_without_a_path(pipeline):
    plain = run(pipeline, request_for()).joints[0].astype(float)
    turned = run(pipeline, request_for(heading=1.0)).joints[0]
    np.testing.assert_allclose(turned, quat.rotate(quat.from_yaw(np.asarray(1.0)), plain), atol=1e-4)


def test_a_path_on_the_ground_leaves_the_height_to_the_model(pipeline):
    result = run(pipeline, request_for(walk_signal(free_height=True)))
    assert np.ptp(result.joints[0, :, PELVIS, 1]) > 2 * np.ptp(
        run(pipeline, request_for(walk_signal())).joints[0, :, PELVIS, 1]
    )


def test_variations_differ_and_the_first_is_the_single_one(pipeline):
    single, several = (run(pipeline, request_for(walk_signal(), num_variations=n)) for n in (1, 3))
    assert several.joints.shape[0] == len(several.control_errors) == len(several.foot_skating) == 3
    assert several.joints[0].tobytes() == single.joints[0].tobytes()
    assert np.abs(several.joints[0] - several.joints[1]).max() > 0.01


@pytest.mark.parametrize(
    "signal",
    [walk_signal(), ControlSignal.empty(FRAMES), ControlSignal.empty(240)],
    ids=["path", "text", "two windows, the second of which goes on where the variation's own first has ended"],
)
def test_variations_made_together_are_what_their_seeds_make_alone(pipeline, signal):
    several = request_for(signal, num_variations=6, refine=False, exact=False, plant_feet=False)
    made = run(pipeline, several).joints
    for index, joints in enumerate(made):
        alone = dataclasses.replace(several, num_variations=1, seed=several.seed + index * SEED_STEP)
        np.testing.assert_allclose(joints, run(pipeline, alone).joints[0], atol=1e-3)
    assert run(pipeline, several).joints.tobytes() == made.tobytes()


def test_the_same_path_is_read_once_and_another_one_anew(tmp_path):
    pipeline = Pipeline.load(save_random_model(tmp_path / "model"), device="cpu")  # it has a ControlNet
    pipeline.warm_up()

    def reading(signal: ControlSignal, seed: int) -> tuple[float, bytes]:
        done = counting(pipeline.generate(request_for(signal, seed=seed, closeness=0.0)))
        return done.stages["Reading the controls"].operations, done.result.joints.tobytes()

    first, second = walk_signal(), walk_signal()
    first.hint[20, PELVIS, 0] += 0.02  # unlike the other tests' path
    second.hint[40, PELVIS, 0] += 0.05
    fresh, joints = reading(first, 5)
    assert fresh > 0
    again, same = reading(first, 5)
    assert again == 0 and same == joints
    other_seed, others = reading(first, 6)
    assert other_seed == 0 and others != joints
    assert reading(second, 5)[0] == fresh
    assert reading(first, 5) == (fresh, joints)
    first.hint[40, PELVIS, 0] += 0.05  # in the arrays that were handed in
    assert reading(first, 5)[0] == fresh


def test_half_precision_runs_through_and_stays_near(pipeline):
    half = Pipeline.load(device="cpu")
    half.networks.to(dtype=torch.float16)  # as on a graphics card; processors are not offered it
    request = request_for(walk_signal(), num_inference_steps=1, refine=False, plant_feet=False, closeness=0.0)
    miss = np.linalg.norm(run(half, request).joints - run(pipeline, request).joints, axis=-1)
    assert 0 < miss.mean() < 3e-4 and miss.max() < 2e-3  # metres; 0.16 mm and 1.1 mm when this was written


def test_loading_and_a_known_prompt_leave_libraries_alone_that_are_slow_to_import(pipeline):
    pipeline.warm_up()  # its sentence is in the cache now
    script = (
        "import sys; from engine.pipeline import Pipeline; Pipeline.load(device='cpu').warm_up(); "
        "print(*{'sympy', 'transformers', 'scipy.ndimage', 'typer'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == ""


def test_warm_up_and_description(pipeline):
    pipeline.warm_up()
    welcome = pipeline.describe()
    assert isinstance(welcome, Welcome) and welcome.skeleton == SKELETON.names == welcome.joints and welcome.fps == 20


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"prompts": (PromptBlock("  ", 0, FRAMES),)}, BadRequest, "empty"),
        ({"prompts": (PromptBlock("a" * 2000, 0, FRAMES),)}, BadRequest, "2000"),
        ({"prompts": ()}, BadRequest, "no prompt"),
        ({"num_frames": 1}, BadRequest, "1 frames"),
        ({"num_frames": 20_000}, BadRequest, "20000 frames"),
        ({"num_variations": 0}, BadRequest, "variations"),
        ({"num_variations": 1000}, BadRequest, "variations"),
        ({"num_inference_steps": -1}, BadRequest, "steps"),
        ({"num_inference_steps": 999}, BadRequest, "steps"),
        ({"guidance_scale": float("nan")}, BadRequest, "guidance"),
        ({"heading": float("inf")}, BadRequest, "heading"),
        ({"hint": np.zeros((10, 22, 3), np.float32), "hint_mask": np.zeros((10, 22), bool)}, BadRequest, "10 frames"),
        (
            {"hint": np.full((FRAMES, 22, 3), np.nan, np.float32), "hint_mask": np.ones((FRAMES, 22), bool)},
            BadControl,
            "finite",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_work(pipeline, changes, error, words):
    with pytest.raises(error) as caught:
        next(pipeline.generate(request_for(**changes)))
    assert words in caught.value.message and caught.value.hint
    assert run(pipeline, request_for()).joints.shape[0] == 1, "the pipeline still serves"
