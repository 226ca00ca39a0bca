# SPDX-License-Identifier: GPL-3.0-or-later
"""A session and ``gaitway serve`` with a real model: bad requests are refused with a remedy, the process goes on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from blender_addon.engine_link.session import Session
from blender_addon.shared.connection import read_connection
from blender_addon.shared.protocol import Error, Generate, PromptBlock, Result
from blender_addon.shared.skeleton import SKELETON

from ...engine.helpers.random_model import save_random_model

ROOT = Path(__file__).resolve().parents[3]
# The child must find this very checkout, installed or not; EngineProcess rightly drops PYTHONPATH.
GAITWAY = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from engine.cli import app; app()",
]
EMBEDDED = Path(engine.__file__).parent / "weights" / "model.safetensors"
PATIENCE = 180.0
FRAMES = 60


def serving(folder: Path, *more: str) -> Iterator[Session]:
    path = folder / "engine.json"
    options = ["--device", "cpu", "--connection-file", str(path), "--log-file", str(folder / "engine.log")]
    session = Session("test", "1")
    session.start_engine([*GAITWAY, "serve", *options, *more], folder / "output.log", path)
    pump_until(session, lambda: session.state in ("ready", "offline"))
    assert session.state == "ready", session.error
    yield session
    session.shutdown(PATIENCE)


def pump_until(session: Session, condition: Callable[[], bool]) -> list[Any]:
    finished: list[Any] = []
    deadline = time.monotonic() + PATIENCE
    while not condition() and not finished:
        finished += session.pump(time.monotonic())
        assert time.monotonic() < deadline, f"{session.state}: {session.status}"
        time.sleep(0.01)
    return finished


def answer(session: Session, request: Generate) -> Any:
    session.submit(request)
    (finished,) = pump_until(session, lambda: False)
    assert finished.request_id == request.request_id
    return finished


def walk(**options: Any) -> Generate:
    """Two metres forward in three seconds; ``options`` replace fields."""
    hint = np.zeros((FRAMES, 22, 3), np.float32)
    hint[:, SKELETON.index("pelvis")] = np.linspace((1.0, 0.95, 5.0), (3.0, 0.95, 5.0), FRAMES)
    mask = np.zeros((FRAMES, 22), bool)
    mask[:, SKELETON.index("pelvis")] = True
    return replace(Generate("walk", (PromptBlock("a person walks", 0, FRAMES),), FRAMES, hint, mask), **options)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("engine")
    yield from serving(folder, "--checkpoint", str(save_random_model(folder / "model")))


def hint_with(value: float) -> np.ndarray:
    hint = walk().hint.copy()
    hint[10, 0, 1] = value
    return hint


BAD: dict[str, dict[str, Any]] = {
    "no prompt at all": {"prompts": ()},
    "empty prompt": {"prompts": (PromptBlock("  ", 0, FRAMES),)},
    "endless prompt": {"prompts": (PromptBlock("walk " * 3000, 0, FRAMES),)},
    "one frame": {
        "num_frames": 1,
        "hint": np.zeros((1, 22, 3), np.float32),
        "hint_mask": np.zeros((1, 22), bool),
    },
    "longer than ten minutes": {
        "prompts": (PromptBlock("a person walks", 0, 20_000),),
        "num_frames": 20_000,
        "hint": np.zeros((20_000, 22, 3), np.float32),
        "hint_mask": np.zeros((20_000, 22), bool),
    },
    "a gap between prompts": {"prompts": (PromptBlock("a person walks", 0, 20), PromptBlock("a person runs", 30, 30))},
    "half of a motion to keep": {"base": np.zeros((FRAMES, 22, 3), np.float32)},
    "nothing to make": {"base": walk().hint, "base_mask": np.ones(FRAMES, bool)},
    "a length the controls do not have": {"num_frames": FRAMES + 1},
    "a length beyond all bounds": {"num_frames": 2**62},
    "a negative length": {"num_frames": -5},
    "nan": {"hint": hint_with(np.nan)},
    "infinity": {"hint": hint_with(np.inf)},
    "a hint on the moon": {"hint": hint_with(4e8)},
    "no variation": {"num_variations": 0},
    "a billion variations": {"num_variations": 10**9},
    "negative steps": {"num_inference_steps": -1},
    "a billion steps": {"num_inference_steps": 10**9},
    "absurd guidance": {"guidance_scale": -1e30},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_with_a_remedy_and_the_next_one_served(session: Session, name: str) -> None:
    error = answer(session, walk(request_id=name, **BAD[name]))
    assert isinstance(error, Error), name
    assert error.code in ("bad_request", "bad_control"), error
    assert error.message and error.hint and session.state == "ready"
    assert isinstance(answer(session, walk()), Result)


@pytest.mark.parametrize("seed", [0, -1, 2**63 - 1, -(2**63)])
def test_every_seed_works_and_gives_the_same_bytes_again(session: Session, seed: int) -> None:
    first, second = (answer(session, walk(seed=seed, num_variations=2)) for _ in range(2))
    assert isinstance(first, Result) and first.seed == seed
    assert first.joints.tobytes() == second.joints.tobytes() and np.isfinite(first.joints).all()
    assert first.joints[0].tobytes() != first.joints[1].tobytes()


def test_a_long_motion_arrives_in_parts_and_can_be_cancelled_between_them(session: Session) -> None:
    frames = 2000
    long = walk(
        request_id="long",
        prompts=(PromptBlock("a person walks", 0, 700), PromptBlock("a person runs", 700, frames - 700)),
        num_frames=frames,
        hint=np.zeros((frames, 22, 3), np.float32),
        hint_mask=np.zeros((frames, 22), bool),
        stream=True,
    )
    session.submit(long)
    pump_until(session, lambda: len(session.parts) > 0)
    assert session.request_id == "long", "the first part came with the end"
    (result,) = pump_until(session, lambda: False)
    assert isinstance(result, Result) and result.joints.shape == (1, frames, 22, 3)
    assert np.concatenate([part.joints for part in session.parts], 1).tobytes() == result.joints.tobytes()
    session.submit(long)
    pump_until(session, lambda: len(session.parts) > 0)
    session.cancel()
    (answered,) = pump_until(session, lambda: False)
    assert isinstance(answered, Error) and answered.code == "cancelled"
    assert isinstance(answer(session, walk()), Result)


def test_without_controls_the_text_alone_drives(session: Session) -> None:
    result = answer(session, walk(hint_mask=np.zeros((FRAMES, 22), bool)))
    assert isinstance(result, Result) and result.joints.shape == (1, FRAMES, 22, 3)


def test_cancel_in_the_middle_of_the_real_pipeline(session: Session) -> None:
    session.submit(walk(request_id="long", num_variations=16))
    pump_until(session, lambda: session.fraction > 0.05)
    session.cancel()
    (error,) = pump_until(session, lambda: False)
    assert error.request_id == "long" and error.code == "cancelled"
    assert isinstance(answer(session, walk()), Result)


def test_a_checkpoint_that_is_not_there_ends_the_start_with_its_name(tmp_path: Path) -> None:
    session = Session("test", "1")
    options = ["--checkpoint", str(tmp_path / "nothing"), "--connection-file", str(tmp_path / "engine.json")]
    options += ["--log-file", str(tmp_path / "engine.log")]
    session.start_engine([*GAITWAY, "serve", *options], tmp_path / "output.log", tmp_path / "engine.json")
    pump_until(session, lambda: session.state == "offline")
    assert session.error is not None and "nothing" in session.error[0] and "Traceback" not in session.error[0]
    assert not (tmp_path / "engine.json").exists()


@pytest.mark.skipif(not EMBEDDED.exists(), reason=f"needs the embedded model {EMBEDDED.name}")
def test_the_embedded_model_answers_a_path_somewhere_in_the_world(tmp_path: Path) -> None:
    for session in serving(tmp_path):
        request = walk(refine=True)
        result = answer(session, request)
        assert isinstance(result, Result) and read_connection(tmp_path / "engine.json").pid != os.getpid()
        distance = np.linalg.norm(result.joints[0, :, 0] - request.hint[:, 0], axis=-1)
        assert distance.mean() == pytest.approx(result.control_errors[0].average, abs=1e-4)
        assert distance.mean() < 0.1
