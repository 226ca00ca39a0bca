# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions of other tools, read by the real ``gaitway convert`` in its own process, on the character as takes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import preferences
from blender_addon.app import import_motion, timer
from blender_addon.app.generation import GENERATION
from blender_addon.shared import space
from blender_addon.shared.skeleton import SKELETON

from ..helpers import rigs, scenes
from ..helpers.engines import ENGINE_PYTHON, wait_for


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python in which the engine is installed: Blender hands the command none of its own paths."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    tried = [ENGINE_PYTHON, "-m", "engine.cli", "convert", "--help"]
    done = subprocess.run(tried, cwd=tmp_path_factory.mktemp("elsewhere"), env=environment, capture_output=True)
    if done.returncode != 0:
        pytest.skip("needs the engine installed in this Python, or in the one of GAITWAY_ENGINE_PYTHON")
    return ENGINE_PYTHON


@pytest.fixture
def settings(addon, command: str) -> bpy.types.PropertyGroup:
    preferences.get().engine_command = command
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


def walk(num_frames: int = 60, fps: float = 20.0, speed: float = 1.0) -> np.ndarray:
    """A stiff figure in T-pose that glides along the model's +X, facing it, from a place away from the origin."""
    pose = np.zeros((22, 3))
    for joint in range(1, 22):
        pose[joint] = pose[SKELETON.parents[joint]] + SKELETON.offsets[joint]
    pose[:, 1] += 1.5  # floating
    quarter = np.stack([pose[:, 2], pose[:, 1], -pose[:, 0]], -1)  # +Z turned onto +X
    along = np.arange(num_frames) / fps * speed
    return quarter + np.stack([along + 4, 0 * along, 0 * along - 2], -1)[:, None]


def bring(path: Path, **options: object) -> None:
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.gaitway.import_motion(filepath=str(path), **options) == {"FINISHED"}
    assert GENERATION.busy
    wait_for(lambda: not GENERATION.busy)


def hips(settings: bpy.types.PropertyGroup, frames: range) -> np.ndarray:
    return np.array([scenes.evaluated(settings.character, frame, "mixamorig:Hips") for frame in frames])


@pytest.mark.parametrize("kind", ["npy", "npz", "mdm", "pickle"])
def test_every_kind_of_file_becomes_a_take(settings, tmp_path: Path, kind: str) -> None:
    joints = walk().astype(np.float32)
    path = tmp_path / {"npy": "walk.npy", "npz": "walk.npz", "mdm": "results.npy", "pickle": "walk.pkl"}[kind]
    if kind == "npy":
        np.save(path, joints)
    elif kind == "npz":
        np.savez(path, joints=joints, fps=20.0, prompt="a person glides")
    elif kind == "mdm":
        motion = np.stack([joints, joints]).transpose(0, 2, 3, 1)
        np.save(path, {"motion": motion, "text": ["a", "a person glides"], "lengths": np.array([30, 60])})
    else:
        path.write_bytes(pickle.dumps({"joints": joints, "text": "a person glides"}))
    bring(path, sample=1 if kind == "mdm" else 0)
    assert GENERATION.error is None, GENERATION.error
    (take,) = settings.takes.items
    assert take.prompt == ("walk" if kind == "npy" else "a person glides") and "3.0 s" in GENERATION.report[0]
    assert settings.character.animation_data.action == take.action
    places = hips(settings, range(1, 72, 10))
    scale = GENERATION.captured.body.scale
    # At the character and the way it looks, which is Blender's -Y but for the 0.6 degrees by which the hips of the
    # T-pose are askew: 1 m/s of the file at the size of the body.
    assert np.abs(places[:, 0] - places[0, 0]).max() < 0.04
    assert np.allclose(np.diff(places[:, 1]), -10 / 24 * scale, atol=1e-3)
    rest = settings.character.matrix_world @ settings.character.data.bones["mixamorig:Hips"].head_local
    assert np.allclose(places[0, :2], rest[:2], atol=1e-3) and abs(places[0, 2] - rest[2]) < 0.1
    bpy.ops.ed.undo()
    assert not bpy.context.scene.gaitway.takes.items and not bpy.data.actions


def test_a_take_from_a_file_is_repeated_without_file_or_engine(settings, tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", walk())
    bring(tmp_path / "walk.npy")
    places = hips(settings, range(1, 72, 10))
    (tmp_path / "walk.npy").unlink()
    bpy.ops.gaitway.take_repeat()
    wait_for(lambda: not GENERATION.busy)
    assert GENERATION.error is None and len(settings.takes.items) == 2
    assert np.allclose(hips(settings, range(1, 72, 10)), places, atol=1e-6)


@pytest.mark.parametrize("fps", [12.5, 30.0, 60.0])
def test_the_rate_of_the_file_is_honoured(settings, tmp_path: Path, fps: float) -> None:
    joints = walk(round(2 * fps) + 1, fps)
    np.savez(tmp_path / "walk.npz", joints=joints, fps=fps)
    bring(tmp_path / "walk.npz")
    moved = hips(settings, range(1, 50, 48))
    assert np.linalg.norm(moved[1] - moved[0]) == pytest.approx(2.0 * GENERATION.captured.body.scale, abs=1e-3)
    np.save(tmp_path / "walk.npy", joints)  # an array tells no rate
    bring(tmp_path / "walk.npy", frame_rate=fps)
    again = hips(settings, range(1, 50, 48))
    assert np.allclose(moved, again, atol=1e-4)


def test_where_the_file_has_it(settings, tmp_path: Path) -> None:
    joints = walk()
    np.save(tmp_path / "walk.npy", joints)
    bring(tmp_path / "walk.npy", at_character=False, on_floor=False)
    scale = GENERATION.captured.body.scale
    expected = space.model_to_blender(joints[[0, 59], 0] * scale)
    places = np.array([scenes.evaluated(settings.character, frame, "mixamorig:Hips") for frame in (1, 1 + 59 * 1.2)])
    assert np.allclose(places[:, :2], expected[:, :2], atol=2e-3)
    assert np.allclose(places[:, 2] - GENERATION.captured.body.floor, expected[:, 2], atol=2e-3)


def nothing_happened(settings: bpy.types.PropertyGroup, *words: str) -> None:
    message, hint = GENERATION.error
    assert all(word in f"{message} {hint}" for word in words), GENERATION.error
    assert hint and "Traceback" not in message + hint
    assert not bpy.data.actions and not settings.takes.items and settings.character.animation_data is None


def test_what_is_wrong_with_a_file_is_said(settings, tmp_path: Path) -> None:
    bring(tmp_path / "gone.npz")
    nothing_happened(settings, "gone.npz", "no file")
    np.save(tmp_path / "other.npy", np.zeros((10, 24, 3)))
    bring(tmp_path / "other.npy")
    nothing_happened(settings, "24 joints")
    np.save(tmp_path / "walk.npy", walk())
    bring(tmp_path / "walk.npy", sample=3)
    nothing_happened(settings, "no sample 3")
    (tmp_path / "bad.npz").write_bytes(b"PK nonsense")
    bring(tmp_path / "bad.npz")
    nothing_happened(settings, "bad.npz")


def test_a_file_with_code_in_it_is_refused(settings, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    bring(tmp_path / "evil.pkl")
    nothing_happened(settings)
    assert not (tmp_path / "ran").exists()


def test_cancelling_leaves_everything_and_no_process(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    really_start = import_motion._start
    monkeypatch.setattr(import_motion, "_start", lambda *args: started.append(really_start(*args)) or started[-1])
    np.save(tmp_path / "walk.npy", walk())
    bpy.ops.gaitway.import_motion(filepath=str(tmp_path / "walk.npy"))
    assert GENERATION.step_label == "Reading the file"
    timer.tick()
    assert started[0].poll() is None  # it reads
    bpy.ops.gaitway.cancel()
    assert not GENERATION.busy and started[0].poll() is not None
    nothing_happened(settings, "Cancelled")


def test_without_an_engine_that_converts(settings, tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", walk())
    preferences.get().engine_command = f"{sys.executable} -m tests.blender.helpers.walking_engine"
    with pytest.raises(RuntimeError, match="cannot convert"):
        bpy.ops.gaitway.import_motion(filepath=str(tmp_path / "walk.npy"))
    settings.character = None
    with pytest.raises(RuntimeError, match="Choose an armature"):
        bpy.ops.gaitway.import_motion(filepath=str(tmp_path / "walk.npy"))


def test_the_menu_and_the_drop_know_the_files() -> None:
    assert (
        import_motion.is_importable("/a/walk.NPZ")
        and import_motion.is_importable("x.pkl")
        and not import_motion.is_importable("/a/walk.bvh")
    )
    reader = Path(__file__).parents[3] / "engine" / "inputs" / "motions.py"
    assert f"SUFFIXES = {import_motion.SUFFIXES}".replace("'", '"') in reader.read_text()
