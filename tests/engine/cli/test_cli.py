# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line on an untrained model: real networks and sentence encoder, real files."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from blender_addon.shared.errors import BadRequest, GaitwayError
from blender_addon.shared.protocol import Generate, Progress
from blender_addon.shared.protocol import Result as Motion
from blender_addon.shared.skeleton import SKELETON
from engine.bench import bench
from engine.cli import app
from engine.cli.request import build_signal, motion_frames, read_controls, request_of
from engine.install import doctor
from engine.pipeline import Pipeline

from ..helpers.bvh_reader import read_bvh
from ..helpers.motions import standing
from ..helpers.random_model import save_random_model

REPOSITORY = Path(__file__).resolve().parents[3]
S_CURVE = REPOSITORY / "engine" / "examples" / "s_curve.csv"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model(tmp_path_factory.mktemp("model") / "untrained")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``gaitway`` with the given arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def _two_lines(result: Result, code: int = 2) -> str:
    """What a failure said: a message and a remedy, and never a traceback."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 2 and lines[0].startswith("Error: "), result.stderr
    assert "Traceback" not in result.output
    return " ".join(line.strip() for line in lines)


# What works


def test_the_readme_line(run: Run, model: Path, tmp_path: Path) -> None:
    result = run(
        "generate", "a person walks along a winding path", "--path", S_CURVE, "--out", "walk.bvh", "--out", "walk.npz",
        "--out", "walk.glb", "--picture", "walk.png", "--checkpoint", model,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for word in ("average error", "maximum error", "foot skating", "cm", "seconds", "walk.bvh", "walk.png"):
        assert word in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"walk.bvh", "walk.npz", "walk.glb", "walk.png"}
    with np.load("walk.npz", allow_pickle=False) as archive:
        assert archive["joints"].shape == (121, 22, 3)
        assert archive["hint_mask"][:, 0].all() and archive["hint_mask"].sum() == 121
        pelvis = archive["joints"][:, 0]
    np.testing.assert_allclose(read_bvh(Path("walk.bvh").read_text()).positions()["pelvis"], pelvis, atol=1e-5)


def test_json_report(run: Run, model: Path, tmp_path: Path) -> None:
    result = run(
        "generate", "walks", "--path", S_CURVE, "--json", "--variations", 2, "-o", "a.npz", "--checkpoint", model
    )
    report = json.loads(result.stdout)
    assert [Path(file).name for one in report["variations"] for file in one["files"]] == ["a-1.npz", "a-2.npz"]
    for number, variation in enumerate(report["variations"], 1):
        with np.load(tmp_path / f"a-{number}.npz") as archive:
            assert archive["free_height"]  # the file gives no y
            apart = (archive["joints"] - archive["hint"])[archive["hint_mask"]]
            miss = 100 * np.linalg.norm(apart[:, [0, 2]], axis=-1)
        assert variation["average_error_cm"] == pytest.approx(miss.mean(), abs=1e-3)
        assert variation["maximum_error_cm"] == pytest.approx(miss.max(), abs=1e-3)
    assert report["seconds"] > 0 and report["controlled_points"] == 121 and report["seed"] == 0
    assert {"Loading", "Sampling", "Writing"} <= report["timing"].keys()


def test_without_controls_the_text_alone_drives(run: Run, model: Path) -> None:
    result = run("generate", "a person waits", "--json", "--length", 3, "--checkpoint", model)
    report = json.loads(result.stdout)
    assert report["num_frames"] == 61 and report["controlled_points"] == 0
    assert report["variations"][0]["average_error_cm"] is None and report["variations"][0]["files"] == []


def test_the_same_request_gives_the_same_bytes_from_the_command_and_the_pipeline(run: Run, model: Path) -> None:
    line = ("generate", "walks", "--path", S_CURVE, "--seed", 5, "--checkpoint", model)
    for name in ("one.npz", "two.npz"):
        assert run(*line, "-o", name).exit_code == 0
    track, _ = read_controls(S_CURVE, [])
    request = request_of("walks", build_signal(track, [], motion_frames(None, [track])), seed=5)
    *_, motion = Pipeline.load(model).generate(request)
    for name in ("one.npz", "two.npz"):
        with np.load(name) as archive:
            assert archive["joints"].tobytes() == motion.joints[0].tobytes()
    assert run(*line, "--seed", 6, "-o", "other.npz").exit_code == 0
    with np.load("other.npz") as archive:
        assert archive["joints"].tobytes() != motion.joints[0].tobytes()


def test_path_fills_every_frame_and_control_only_its_times(tmp_path: Path) -> None:
    (tmp_path / "path.csv").write_text("time,x,z\n0,0,0\n3,0,3\n")
    (tmp_path / "wrist.csv").write_text("time,x,y,z\n1,0,1.5,1\n2,0,1.6,2\n")
    path, tracks = read_controls(tmp_path / "path.csv", [f"right_wrist={tmp_path / 'wrist.csv'}"])
    frames = motion_frames(None, [path, *tracks])
    control = build_signal(path, tracks, frames)
    assert frames == 61
    assert control.hint_mask[:, 0].all()
    np.testing.assert_allclose(control.hint[:, 0, 2], np.arange(61) / 20, atol=1e-6)
    assert np.flatnonzero(control.hint_mask[:, SKELETON.index("right_wrist")]).tolist() == [20, 40]


def test_prompts_follow_each_other_and_a_range_is_made_anew(run: Run, model: Path, tmp_path: Path) -> None:
    made = run(
        "generate", "a person walks", "--then", "4=a person runs", "--then", "2=a person sits", "--checkpoint", model,
        "--length", 6, "-o", "a.npz",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    first = np.load(tmp_path / "a.npz")
    assert str(first["prompt"]) == "a person walks, then a person sits, then a person runs"
    again = run(
        "generate", "a person jumps", "--base", "a.npz", "--redo", "2-3", "--checkpoint", model, "--seed", 5,
        "-o", "b.npz",
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    before, after = first["joints"], np.load(tmp_path / "b.npz")["joints"]
    same = (before == after).all((1, 2))
    assert same[:40].all() and same[61:].all() and not same[40:61].any()


def test_in_place_and_loop(run: Run, model: Path, tmp_path: Path) -> None:
    made = run(
        "generate", "a person walks", "--loop", "--in-place", "--length", 3, "--checkpoint", model, "-o", "a.npz"
    )
    assert made.exit_code == 0, made.output
    joints = np.load(tmp_path / "a.npz")["joints"]
    assert np.abs(joints[:, 0, [0, 2]]).max() < 1e-5 and np.abs(joints[0] - joints[-1]).max() < 2e-3


def test_from_a_stand_and_to_one(run: Run, model: Path, tmp_path: Path) -> None:
    line = ("generate", "a person walks", "--path", S_CURVE, "--checkpoint", model, "-o")
    assert run(*line, "as_drawn.npz").exit_code == 0
    made = run(*line, "stands.npz", "--from-standing", "--to-standing")
    assert made.exit_code == 0, made.output
    paths = [np.load(tmp_path / name)["joints"][:, 0, [0, 2]] for name in ("as_drawn.npz", "stands.npz")]
    as_drawn, stands = (np.linalg.norm(np.diff(path, axis=0), axis=-1) * 20 for path in paths)
    assert stands[[0, -1]].max() < 0.3 < as_drawn[[0, -1]].min() and stands.max() > as_drawn.max()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--then", "a person runs"), "not a time and a prompt"),
        (("--then", "nan=a person runs"), "not a time and a prompt"),
        (("--then", "-1=a person runs"), "not a time and a prompt"),
        (("--length", "5", "--then", "9=a person runs"), "no room for it"),
        (("--then", "1=a person runs", "--then", "1=a person sits"), "no room for it"),
        (("--then", "1= "), "empty"),
        (("--redo", "1-2"), "--redo needs --base"),
        (("--base", "none.npz"), "none.npz"),
    ],
)
def test_bad_prompts_and_ranges(run: Run, model: Path, options: tuple[str, ...], words: str) -> None:
    assert words in _two_lines(_generate(run, model, *options))


@pytest.mark.parametrize("wanted", ["x", "3", "3-2", "1..2-3", "50-60"])
def test_ranges_that_mean_nothing(run: Run, model: Path, tmp_path: Path, wanted: str) -> None:
    np.savez(tmp_path / "base.npz", joints=np.zeros((60, 22, 3), np.float32), fps=20.0)
    said = _two_lines(run("generate", "a person walks", "--base", "base.npz", "--redo", wanted, "-o", "b.npz"))
    assert "range" in said or "selects no frames" in said


def test_length_stretches_a_path_without_times(tmp_path: Path) -> None:
    (tmp_path / "path.csv").write_text("x,z\n0,0\n0,1\n0,4\n")
    path, _ = read_controls(tmp_path / "path.csv", [])
    control = build_signal(path, [], motion_frames(4.0, [path]))
    np.testing.assert_allclose(control.hint[:, 0, 2], np.linspace(0, 4, 81), atol=1e-5)
    assert motion_frames(None, [path]) == 121


def test_info(run: Run, model: Path) -> None:
    facts = json.loads(run("info", "--json", "--checkpoint", model).stdout)
    assert facts["model"] == "untrained" and facts["controllable_joints"] == list(SKELETON.names)
    result = run("info", "--checkpoint", model)
    assert result.exit_code == 0 and "untrained" in result.stdout and "Made by a test." in result.stdout


def test_convert(run: Run, tmp_path: Path) -> None:
    motion = np.stack([standing(20), standing(20) + np.float32([1, 0, 0])]).transpose(0, 2, 3, 1)
    np.save("results.npy", {"motion": motion, "text": ["stands", "waits"], "lengths": [20, 10]})
    assert "1: 10 frames, 0.5 s, waits" in run("convert", "results.npy", "--list").stdout
    result = run(
        "convert", "results.npy", "--sample", 1, "-o", "one.bvh", "-o", "one.npz", "-o", "one.png", "--bvh-unit", "cm"
    )
    assert result.exit_code == 0, result.output
    positions = read_bvh(Path("one.bvh").read_text()).positions()["pelvis"]
    np.testing.assert_allclose(positions, np.tile([100, 100 * SKELETON.standing_height, 0], (10, 1)), atol=1e-2)
    assert run("convert", "results.npy", "-o", "all.glb").exit_code == 0
    assert {"all-0.glb", "all-1.glb"} <= {path.name for path in tmp_path.iterdir()}


def test_doctor_finds_a_whole_model(run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAITWAY_RUNTIME_DIR", str(tmp_path / "run"))
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json", "--checkpoint", model).stdout)}
    for name in ("Python", "Device", "Model", "Text encoder", "Generation", "Port", "Engine", "Log"):
        assert checks[name]["ok"], checks[name]


def test_doctor_names_damage_and_remedy(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAITWAY_RUNTIME_DIR", str(tmp_path / "run"))
    damaged = save_random_model(tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "engine.json").write_text("{}")
    (tmp_path / "run" / "engine.json").chmod(0o600)
    result = run("doctor", "--checkpoint", damaged)
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert "do not match their checksums" in result.stdout and "Copy the folder again" in result.stdout
    assert "connection file" in result.stdout and "Delete it" in result.stdout
    assert "can be opened" in result.stdout  # the checks after a broken one still run


def test_doctor_compares_packages_with_what_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    def required(*lines: str) -> str:
        monkeypatch.setattr(metadata, "requires", lambda name: list(lines))
        return doctor._packages()

    assert "numpy" in required("numpy>=1.26", 'nothing-of-the-kind; extra == "test"')
    with pytest.raises(GaitwayError, match="nothing-of-the-kind is missing"):
        required("numpy>=1.26", "nothing-of-the-kind>=1")
    with pytest.raises(GaitwayError, match=r"numpy is .*, but >=99 is required"):
        required("numpy>=99")


def test_bench_prints_tables_and_a_line_of_json(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (bench.FRAMES, bench.STEP_COUNTS) == ((60, 120, 196), (1, 2, 4))
    monkeypatch.setattr(bench, "FRAMES", (60, 120))  # two of each are enough to see that all are measured
    monkeypatch.setattr(bench, "STEP_COUNTS", (1, 2))
    monkeypatch.setattr(bench, "VARIATION_COUNTS", (1, 3))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    others = [{"frames": 60, "steps": 1, "control": c, "seconds": s} for c, s in (("none", 0.05), ("path", 0.075))]
    times = tmp_path / "times.json"
    times.write_text(json.dumps({"matrix_gflops": 100, "rows": others}))
    result = run("bench", "--repeats", 1, "--checkpoint", model, "--against", times)
    assert result.exit_code == 0, result.output
    assert "control" in result.stdout and "Cold start" in result.stdout
    assert "processor ms" in result.stdout and "times faster" in result.stdout
    facts = json.loads(result.stdout.splitlines()[-1])
    rows = {(row["frames"], row["steps"], row["control"]): row for row in facts["rows"]}
    controls = ("none", "path", "refined")
    assert set(rows) == {(f, s, c) for f in (60, 120) for s in (1, 2) for c in controls}
    for row in facts["rows"]:
        assert row["longest_wait"] > 0 and row["times_real_time"] > 0 and "Sampling" in row["stages"]
        assert row["gflop"] > 0 and row["floor_seconds"] > 0 and row["costs"]["Sampling"]["cpu_seconds"] > 0
    assert facts["cold_start"]["total"] > facts["cold_start"]["first_motion"] > 0
    assert facts["ratios_to_one_step_without_control"]["120 frames, 1 steps, none"] == 1.0
    assert facts["peak_memory_mb"] > 100
    one, three = facts["variations"]
    assert (one["variations"], three["variations"]) == (1, 3) and three["gflop"] > 2 * one["gflop"]
    for other, compared in zip(others, facts["against"]["rows"], strict=True):
        here = rows[60, 1, other["control"]]
        assert compared["ratio"] == pytest.approx(other["seconds"] / here["seconds"])
        assert compared["ratio_at_equal_rate"] == pytest.approx(compared["ratio"] * 100 / here["matrix_gflops"])
    assert "no times to compare" in _two_lines(run("bench", "--against", tmp_path / "missing.json"))
    assert "cannot be used together" in _two_lines(run("bench", "--published-sizes", "--checkpoint", model))


# Bad input


def _generate(run: Run, model: Path, *arguments: object, prompt: str = "walks") -> Result:
    return run("generate", prompt, "--out", "a.bvh", "--checkpoint", model, *arguments)


def test_empty_prompt(run: Run, model: Path) -> None:
    assert "prompt is empty" in _two_lines(_generate(run, model, prompt="  "))


def test_what_else_slips_in(run: Run, model: Path) -> None:
    assert "not text" in _two_lines(_generate(run, model, prompt="walks\udcff"))
    assert "guidance" in _two_lines(_generate(run, model, "--guidance", "nan"))
    assert "heading" in _two_lines(_generate(run, model, "--heading", "inf"))
    assert "variations" in _two_lines(_generate(run, model, "--variations", 1000))
    assert "steps" in _two_lines(_generate(run, model, "--steps", 999))
    assert _generate(run, model, "--seed", 10**30).exit_code == 2
    assert _generate(run, model, "--device", "toaster").exit_code == 2
    assert _generate(run, model, "--seed", 2**63 - 1, "-o", "a.npz").exit_code == 0


@pytest.mark.parametrize("length", [0, 0.05, 601, 1e9, -1, "nan", "inf"])
def test_lengths_that_no_model_makes(run: Run, model: Path, length: object) -> None:
    said = _two_lines(_generate(run, model, "--length", length))
    assert "frames" in said or "last" in said or "too long" in said


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nan.csv", "0,0,0.9,0\n1,nan,0.9,1\n", "not a finite number"),
        ("inf.json", "[[0,0,0.9,0],[1,Infinity,0.9,1]]", "not a finite number"),
        ("short.csv", "time,x,z\n0,0,0\n", "at least 2"),
        ("late.csv", "time,x,z\n0,0,0\n30,0,3\n", "the motion lasts from 0 to 3.00 s"),
        ("early.csv", "time,x,z\n-1,0,0\n2,0,3\n", "has a point at -1.00 s"),
        ("far.csv", "time,x,z\n0,0,0\n2,0,30000\n", "more than 1000 m"),
        ("fast.csv", "time,x,z\n0,0,0\n1,0,90\n", "m/s"),
        ("text.csv", "hello world", "columns without names"),
    ],
)
def test_bad_paths(run: Run, model: Path, name: str, content: str, words: str) -> None:
    Path(name).write_text(content)
    assert words in _two_lines(_generate(run, model, "--length", 3, "--path", name))
    assert not Path("a.bvh").exists()


def test_bad_controls(run: Run, model: Path) -> None:
    Path("keys.csv").write_text("1,0,1,0\n2,0,1,1\n")
    assert "Did you mean 'right_wrist'" in _two_lines(_generate(run, model, "--control", "right_wrst=keys.csv"))
    assert "is not a control" in _two_lines(_generate(run, model, "--control", "right_wrist"))
    assert "no file" in _two_lines(_generate(run, model, "--control", "right_wrist=missing.csv"))
    twice = ("--control", "pelvis=keys.csv", "--path", "keys.csv")
    assert "controlled twice" in _two_lines(_generate(run, model, *twice))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_path(run: Run, model: Path) -> None:
    Path("secret.csv").write_text("0,0,1,0\n2,0,1,1\n")
    Path("secret.csv").chmod(0)
    assert "cannot be read" in _two_lines(_generate(run, model, "--path", "secret.csv"))


def test_missing_damaged_and_hostile_checkpoints(run: Run, tmp_path: Path) -> None:
    assert "checkpoint" in _two_lines(_generate(run, tmp_path / "nowhere"))
    truncated = save_random_model(tmp_path / "truncated")
    weights = truncated / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "damaged" in _two_lines(_generate(run, truncated))
    victim = tmp_path / "victim"

    class Hostile:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(victim),)

    (tmp_path / "hostile.ckpt").write_bytes(pickle.dumps({"state_dict": Hostile()}))
    _two_lines(_generate(run, tmp_path / "hostile.ckpt"))
    assert not victim.exists()


def test_bad_outputs_are_refused_before_any_work(run: Run, tmp_path: Path) -> None:
    nowhere = tmp_path / "no-model"  # never looked at
    for arguments, words in (
        (["--out", "a.fbx"], "not a format"),
        (["--out", "a.png"], "not a format"),
        (["--out", "missing/a.bvh"], "does not exist"),
        (["--picture", "a.bvh"], "not a format"),
        ([], "nothing to write"),
    ):
        assert words in _two_lines(run("generate", "walks", "--checkpoint", nowhere, *arguments))


def test_full_disk(run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    assert "disk is full" in _two_lines(_generate(run, model))
    assert list(tmp_path.iterdir()) == []


def test_bad_conversions(run: Run) -> None:
    Path("bad.pkl").write_bytes(b"cos\nsystem\n(S'touch victim'\ntR.")
    assert "tries to call 'os.system'" in _two_lines(run("convert", "bad.pkl", "-o", "a.bvh"))
    assert not Path("victim").exists()
    np.save("flat.npy", np.zeros((20, 66)))
    assert "Reshape" in _two_lines(run("convert", "flat.npy", "-o", "a.bvh"))
    np.save("good.npy", standing(20))
    assert "nothing to write" in _two_lines(run("convert", "good.npy"))
    assert "frames per second" in _two_lines(run("convert", "good.npy", "-o", "a.bvh", "--fps", 0))
    assert not Path("a.bvh").exists()


def test_a_fault_of_ours_shows_no_traceback_but_keeps_it(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Pipeline, request: Generate) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Pipeline, "generate", broken)
    said = _two_lines(_generate(run, model), code=70)
    assert "a bug" in said
    kept = Path(next(word.rstrip(":") for word in said.split() if word.rstrip(":").endswith(".txt")))
    assert "ZeroDivisionError: a bug" in kept.read_text()
    kept.unlink()


def test_import_checkpoint(run: Run, shared_dir: Path) -> None:
    published = shared_dir / "fixtures" / "v1_control_t.safetensors"
    statistics = shared_dir / "data" / "humanml3d_sample"
    line = ("import-checkpoint", published, "--humanml3d", statistics, "--out", "imported")
    assert "statistics of the joints" in _two_lines(run(*line))
    Path("spatial").mkdir()
    np.save("spatial/Mean_raw.npy", standing(1)[0])
    np.save("spatial/Std_raw.npy", np.ones((22, 3)))
    result = run(*line, "--spatial-stats", "spatial")
    assert result.exit_code == 0, result.output
    assert {"config.json", "model.safetensors", "statistics.npz"} <= {path.name for path in Path("imported").iterdir()}


# Processes


def _command(*arguments: object) -> tuple[list[str], dict[str, str]]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return [sys.executable, "-m", "engine.cli", *map(str, arguments)], environment


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, engine.cli as c\ntry: c.app(['generate', '--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('torch', 'numpy', 'zmq', 'matplotlib', 'scipy', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "What the character does" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="sends a Unix signal")
def test_ctrl_c_stops_without_a_trace(model: Path, tmp_path: Path) -> None:
    # Much work, so that it cannot have ended when the signal comes, be it while loading or while sampling.
    line = ("generate", "walks", "--path", S_CURVE, "--steps", 50, "--variations", 16, "-o", tmp_path / "a.bvh")
    command, environment = _command(*line, "--checkpoint", model)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Cancelled" in said and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_abandoning_the_generator_is_enough_to_cancel(model: Path) -> None:
    pipeline = Pipeline.load(model)
    track, _ = read_controls(S_CURVE, [])
    request = request_of("walks", build_signal(track, [], 121))
    stopped = pipeline.generate(request)
    assert isinstance(next(stopped), Progress)
    stopped.close()
    *_, motion = pipeline.generate(request)
    assert isinstance(motion, Motion)
    with pytest.raises(BadRequest):
        next(pipeline.generate(dataclasses.replace(request, prompts=())))
