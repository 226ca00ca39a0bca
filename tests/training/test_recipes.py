# SPDX-License-Identifier: GPL-3.0-or-later
"""The published recipes to the letter, values changed on the command line, control tasks, and whole clips by epochs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from blender_addon.shared.errors import BadFile, BadRequest
from blender_addon.shared.skeleton import SKELETON
from training.control import loss_config
from training.data.clips import Clip
from training.data.hint_masks import SIX_JOINTS, ControlTask
from training.data.sampling import ClipSampler
from training.loop.schedule import StageSchedule
from training.recipes import RECIPES, get_recipe
from training.runs.command_line import with_steps
from training.runs.overrides import with_changes
from training.stage_parts.modules import base_config, stages_of

PAPER = [name for name in RECIPES if name.startswith("paper")]


@pytest.mark.parametrize("name", PAPER)
def test_what_all_published_recipes_have(name):
    recipe = get_recipe(name)
    for stage in (getattr(recipe, stage) for stage in stages_of(recipe)):
        assert (stage.warmup_steps, stage.scheduler, stage.weight_decay, stage.gradient_clip) == (1000, "cosine", 0, 1)
        assert (stage.sampling, stage.min_frames, stage.max_frames, stage.ema_decay) == ("clips", 40, 199, 0)
    assert (recipe.vae.batch_size, recipe.vae.learning_rate, recipe.vae.epochs, recipe.vae.pad_to) == (
        128, 2e-4, 6000, 200,
    )  # fmt: skip
    assert recipe.vae.weights == {"features": 1, "joints": 1, "velocity": 0, "kl": 1e-4}
    assert (recipe.mld.batch_size, recipe.mld.learning_rate, recipe.mld.epochs) == (64, 1e-4, 3000)
    assert (recipe.control.batch_size, recipe.control.learning_rate, recipe.control.epochs) == (128, 1e-4, 1000)
    assert (recipe.distill.learning_rate, recipe.distill.epochs, recipe.distill_ema) == (2e-4, 1000, 0.95)
    assert (recipe.text_dropout, recipe.guidance_range, recipe.control_base) == (0.1, (5, 15), "lcm")
    config = loss_config(recipe)
    assert (config.cond_ratio, config.rot_ratio, config.latent_weight, dict(config.motion_weights)) == (1, 0, 1, {})


def test_what_tells_the_published_recipes_apart():
    one, two, time = (get_recipe(name) for name in ("paper_v1", "paper_v2", "paper_v2_temporal"))
    assert (one.num_ddim_steps, one.huber_c, two.num_ddim_steps, two.huber_c) == (50, 1e-3, 10, 0.5)
    assert (one.control_times, one.control_guidance, two.control_times, two.control_guidance) == (
        "uniform", 6.5, "grid", None,
    )  # fmt: skip
    for recipe in (one, time):
        assert loss_config(recipe) == dataclasses.replace(loss_config(two), kind="sum", function="l2", use_3d=False)
        assert recipe.control_task == ControlTask("temporal", ("six",), share=0.25)
    assert (loss_config(two).kind, loss_config(two).function, loss_config(two).use_3d) == ("mask", "l1_smooth", True)
    assert one.model.variant == "v1" and two.model.num_latent_tokens == 16
    sets = [get_recipe(name).control_task.joint_names for name in ("paper_v2", "paper_v2_six", "paper_v2_all")]
    assert sets == [("pelvis",), SIX_JOINTS, tuple(SKELETON.names)]


def test_epochs_become_steps_with_the_last_partial_batch():
    clips = {"train": [clip_of(n) for n in (39, 40, 100, 199, 200)] * 43, "val": [clip_of(60)]}
    recipe = with_steps(get_recipe("paper_v2"), clips)
    assert recipe.vae.steps == 6000 * 2 and recipe.mld.steps == 3000 * 3  # of 129 clips
    with pytest.raises(BadFile, match="'val'"):
        with_steps(recipe, {**clips, "val": [clip_of(300)]})


def clip_of(frames: int, name: str = "c") -> Clip:
    """Every frame holds its own number."""
    return Clip(name, "train", np.repeat(np.arange(frames, dtype=np.float32)[:, None], 263, 1), (f"text {frames}",))


def test_whole_clips_come_once_an_epoch_cropped_to_fours():
    clips = [clip_of(frames) for frames in (41, 47, 62, 99, 123, 150, 199)]
    stage = StageSchedule(0, 3, 1e-4, 0, min_frames=40, max_frames=199, sampling="clips", pad_to=200)
    texts = sorted({text for clip in clips for text in clip.captions})
    sampler = ClipSampler(clips, np.zeros(263, np.float32), np.ones(263, np.float32), texts, stage)
    shorter, starts = 0, set()
    for epoch in range(40):
        batches = [sampler.draw(torch.Generator().manual_seed(3 * epoch + i), 3 * epoch + i, 5, 0.0) for i in range(3)]
        assert [len(batch.mask) for batch in batches] == [3, 3, 1]
        seen = torch.cat([batch.captions for batch in batches]).tolist()
        assert sorted(seen) == list(range(7))
        for features, mask, caption in zip(
            *(torch.cat([getattr(b, key) for b in batches]) for key in ("features", "mask", "captions")), strict=True
        ):
            frames, whole = int(mask.sum()), int(texts[caption].split()[1])
            assert features.shape == (200, 263) and frames in (whole // 4 * 4, whole // 4 * 4 - 4)
            shorter += frames < whole // 4 * 4
            start = int(features[0, 0])
            assert features[:frames, 0].tolist() == list(range(start, start + frames)) and not features[frames:].any()
            assert start + frames <= whole
            starts.add(start)
    assert 0.2 < shorter / 280 < 0.47 and len(starts) > 5
    again = sampler.draw(torch.Generator().manual_seed(4), 4, 5, 0.0)
    assert torch.equal(again.features, sampler.draw(torch.Generator().manual_seed(4), 4, 5, 0.0).features)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("vae.batch_size=64", lambda r: r.vae.batch_size == 64),
        ("mld.learning_rate=3e-4", lambda r: r.mld.learning_rate == 3e-4),
        ("control.weights.rotation=0.5", lambda r: loss_config(r).rot_ratio == 0.5),
        ("control.freeze=controlnet.query_pos,trajectory_encoder", lambda r: len(r.control.freeze) == 2),
        ("control_task.joints=head,left_wrist", lambda r: r.control_task.joint_names == ("head", "left_wrist")),
        ("control_task.densities=1,5,25", lambda r: r.control_task.densities == (1, 5, 25)),
        ("control_use_3d=False", lambda r: r.control_use_3d is False),
        ("control_guidance=6.5", lambda r: r.control_guidance == 6.5),
        ("guidance_range=(4, 8)", lambda r: r.guidance_range == (4, 8)),
        ("control_base=mld", lambda r: base_config(r).kind == "mld" and base_config(r).has_control),
        ("model.moe=True", lambda r: r.model.moe),
        ("distance=l2", lambda r: r.distance == "l2"),
    ],
)  # fmt: skip
def test_a_value_changed_on_the_command_line(change, value):
    recipe = get_recipe("paper_v2")
    assert not value(recipe) and value(with_changes(recipe, [change]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("vae.batchsize=64", "batch_size"),
        ("vae.batch_size", "name=value"),
        ("vae.batch_size=many", "128"),
        ("control_use_3d=1", "True"),
        ("mld.accumulate=0", "1 or more"),
        ("control_loss_kind=mean", "sum_mask"),
        ("vae.sampling=all", "clips"),
        ("control_task.joints=elbow", "left_elbow"),
        ("control_task.kind=space", "spatial"),
        ("control_task.densities=0", "per cent"),
    ],
)
def test_a_wrong_change_is_told(change, told):
    with pytest.raises(BadRequest) as error:
        with_changes(get_recipe("paper_v2"), [change])
    assert told in str(error.value)


def test_densities_are_frames_or_per_cent():
    mask = torch.arange(120)[None] < torch.tensor([120, 80, 40] * 100)[:, None]
    shown = ControlTask("spatial", ("six",), densities=(2, 25, 100)).draw(mask, torch.Generator().manual_seed(0))
    counts = shown.sum((1, 2)).view(100, 3)
    for column, length in enumerate((120, 80, 40)):
        assert set(counts[:, column].tolist()) == {2, length // 4, length}
    chosen = {SKELETON.names[i] for i in shown.any(1).float().argmax(1).tolist()}
    assert chosen == set(SIX_JOINTS) and (shown.any(1).sum(1) == 1).all()


def test_random_density_is_uniform_and_leaves_a_frame_out():
    mask = torch.ones(4000, 11, dtype=torch.bool)
    counts = ControlTask().draw(mask, torch.Generator().manual_seed(0)).sum((1, 2))
    share = torch.bincount(counts, minlength=12)[1:11] / 4000
    assert counts.min() == 1 and counts.max() == 10 and (share - 0.1).abs().max() < 0.02


def test_temporal_control_shows_the_first_quarter_of_the_named_joints():
    mask = torch.arange(80)[None] < torch.tensor([80, 40])[:, None]
    shown = ControlTask("temporal", ("pelvis", "head")).draw(mask, torch.Generator())
    assert shown.any(2).sum(1).tolist() == [20, 10] and shown[0, :20].sum(1).eq(2).all() and shown[0, 19, 0]
