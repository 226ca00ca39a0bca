# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints by age and by merit, the log of a run that goes on, and a disk that is full."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from blender_addon.shared.errors import BadCheckpoint, BadRequest
from training.loop.checkpoints import TrainingStopped, load_exported, save
from training.loop.curves import draw_curves, read_log
from training.loop.loop import run_task
from training.loop.schedule import StageSchedule
from training.loop.trainer import Task

from ...conftest import REPOSITORY

ERRORS = {2: 3.0, 4: 1.0, 6: 2.0, 8: 5.0}


def toy(tmp_path, **changes):
    """A line through the origin that learns 3; its validation errors are made up."""
    values = {"steps": 8, "batch_size": 4, "learning_rate": 0.1, "warmup_steps": 1, "validate_every": 2}
    stage = StageSchedule(**(values | {"checkpoint_every": 1} | changes))
    torch.manual_seed(0)
    calls = iter(ERRORS.values())

    def draw(generator, step):
        return {"x": torch.randn(4, 1, generator=generator)}

    def loss(module, part):
        error = (module(part["x"]) - 3 * part["x"]).square().mean()
        return {"square": error, "loss": error}

    line = torch.nn.Linear(1, 1)
    return Task("toy", stage, line, draw, loss, lambda module: {"error": next(calls)}, ("error",))


def test_checkpoints_are_kept_by_age_and_the_best_by_validation(tmp_path):
    trained = run_task(toy(tmp_path, keep_last=3), tmp_path)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["toy-00000006.pt", "toy-00000007.pt", "toy-00000008.pt"]
    best = torch.load(tmp_path / "toy_best.pt", weights_only=True)
    assert best["step"] == 4 and best["value"] == 1.0
    last = load_exported(tmp_path / "toy.pt", torch.nn.Linear(1, 1))
    assert torch.equal(last.weight, trained.weight)
    other = load_exported(tmp_path / "toy.pt", torch.nn.Linear(1, 1), use="best")
    assert torch.equal(other.weight, best["module"]["weight"]) and not torch.equal(other.weight, last.weight)


def test_the_first_step_has_no_learning_rate_and_the_schedule_is_a_cosine(tmp_path):
    task = toy(tmp_path, warmup_steps=2, steps=6, validate_every=1)
    task = dataclasses.replace(task, validate=lambda module: {}, criterion=())
    start = task.module.weight.item()
    run_task(dataclasses.replace(task, stage=dataclasses.replace(task.stage, steps=1)), tmp_path / "one")
    assert task.module.weight.item() == start
    run_task(task, tmp_path / "all")
    rates = [line["lr"] for line in read_log(tmp_path / "all" / "toy_log.jsonl")]
    expected = [0.05, 0.1, *(0.05 * (1 + torch.tensor(torch.pi * k / 4).cos().item()) for k in range(1, 5))]
    assert rates == pytest.approx(expected, abs=1e-7)


def test_clipping_bounds_the_gradient(tmp_path):
    norms = []
    task = toy(tmp_path, gradient_clip=1e-3)
    step = torch.optim.AdamW.step

    def watched(self, *rest):
        norms.append(sum(p.grad.square().sum() for g in self.param_groups for p in g["params"]).sqrt().item())
        return step(self, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", watched)
        run_task(task, tmp_path)
    assert len(norms) == 8 and max(norms) == pytest.approx(1e-3, rel=1e-2)


def test_a_gradient_that_is_not_finite_never_reaches_the_weights(tmp_path):
    task = toy(tmp_path, validate_every=100)
    count = iter(range(100))

    def loss(module, part):
        error = module(part["x"]).square().mean()
        if next(count) == 5:
            error = (
                error + (module.weight - module.weight.detach()).abs().sqrt().sum()
            )  # finite, with an infinite slope
        return {"square": error, "loss": error}

    with pytest.raises(TrainingStopped, match=r"gradient .* step 5"):
        run_task(dataclasses.replace(task, loss=loss), tmp_path)
    state = torch.load(tmp_path / "toy.pt", weights_only=True)
    assert state["step"] == 5 and torch.isfinite(state["module"]["weight"]).all()


def test_a_request_to_end_before_the_first_figures_is_no_trouble(tmp_path):
    task = toy(tmp_path)

    def draw(generator, step):
        os.kill(os.getpid(), signal.SIGTERM)
        return task.draw(generator, step)

    rare = dataclasses.replace(task.stage, validate_every=100)
    run_task(dataclasses.replace(task, draw=draw, stage=rare), tmp_path / "asked")
    assert torch.load(tmp_path / "asked" / "toy.pt", weights_only=True)["step"] in (1, 2)
    assert not list((tmp_path / "asked").glob("*_curves.png"))


def test_a_request_to_end_leaves_a_checkpoint_to_go_on_from(tmp_path):
    plain = run_task(toy(tmp_path), tmp_path / "plain")
    task = toy(tmp_path)

    def draw(generator, step):
        if step == 2 and not (tmp_path / "asked" / "toy.pt").exists():
            os.kill(os.getpid(), signal.SIGTERM)
        return task.draw(generator, step)

    rare = dataclasses.replace(task.stage, checkpoint_every=100)
    run_task(dataclasses.replace(task, draw=draw, stage=rare), tmp_path / "asked")
    stopped = torch.load(tmp_path / "asked" / "toy.pt", weights_only=True)["step"]
    assert stopped in (3, 4)
    again = run_task(dataclasses.replace(task, draw=draw, validate=lambda module: {"error": 0.0}), tmp_path / "asked")
    assert torch.equal(again.weight, plain.weight)
    assert [line["step"] for line in read_log(tmp_path / "asked" / "toy_log.jsonl")] == [2, 4, 6, 8]


def test_a_frozen_parameter_stays_and_a_wrong_name_is_told(tmp_path):
    task = toy(tmp_path, freeze=("bias",))
    before = task.module.bias.clone(), task.module.weight.clone()
    run_task(task, tmp_path)
    assert torch.equal(task.module.bias, before[0]) and not torch.equal(task.module.weight, before[1])
    with pytest.raises(BadRequest, match="bais"):
        run_task(toy(tmp_path, freeze=("bais",)), tmp_path / "other")


def test_log_lines_after_the_checkpoint_are_taken_back(tmp_path):
    run_task(toy(tmp_path, steps=4), tmp_path)
    path = tmp_path / "toy_log.jsonl"
    whole = path.read_text()
    path.write_text(whole + json.dumps({"step": 6, "train/loss": 9.0}) + '\n{"step": 8, "tr')
    run_task(toy(tmp_path, steps=6), tmp_path)
    lines = read_log(path)
    assert [line["step"] for line in lines] == [2, 4, 6] and lines[-1]["train/loss"] != 9.0
    assert path.read_text().startswith(whole)
    assert draw_curves(tmp_path, "toy").read_bytes().startswith(b"\x89PNG")


def test_another_or_damaged_checkpoint_is_told(tmp_path):
    run_task(toy(tmp_path), tmp_path)
    with pytest.raises(BadCheckpoint, match="networks"):
        load_exported(tmp_path / "toy.pt", torch.nn.Linear(2, 2))
    path = tmp_path / "toy.pt"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadCheckpoint, match="damaged"):
        run_task(toy(tmp_path), tmp_path)


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from training.loop.checkpoints import save, TrainingStopped
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
save({"step": 1, "module": {"w": torch.zeros(10)}}, folder / "toy.pt", 2)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    save({"step": 2, "module": {"w": torch.zeros(100_000)}}, folder / "toy.pt", 2)
except TrainingStopped as error:
    print(error.hint)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are a thing of POSIX")
def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0 and "Free some disk space" in done.stdout, done.stderr
    assert torch.load(tmp_path / "toy.pt", weights_only=True)["step"] == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_only_one_checkpoint_is_kept_when_asked(tmp_path):
    for step in (1, 2):
        save({"step": step}, tmp_path / "toy.pt", keep_last=1)
    assert not (tmp_path / "checkpoints").exists() and torch.load(tmp_path / "toy.pt", weights_only=True)["step"] == 2
