# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tuning from a published file and from an own folder; statistics that are given, and wrong ones."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from blender_addon.shared.errors import BadCheckpoint, BadFile
from engine.checkpoints.folder import load_folder, load_published
from engine.checkpoints.published import read_tensors
from training import control, vae
from training.export import export
from training.loop.checkpoints import load_exported
from training.recipes import get_recipe
from training.runs.command_line import open_run
from training.runs.finetune import initialise_from_checkpoint, partial_load

from ..data.test_data import made_up_data  # noqa: F401

SHORT = {"steps": 2, "batch_size": 2, "min_frames": 16, "max_frames": 40, "sampling": "crops", "epochs": 0}
STAGES = ("vae", "mld", "distill", "control")


@pytest.fixture
def published(shared_dir, tmp_path):
    """A published-style .ckpt of small V1 networks, the recipe for its sizes, and its statistics' folder."""
    source = shared_dir / "fixtures" / "v1_control_t.safetensors"
    torch.save({"state_dict": read_tensors(source)}, tmp_path / "small.ckpt")
    recipe = get_recipe("paper_v1")
    stages = {name: dataclasses.replace(getattr(recipe, name), **SHORT) for name in STAGES}
    model = dataclasses.replace(load_published(source).config, text_encoder="none")
    recipe = dataclasses.replace(recipe, model=model, **stages)
    return tmp_path / "small.ckpt", recipe, shared_dir / "data" / "humanml3d_sample"


@pytest.fixture(autouse=True)
def made_up_text(monkeypatch):
    """These networks take text of a width that no encoder has."""
    from training.runs.run import Run

    def embeddings(self):
        generator = torch.Generator().manual_seed(1)
        return torch.randn(len(self.texts), self.recipe.model.text_width, generator=generator)

    monkeypatch.setattr(Run, "text_embeddings", embeddings)


def test_a_controlnet_is_tuned_further_from_a_published_file(published, made_up_data, tmp_path):  # noqa: F811
    file, recipe, statistics = published
    with pytest.raises(BadFile, match="without the statistics"):
        open_run(recipe, made_up_data, tmp_path / "run", start_from=file)
    run = open_run(recipe, made_up_data, tmp_path / "run", start_from=file, statistics_folder=statistics)
    assert json.loads((run.folder / "run.json").read_text())["from"] == {"checkpoint": "small.ckpt", "did_not_fit": []}
    np.testing.assert_array_equal(run.statistics[0], np.load(statistics / "Mean.npy"))
    given = load_published(file)
    control.train(run)  # on the autoencoder and the consistency model of the file, which were not trained here
    folder = export(run, tmp_path / "out")
    tuned = load_folder(folder)
    for name, tensor in given.state_dict().items():
        same = torch.equal(tensor, tuned.state_dict()[name])
        assert same or name.startswith(("controlnet", "traj_encoder")), name
    trained = "controlnet.controlnet_down_mid_blocks.0.weight"
    assert not torch.equal(given.state_dict()[trained], tuned.state_dict()[trained])
    assert "from the checkpoint `small.ckpt`" in (folder / "README.md").read_text()

    again = open_run(recipe, made_up_data, tmp_path / "second", start_from=folder)
    torch.testing.assert_close(again.statistics[1], run.statistics[1])
    torch.testing.assert_close(again.hint_statistics[0], control.hint_statistics(run)[0])
    assert torch.equal(load_exported(again.folder / "vae.pt", vae.build_vae(recipe.model)).final_layer.weight,
                       given.vae.final_layer.weight)  # fmt: skip
    vae.train(again)
    assert torch.load(again.folder / "vae.pt", weights_only=True)["step"] == 2


def test_what_does_not_fit_is_listed_and_the_rest_is_used(published, made_up_data, tmp_path, capsys):  # noqa: F811
    file, recipe, statistics = published
    wider = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, text_width=40))
    run = open_run(wider, made_up_data, tmp_path / "run", start_from=file, statistics_folder=statistics)
    told = capsys.readouterr().err
    assert "distill: emb_proj.1.weight is (32, 48) in the checkpoint, (32, 40) here" in told and "vae" not in told
    listed = json.loads((run.folder / "run.json").read_text())["from"]["did_not_fit"]
    assert len(listed) == 2 and listed[1].startswith("control: controlnet.emb_proj.1.weight")
    state = torch.load(run.folder / "distill.pt", weights_only=True)["module"]
    assert torch.equal(state["query_pos.pe"], load_published(file).denoiser.query_pos.pe)


def test_nothing_that_fits_is_an_error(tmp_path):
    with pytest.raises(BadCheckpoint, match="Nothing in other"):
        initialise_from_checkpoint({"vae.unknown": torch.zeros(3)}, get_recipe("debug"), tmp_path, 0, "other")
    assert not list(tmp_path.iterdir())


def test_partial_load_counts_and_tells():
    layer = torch.nn.Linear(2, 3)
    number, lines = partial_load(layer, {"weight": torch.ones(3, 2), "bias": torch.ones(4), "more": torch.ones(1)})
    assert number == 1 and layer.weight.eq(1).all() and len(lines) == 2
    assert lines == ["bias is (4,) in the checkpoint, (3,) here", "more of the checkpoint has no place here"]


def test_a_run_that_has_begun_takes_no_checkpoint(made_up_data, tmp_path):  # noqa: F811
    open_run(get_recipe("debug"), made_up_data, tmp_path / "run")
    with pytest.raises(BadFile, match="without --from"):
        open_run(get_recipe("debug"), made_up_data, tmp_path / "run", start_from=tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    ("mean", "std", "told"),
    [
        (np.zeros(251), np.ones(251), "shape"),
        (np.zeros(263), np.zeros(263), "deviations of zero"),
        (np.full(263, np.nan), np.ones(263), "not finite"),
        (None, np.ones(263), "no mean"),
    ],
)
def test_wrong_statistics_stop_the_run(mean, std, told, made_up_data, tmp_path):  # noqa: F811
    if mean is not None:
        np.save(tmp_path / "Mean.npy", mean)
    np.save(tmp_path / "Std.npy", std)
    with pytest.raises(BadFile, match=told):
        open_run(get_recipe("debug"), made_up_data, tmp_path / "run", statistics_folder=tmp_path)
    np.savez(tmp_path / "run" / "statistics.npz", **({} if mean is None else {"mean": mean}), std=std)
    with pytest.raises(BadFile, match=told):
        open_run(get_recipe("debug"), made_up_data, tmp_path / "run")


def test_an_empty_split_stops_the_run(made_up_data, tmp_path):  # noqa: F811
    captions = made_up_data / "captions.jsonl"
    captions.write_text(captions.read_text().replace('"val"', '"test"'))
    with pytest.raises(BadFile, match="'val'"):
        open_run(get_recipe("debug"), made_up_data, tmp_path / "run")
