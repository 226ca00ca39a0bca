# SPDX-License-Identifier: GPL-3.0-or-later
"""All stages with the debug recipe on made-up data, one after the other: train, kill, resume, export, generate."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from blender_addon.shared.errors import BadCheckpoint, BadRequest
from engine.checkpoints.folder import load_folder
from training import control, correct, distill, mld, vae
from training.evaluate import evaluate
from training.evaluation.control_accuracy import CaptionedClips, ControlGrid
from training.export import export, load_run
from training.loop.checkpoints import TrainingStopped
from training.loop.loop import run_stage
from training.loop.schedule import StageSchedule
from training.loop.trainer import Trainer
from training.recipes import DEBUG, get_recipe
from training.runs.command_line import open_run
from training.runs.run import Run
from training.stage_parts.modules import STAGES

from .data.test_data import made_up_data  # noqa: F401

STEPS = 4
MODULES = (vae, mld, distill, control, correct)


@pytest.fixture(scope="module")
def recipe():
    short = {
        "steps": STEPS,
        "batch_size": 2,
        "validate_every": 2,
        "checkpoint_every": 2,
        "min_frames": 16,
        "max_frames": 40,
    }
    stages = {name: dataclasses.replace(getattr(DEBUG, name), **short) for name in STAGES}
    model = dataclasses.replace(DEBUG.model, hidden_width=32, feedforward_width=32, latent_width=8, vae_hidden_width=16,
                                control_width=16, corrector_width=16, control_embedding_width=16)  # fmt: skip
    return dataclasses.replace(DEBUG, model=model, **stages)


@pytest.fixture
def run(recipe, made_up_data, tmp_path) -> Run:  # noqa: F811
    return open_run(recipe, made_up_data, tmp_path / "run")


def losses(run: Run, stage: str) -> dict[int, float]:
    lines = (run.folder / f"{stage}_log.jsonl").read_text().splitlines()
    return {entry["step"]: entry["train/loss"] for entry in map(json.loads, lines)}


def test_all_stages_export_and_evaluate(run, tmp_path):
    for stage in MODULES:
        stage.train(run)
    networks = load_run(run)
    folder = export(run, tmp_path / "checkpoint", about_data="The motions were made up.")
    loaded = load_folder(folder)
    for key, tensor in networks.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key
    card = (folder / "README.md").read_text()
    assert "The motions were made up." in card and f"{', '.join(f'{name} {STEPS}' for name in STAGES)}" in card
    assert all((run.folder / f"{name}_curves.png").stat().st_size > 1000 for name in ("vae", "control"))
    figures = evaluate(loaded, CaptionedClips(run.clips["val"], run.text_embeddings()[:1]), ControlGrid((1,)))
    assert figures["reconstruction"]["mpjpe_mm"] > 0
    assert all(np.isfinite(row["error_cm"]) for row in figures["control"])


@pytest.mark.parametrize(
    "stage", [vae, mld, distill, control, correct], ids=lambda module: module.__name__.split(".")[-1]
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(stage, run, tmp_path, monkeypatch):
    for earlier in MODULES:
        if earlier is stage:
            break
        earlier.train(run)
    name = stage.__name__.split(".")[-1]
    cut = dataclasses.replace(run, folder=tmp_path / "cut")
    shutil.copytree(run.folder, cut.folder)
    stage.train(run)
    # The power goes after the checkpoint at step 2.
    real_save = Trainer.save

    def save_then_die(session, folder):
        real_save(session, folder)
        if session.step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "save", save_then_die)
    with pytest.raises(KeyboardInterrupt):
        stage.train(cut)
    monkeypatch.setattr(Trainer, "save", real_save)
    stage.train(cut)
    assert losses(cut, name) == losses(run, name) and len(losses(run, name)) == 2
    ours, theirs = (torch.load(each.folder / f"{name}.pt", weights_only=True)["module"] for each in (cut, run))
    assert all((ours[key] - theirs[key]).abs().max() < 1e-6 for key in theirs)


def test_a_run_of_the_first_release_is_resumed(run):
    """Its checkpoints hold neither sums nor the best figure, its record knows fewer values of the recipe."""
    vae.train(run)
    path = run.folder / "vae.pt"
    state = torch.load(path, weights_only=True)
    torch.save({key: value for key, value in state.items() if key not in ("sums", "best")}, path)
    record = run.folder / "run.json"
    about = json.loads(record.read_text())
    del about["recipe"]["control_task"]
    record.write_text(json.dumps(about))
    longer = dataclasses.replace(run.recipe, vae=dataclasses.replace(run.recipe.vae, steps=STEPS + 2))
    vae.train(dataclasses.replace(run, recipe=longer))
    assert losses(run, "vae").keys() == {2, 4, 6}


def test_a_controlnet_on_the_diffusion_model(run, tmp_path):
    recipe = dataclasses.replace(run.recipe, control_base="mld", control_loss_kind="sum", control_use_3d=False)
    based = dataclasses.replace(run, recipe=recipe)
    for stage in (vae, mld, control):
        stage.train(based)
    loaded = load_folder(export(based, tmp_path / "checkpoint"))
    assert loaded.kind == "mld" and loaded.config.has_control
    best = torch.load(run.folder / "control_best.pt", weights_only=True)
    assert best["step"] in (2, 4) and np.isfinite(best["value"])


def test_stages_out_of_order_are_told(run):
    with pytest.raises(BadCheckpoint, match="missing"):
        mld.train(run)


def test_unknown_recipe_gets_a_suggestion():
    with pytest.raises(BadRequest) as error:
        get_recipe("smal")
    assert "small" in error.value.hint


def test_nan_stops_and_keeps_the_last_checkpoint(tmp_path):
    module = torch.nn.Linear(2, 1)
    stage = StageSchedule(
        steps=10, batch_size=1, learning_rate=0.1, warmup_steps=0, checkpoint_every=2, validate_every=100
    )
    count = [0]

    def step(layer, generator):
        count[0] += 1
        value = layer(torch.ones(1, 2)).sum()
        return {"loss": value * float("nan") if count[0] == 5 else value}

    with pytest.raises(TrainingStopped, match="no longer finite"):
        run_stage("toy", stage, module, step, lambda layer: {}, tmp_path)
    state = torch.load(tmp_path / "toy.pt", weights_only=True)
    assert state["step"] == 4 and torch.isfinite(state["module"]["weight"]).all()


def test_the_linear_code_comes_from_principal_components(run):
    """With as many components as there are directions in the data the code alone reconstructs it."""
    model = vae.build_vae(dataclasses.replace(run.recipe.model, latent_width=64)).eval()
    mean, std = run.statistics
    vae.initialise_from_components(model, run.clips["train"], mean, std, stride=1)
    figures = vae.reconstruction_figures(model, run.clips["train"], mean, std)
    assert figures["mpjpe_mm"] < 5
    untrained = vae.reconstruction_figures(vae.build_vae(run.recipe.model).eval(), run.clips["train"], mean, std)
    assert untrained["mpjpe_mm"] > 10 * figures["mpjpe_mm"]
