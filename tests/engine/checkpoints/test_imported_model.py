# SPDX-License-Identifier: GPL-3.0-or-later
"""A published kind of file on its whole way: imported by the command line, loaded by the pipeline, joints at the
end.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import BadRequest, TextEncoderError
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from engine.models.config import PAPER_V1, PAPER_V2, as_mld
from engine.models.text_encoder import FOLDERS_VARIABLE
from engine.pipeline import Pipeline

from ..conftest import TINY_V2, tiny_networks

SIZES = {
    "hidden_width": 16,
    "feedforward_width": 32,
    "num_layers": 3,
    "text_width": TINY_V2.text_width,
    "time_width": 16,
    "control_embedding_width": 10,
}
V2 = dataclasses.replace(PAPER_V2, **SIZES, guidance_width=8)
V1 = dataclasses.replace(PAPER_V1, **SIZES, guidance_width=8, latent_width=16)
MLD = dataclasses.replace(as_mld(PAPER_V2), **SIZES)


@pytest.fixture
def imported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that ``gaitway import-checkpoint`` has made of a reduced-size file in the published form."""
    networks = tiny_networks(request.param)
    torch.save({"state_dict": networks.state_dict()}, tmp_path / "published.ckpt")
    statistics = networks.statistics
    for suffix, mean, std in (
        ("", statistics.feature_mean, statistics.feature_std),
        ("_raw", statistics.hint_mean, statistics.hint_std),
    ):
        np.save(tmp_path / f"Mean{suffix}.npy", mean)
        np.save(tmp_path / f"Std{suffix}.npy", std)
    command = [sys.executable, "-m", "engine.cli", "import-checkpoint", str(tmp_path / "published.ckpt")]
    options = ["--humanml3d", str(tmp_path), "--spatial-stats", str(tmp_path), "--out", str(tmp_path / "model")]
    run = subprocess.run(command + options, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return tmp_path / "model"


def walk(num_frames: int, **options: object) -> Generate:
    hint = np.zeros((num_frames, 22, 3), dtype=np.float32)
    hint[:, 0] = np.linspace((1.0, 0.9, 2.0), (1.0, 0.9, 5.0), num_frames)
    mask = np.zeros((num_frames, 22), dtype=bool)
    mask[::9, 0] = True
    return Generate("one", (PromptBlock("a person walks", 0, num_frames),), num_frames, hint, mask, **options)


def joints(pipeline: Pipeline, request: Generate) -> np.ndarray:
    *_, result = pipeline.generate(request)
    assert isinstance(result, Result)
    return result.joints


@pytest.mark.parametrize("imported", [V2, V1, MLD], indirect=True, ids=lambda c: c.name)
def test_from_a_published_file_to_joints(
    imported: Path, tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_t5, tmp_path / "encoders" / "sentence-t5-large")
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "encoders"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pipeline = Pipeline.load(imported, device="cpu")
    steps = 3 if pipeline.config.kind == "mld" else 2
    first = joints(pipeline, walk(60, num_inference_steps=steps, seed=3, num_variations=2))
    assert first.shape == (2, 60, 22, 3)
    assert np.isfinite(first).all()
    assert not np.allclose(first[0], first[1])
    assert joints(pipeline, walk(60, num_inference_steps=steps, seed=3, num_variations=2)).tobytes() == first.tobytes()
    empty = ControlSignal.empty(60)
    free = dataclasses.replace(walk(60, num_inference_steps=steps, seed=3), hint=empty.hint, hint_mask=empty.hint_mask)
    assert np.isfinite(joints(pipeline, free)).all()  # text alone drives
    long = joints(pipeline, walk(300, num_inference_steps=steps, plant_feet=False, exact=False))
    assert long.shape == (1, 300, 22, 3) and np.isfinite(long).all()
    kept = np.arange(300) < 200
    again = walk(300, num_inference_steps=steps, seed=9, plant_feet=False, exact=False, base=long[0], base_mask=kept)
    anew = joints(pipeline, again)[0]
    assert anew[kept].tobytes() == long[0, kept].tobytes() and np.isfinite(anew).all()
    assert not np.allclose(anew[~kept], long[0, ~kept])
    with pytest.raises(BadRequest):
        joints(pipeline, walk(60, num_inference_steps=5000))


@pytest.mark.parametrize("imported", [V2], indirect=True, ids=lambda c: c.name)
def test_without_its_text_encoder(imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(TextEncoderError, match="sentence-t5-large") as caught:
        Pipeline.load(imported, device="cpu")
    assert FOLDERS_VARIABLE in caught.value.hint
