# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m training.prepare`` from folder to data set: what training reads, going on after a stop, and errors."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from blender_addon.shared import features as feature_set
from engine.export.bvh import write_bvh
from engine.export.clip import ExportClip
from training.data.augment import mirror
from training.data.clips import feature_statistics, load_clips
from training.prepare.__main__ import main
from training.prepare.take import load_result

from ...conftest import REPOSITORY
from ...engine.helpers.motions import walking_in_a_circle


def walking(num_frames: int) -> np.ndarray:
    return walking_in_a_circle(num_frames, swing=0.2).astype(np.float64)


@pytest.fixture
def data_set(tmp_path):
    """A HumanML3D folder of six motions: mirrored, captioned in part, with features only, and with a glitch."""
    folder = tmp_path / "hml"
    for name in ("new_joints", "new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        np.save(folder / "new_joints" / f"00000{number}.npy", walking(60 + 10 * number).astype(np.float32))
    np.save(folder / "new_joints" / "M000000.npy", mirror(walking(60)).astype(np.float32))
    np.save(folder / "new_joint_vecs" / "000004.npy", feature_set.joints_to_features(walking(81)).astype(np.float32))
    broken = walking(60)
    broken[10:12] += 3
    np.save(folder / "new_joints" / "000005.npy", broken)
    (folder / "texts" / "000000.txt").write_text("walks left#x#0.0#0.0\n")
    (folder / "texts" / "000003.txt").write_text("walks#x#0.0#0.0\nturns#x#1.0#3.5\n")
    (folder / "train.txt").write_text("000000\nM000000\n000001\n000003\n000005\n")
    (folder / "val.txt").write_text("000002\n")
    (folder / "test.txt").write_text("000004\n")
    return folder


@pytest.fixture
def bvh_folder(tmp_path):
    folder = tmp_path / "bvhs"
    folder.mkdir()
    for number in range(3):
        with (folder / f"walk{number}.bvh").open("wb") as stream:
            write_bvh(ExportClip(walking(50 + 200 * number)), stream)
    return folder


def run(*words, code: int | None = None):
    arguments = [*map(str, words), "--jobs", "1", "--pictures", "0"]
    if code is None:
        return main(arguments)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == code
    return None


def test_the_training_reads_what_was_prepared(data_set, tmp_path, capsys):
    run(data_set, "--out", tmp_path / "out")
    splits = load_clips(tmp_path / "out")
    assert {split: [clip.name for clip in clips] for split, clips in splits.items()} == {
        "train": ["000000", "000001", "000003_00000_00090", "000003_00020_00070", "M000000"],
        "val": ["000002"],
        "test": ["000004"],
    }
    clips = {clip.name: clip for some in splits.values() for clip in some}
    assert clips["000000"].captions == ("walks left",) and clips["M000000"].captions == ()
    assert clips["000003_00020_00070"].captions == ("turns",)
    np.testing.assert_allclose(clips["000000"].joints, feature_set.canonicalize(walking(60))[:-1], atol=2e-3)
    kept = np.load(tmp_path / "out" / "statistics.npz")
    mean, std = feature_statistics(splits["train"])
    np.testing.assert_array_equal(kept["mean"], mean)
    np.testing.assert_array_equal(kept["std"], std)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["splits"]["all"]["clips"] == 7 and report["splits"]["train"]["takes"] == 3
    assert [line["id"] for line in report["rejected"]] == ["000005"]
    assert re.search(r"moves at 10\d m/s in frame 9", report["rejected"][0]["reason"])
    shown = capsys.readouterr().out
    assert "000005" in shown and "m/s in frame 9" in shown and "without a caption" in shown


def test_only_what_changed_is_done_again(bvh_folder, tmp_path, capsys):
    out = tmp_path / "out"
    run(bvh_folder, "--out", out)
    first, times = (out / "clips.npz").read_bytes(), {p.name: p.stat().st_mtime_ns for p in (out / "takes").iterdir()}
    (out / "takes" / "walk1.npz").write_bytes(b"PK half a file")
    (out / "takes" / ".walk2-x.part").touch()
    run(bvh_folder, "--out", out)
    after = {p.name: p.stat().st_mtime_ns for p in (out / "takes").iterdir()}
    assert set(after) == set(times) and [name for name in times if after[name] != times[name]] == ["walk1.npz"]
    assert json.loads((out / "report.json").read_text())["takes_kept_from_before"] == 2
    (tmp_path / "first.npz").write_bytes(first)
    a, b = np.load(out / "clips.npz"), np.load(tmp_path / "first.npz")
    assert all(np.array_equal(a[key], b[key]) for key in a.files)
    run(bvh_folder, "--out", out, "--max-frames", "100")
    assert json.loads((out / "report.json").read_text())["takes_kept_from_before"] == 0
    assert max(clip.num_frames for some in load_clips(out).values() for clip in some) < 100


def test_clips_of_one_take_stay_in_one_split(bvh_folder, tmp_path):
    run(bvh_folder, "--out", tmp_path / "out", "--max-frames", "60", "--shares", 60, 20, 20)
    lines = list(map(json.loads, (tmp_path / "out" / "captions.jsonl").read_text().splitlines()))
    assert len(lines) > 10 and {line["split"] for line in lines} == {"train", "val", "test"}
    for take in {line["take"] for line in lines}:
        mine = [line for line in lines if line["take"] == take]
        assert len({line["split"] for line in mine}) == 1
        assert all(a["end"] == b["start"] for a, b in itertools.pairwise(mine))


def test_far_ways_keep_their_precision(tmp_path):
    folder = tmp_path / "hml" / "new_joints"
    folder.mkdir(parents=True)
    far = walking(150) + np.linspace(0, 40, 150)[:, None, None] * [1, 0, 0]
    np.save(folder / "000000.npy", far)
    run(folder.parent, "--out", tmp_path / "out")
    archive = np.load(tmp_path / "out" / "clips.npz")
    assert archive["pos"].dtype == np.int32
    np.testing.assert_allclose(archive["pos"] * archive["unit"], far - far[:1, :1] * [1, 0, 1], atol=2e-4)


def test_processes_do_the_same_work(bvh_folder, tmp_path):
    run(bvh_folder, "--out", tmp_path / "one")
    command = [sys.executable, "-m", "training.prepare", str(bvh_folder), "--out", str(tmp_path / "two"), "--jobs", "2"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("captions.jsonl", "clips.npz"):
        assert (tmp_path / "one" / name).stat().st_size == (tmp_path / "two" / name).stat().st_size
    a, b = (np.load(tmp_path / out / "clips.npz") for out in ("one", "two"))
    assert all(np.array_equal(a[key], b[key]) for key in a.files)
    assert (tmp_path / "two" / "sheet.png").read_bytes().startswith(b"\x89PNG") and not (
        tmp_path / "one" / "sheet.png"
    ).exists()


def test_worker_processes_load_nothing_heavy():
    code = (
        "import sys, training.prepare.__main__\n"
        "bad = {'bpy', 'mathutils', 'torch', 'matplotlib'} & set(sys.modules)\n"
        "raise SystemExit(f'loaded {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_wrong_is_told_in_two_lines(bvh_folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    run(tmp_path / "empty", "--out", tmp_path / "out", code=2)
    assert capsys.readouterr().err.startswith(f"'{tmp_path / 'empty'}' contains no motion.\nPoint it at")
    (tmp_path / "file").touch()
    run(bvh_folder, "--out", tmp_path / "file" / "out", code=2)
    assert "cannot be created" in capsys.readouterr().err
    run(bvh_folder, "--out", tmp_path / "out", "--min-frames", "1000", code=2)
    assert "cannot be cut" in capsys.readouterr().err
    for path in bvh_folder.iterdir():
        path.write_text(path.read_text()[:-2000])
    run(bvh_folder, "--out", tmp_path / "out", code=2)
    told = capsys.readouterr().err
    assert "No clip was left" in told and "cut short" in told and "Traceback" not in told
    assert not (tmp_path / "out" / "clips.npz").exists()


def test_one_bad_file_does_not_stop_the_others(bvh_folder, tmp_path, capsys):
    (bvh_folder / "walk0.bvh").write_text("HIERARCHY\n")
    (bvh_folder / "lost.amc").write_text("1\nroot 0\n")
    run(bvh_folder, "--out", tmp_path / "out")
    rejected = json.loads((tmp_path / "out" / "report.json").read_text())["rejected"]
    assert [line["take"] for line in rejected] == ["lost", "walk0"]
    assert "has no skeleton" in rejected[0]["reason"] and "not a BVH file" in rejected[1]["reason"]


def test_a_full_disk_is_told_and_leaves_nothing_half_written(bvh_folder, tmp_path):
    pytest.importorskip("resource")
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "from training.prepare.__main__ import main\n"
        "main(sys.argv[1:])"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-c", code, str(bvh_folder), "--out", str(out), "--jobs", "1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "could not be written" in done.stderr and "Traceback" not in done.stderr
    assert {path.name for path in out.iterdir()} == {"takes"}
    assert {path.name for path in (out / "takes").iterdir()} == {"walk0.npz"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_a_stopped_run_leaves_whole_takes_and_goes_on(bvh_folder, tmp_path, how):
    text = (bvh_folder / "walk2.bvh").read_text()
    for number in range(150):
        (bvh_folder / f"copy{number}.bvh").write_text(text)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "training.prepare", str(bvh_folder), "--out", str(out), "--jobs", "2"]
    # A shell may have told its background processes to ignore Ctrl-C.
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while process.poll() is None and not list(out.glob("takes/[!.]*.npz")):
        time.sleep(0.01)
    process.send_signal(getattr(signal, how))
    told = process.communicate()[1]
    assert process.returncode == (130 if how == "SIGINT" else -9)
    assert how == "SIGKILL" or told.startswith("Stopped. Run the same command again")
    kept = [path for path in (out / "takes").iterdir() if path.suffix == ".npz"]
    assert 0 < len(kept) < 153 and all(load_result(path).clips for path in kept)
    assert not (out / "clips.npz").exists()
    for path in list(bvh_folder.iterdir()):
        if path.stem.startswith("copy") and not (out / "takes" / f"{path.stem}.npz").exists():
            path.unlink()
    run(bvh_folder, "--out", out)
    assert json.loads((out / "report.json").read_text())["takes_kept_from_before"] == len(kept)
    assert not list((out / "takes").glob(".*"))
