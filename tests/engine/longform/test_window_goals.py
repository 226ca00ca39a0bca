# SPDX-License-Identifier: GPL-3.0-or-later
"""A diffusion model without a ControlNet, refined onto its hints between the steps of sampling."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import Generate, Progress, PromptBlock, Result
from engine.models.config import as_mld
from engine.pipeline import Pipeline

from ..helpers.random_model import CONFIG, save_random_model

FRAMES = 64
RAW = {"exact": False, "plant_feet": False}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Pipeline:
    config = dataclasses.replace(
        as_mld(CONFIG),
        control=False,
        prediction_type="sample",
        timesteps_map={4: (999, 749, 499, 249)},
        default_num_inference_steps=4,
        guidance_scale=2.5,
        refining_steps=2,
    )
    return Pipeline.load(save_random_model(tmp_path_factory.mktemp("model"), config), device="cpu")


def led(pipeline: Pipeline, **changes: Any) -> tuple[list[Progress], Result, ControlSignal]:
    """Progress and result of a request that leads the pelvis along a line, and its hints."""
    signal = ControlSignal.empty(FRAMES)
    signal.hint[:, 0] = np.linspace([0.0, 0.9, 0.0], [0.6, 0.9, 1.2], FRAMES)
    signal.hint_mask[:, 0] = True
    block = PromptBlock("a person walks", 0, FRAMES)
    *progress, result = pipeline.generate(
        Generate("r", (block,), FRAMES, signal.hint, signal.hint_mask, **({"closeness": 0.0} | changes))
    )
    return progress, result, signal


def test_it_takes_controls(pipeline):
    assert pipeline.has_control and "pelvis" in pipeline.describe().joints


def test_it_is_led_along_its_hints(pipeline):
    _, refined, signal = led(pipeline, num_variations=2, **RAW)
    _, free, _ = led(pipeline, refine=False, **RAW)
    assert max(control_errors(joints, signal).max() for joints in refined.joints) < 0.01
    assert control_errors(free.joints[0], signal).max() > 0.1
    _, delivered, _ = led(pipeline)
    assert control_errors(delivered.joints[0], signal).max() < 1e-4


def test_progress_never_goes_back_and_ends(pipeline):
    progress, _, _ = led(pipeline, num_variations=2)
    shares = [item.fraction for item in progress]
    assert shares == sorted(shares) and shares[-1] <= 1.0
    assert sum(item.stage == "Sampling" for item in progress) >= 2 * 4
