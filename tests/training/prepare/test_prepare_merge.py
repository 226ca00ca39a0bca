# SPDX-License-Identifier: GPL-3.0-or-later
"""Several prepared sets as one: nothing of a held-out capture is left for training, known faults are mended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blender_addon.shared.errors import BadFile
from training.data.clips import load_clips
from training.prepare.merge import main, merge
from training.prepare.source_faults import at_true_tempo, true_rate

from ...shared.test_features import walking


def write_set(folder: Path, lines: list[dict], dups: list[list[str]] | None = None) -> Path:
    folder.mkdir()
    motions = [walking(line["n"]) for line in lines]
    np.savez(
        folder / "clips.npz", pos=np.round(np.concatenate(motions) / 0.001).astype(np.int16), unit=0.001,
        offset=np.cumsum([0, *map(len, motions)]), ids=np.array([line["id"] for line in lines]),
    )  # fmt: skip
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    if dups:
        (folder / "dups.json").write_text(json.dumps(dups))
    return folder


def line(name: str, take: str, split: str, n: int = 50, **more: object) -> dict:
    caption = {"text": "a person walks", "kind": "index"}
    return {"id": name, "take": take, "split": split, "n": n, "weak": False, "captions": [caption], **more}


@pytest.fixture
def sets(tmp_path: Path) -> list[Path]:
    first = [line("a", "01_01", "train"), line("b", "01_02", "test"), line("c", "01_02", "train"),
             line("d", "01_03", "excluded"), line("006810", "93_06", "train", 67)]  # fmt: skip
    second = [line("e", "70_01", "train"), line("f", "70_02", "val", same_as=["73_02"]), line("g", "73_02", "train")]
    return [write_set(tmp_path / "one", first), write_set(tmp_path / "two", second, [["01_02", "70_01"]])]


def test_no_capture_is_in_two_splits(sets: list[Path]) -> None:
    data = merge(sets)
    assert {clip["id"]: clip["split"] for clip in data.clips} == {
        "a": "train", "b": "test", "006810": "train", "f": "val"
    }  # fmt: skip
    reasons = {rejected["id"]: rejected["reason"] for rejected in data.rejected}
    assert set(reasons) == {"c", "d", "e", "g"} and reasons["d"] == "marked excluded"


def test_one_folder_comes_out_that_the_stages_read(
    sets: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    main([*map(str, sets), "--out", str(tmp_path / "out")])
    clips = load_clips(tmp_path / "out")
    assert {split: [clip.name for clip in some] for split, some in clips.items()} == {
        "train": ["a", "006810"], "test": ["b"], "val": ["f"]
    }  # fmt: skip
    assert clips["train"][1].num_frames == 2 * 67 - 2, "slowed to half"
    assert (tmp_path / "out" / "statistics.npz").is_file()
    assert "train: 2 clips" in capsys.readouterr().out


def test_what_cannot_be_merged_is_told(sets: list[Path], tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="called a"):
        merge([sets[0], sets[0]])
    with pytest.raises(BadFile, match="not a prepared data set"):
        merge([tmp_path])
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--out", str(tmp_path / "out")])


def test_rates_of_known_takes() -> None:
    assert true_rate("93_06", 120.0) == 60.0 and true_rate("02_01", 120.0) == 120.0
    assert true_rate("93_06", 60.0) == 60.0 and true_rate("walk_93_06", 120.0) == 120.0
    motion = walking(41)
    np.testing.assert_allclose(at_true_tempo("006810", motion)[::2], motion, atol=1e-6)
    assert at_true_tempo("006811", motion) is motion
