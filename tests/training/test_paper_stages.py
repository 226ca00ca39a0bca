# SPDX-License-Identifier: GPL-3.0-or-later
"""The published recipes with small networks, all four stages: whole clips by epochs, and in bfloat16."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from accelerate.state import AcceleratorState

from engine.checkpoints.folder import load_folder
from training import all as pipeline
from training.export import export
from training.recipes import get_recipe
from training.runs.command_line import open_run
from training.runs.run import Run
from training.stage_parts.modules import STAGES

from .data.test_data import made_up_data  # noqa: F401

SIZES = {"hidden_width": 32, "feedforward_width": 48, "num_layers": 3, "text_width": 24, "time_width": 32,
         "guidance_width": 16, "control_embedding_width": 16}  # fmt: skip


def small(name, **changes):
    recipe = get_recipe(name)
    own = {"latent_width": 32} if recipe.model.variant == "v1" else {"latent_width": 8, "num_latent_tokens": 4}
    stages = {
        stage: dataclasses.replace(getattr(recipe, stage), epochs=3, warmup_steps=1, validate_every=2)
        for stage in STAGES
    }
    return dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, **SIZES, **own), **stages, **changes)


@pytest.fixture(autouse=True)
def forget_precision():
    """A process of accelerate's keeps the precision it began with."""
    AcceleratorState._reset_state()
    yield
    AcceleratorState._reset_state()


@pytest.fixture(autouse=True)
def made_up_text(monkeypatch):
    def embeddings(self):
        return torch.randn(len(self.texts), 24, generator=torch.Generator().manual_seed(1))

    monkeypatch.setattr(Run, "text_embeddings", embeddings)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("paper_v1", {}),
        ("paper_v2", {}),
        ("paper_v2_all", {"mixed_precision": "bf16"}),
        ("paper_v2_temporal", {"control_base": "mld"}),
    ],
)
def test_four_stages_and_export(name, changes, made_up_data, tmp_path):  # noqa: F811
    run = open_run(small(name, **changes), made_up_data, tmp_path / "run")
    assert run.recipe.vae.steps == 3  # one clip to train on: one step an epoch
    pipeline.run_all(run)
    networks = load_folder(export(run, tmp_path / "out"))
    assert networks.kind == ("mld" if changes.get("control_base") else "lcm")
    assert networks.statistics.hint_std.min() > 0 and networks.statistics.hint_mean.any()
    trained = [stage for stage in STAGES if (run.folder / f"{stage}_log.jsonl").is_file()]
    assert trained == ["vae", "mld", *(["distill"] if networks.kind == "lcm" else []), "control"]
    for stage in trained:
        log = run.folder / f"{stage}_log.jsonl"
        for line in map(json.loads, log.read_text().splitlines()):
            assert all(value == value and abs(value) < 1e6 for key, value in line.items() if key.startswith("train/"))
