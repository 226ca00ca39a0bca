# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes: two that share a batch, and one that is killed again and again; parts of a batch one by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from training.loop.batch_split import split
from training.stage_parts.losses import masked_latent_mean, masked_mean

from ...conftest import REPOSITORY
from ..data.test_data import made_up_data

STAGES = ("vae", "mld", "distill", "control", "correct")
KILLED = ("vae", "control")  # tests/training/test_stages.py stops and resumes every stage within one process
STEPS = 5


def command(data, folder, steps, *more):
    values = {"steps": steps, "batch_size": 5, "min_frames": 16, "validate_every": steps, "checkpoint_every": 3}
    changes = [f"--set={stage}.{key}={value}" for stage in STAGES for key, value in values.items()]
    where = ["--data", str(data), "--run", str(folder), "--out", str(folder / "out")]
    return ["-m", "training.all", "--recipe", "debug", *where, *changes, *more]


def environment():
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def run(*arguments):
    done = subprocess.run(arguments, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def log(folder, stage):
    path = folder / f"{stage}_log.jsonl"
    return {line["step"]: line for line in map(json.loads, path.read_text().splitlines())} if path.is_file() else {}


def assert_same_losses(one, other, tolerance):
    for stage in STAGES:
        ours, theirs = log(one, stage), log(other, stage)
        assert ours.keys() == theirs.keys() and ours
        for step in ours:
            terms = [key for key in ours[step] if key.startswith("train/")]
            assert terms
            for key in terms:
                assert ours[step][key] == pytest.approx(theirs[step][key], abs=tolerance, rel=tolerance), (stage, step)


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    return made_up_data.__wrapped__(tmp_path_factory.mktemp("data"))  # the fixture's function, for the whole module


@pytest.fixture(scope="module")
def alone(motions, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("alone")
    run(sys.executable, *command(motions, folder, STEPS))
    return folder


def test_two_processes_give_the_losses_of_one(motions, alone, tmp_path):
    launch = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0")
    run(sys.executable, *launch, *command(motions, tmp_path, STEPS))
    assert_same_losses(alone, tmp_path, 1e-5)
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_killed_again_and_again_and_resumed_gives_the_same(motions, alone, tmp_path):
    arguments = [sys.executable, *command(motions, tmp_path, STEPS)]
    for stage in KILLED:
        process = subprocess.Popen(arguments, cwd=REPOSITORY, env=environment(), stderr=subprocess.PIPE, text=True)
        while 4 not in log_if_whole(tmp_path, stage) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    run(*arguments)
    assert_same_losses(alone, tmp_path, 1e-6)
    for stage in STAGES:
        ours, theirs = (torch.load(f / f"{stage}.pt", weights_only=True)["module"] for f in (tmp_path, alone))
        assert all((ours[key] - theirs[key]).abs().max() < 1e-6 for key in theirs), stage


def log_if_whole(folder, stage):
    try:
        return log(folder, stage)
    except ValueError:  # a line half written
        return {}


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_weighted_parts_add_up_to_the_whole(parts):
    """Means over samples and over real tokens alike, their gradients too, with more parts than samples."""
    torch.manual_seed(0)
    weight = torch.randn(3, dtype=torch.float64, requires_grad=True)
    whole = {"x": torch.randn(5, 6, 3, dtype=torch.float64), "mask": torch.arange(6) < torch.arange(1, 6)[:, None]}

    def terms(batch):
        values = (batch["x"] * weight).square()
        return {"samples": masked_mean(values, batch["mask"]), "tokens": masked_latent_mean(values, batch["mask"])}

    def counts(batch):
        return {"tokens": batch["mask"].sum()}

    expected = terms(whole)
    wanted = torch.autograd.grad(sum(expected.values()), weight, retain_graph=True)[0]
    added = dict.fromkeys(expected, 0.0)
    for part, share in split(whole, parts, range(parts), counts):
        for name, value in terms(part).items():
            added[name] = added[name] + share(name) * value
    assert {name: value.item() for name, value in added.items()} == pytest.approx(
        {name: value.item() for name, value in expected.items()}, rel=1e-12
    )
    torch.testing.assert_close(torch.autograd.grad(sum(added.values()), weight)[0], wanted)
