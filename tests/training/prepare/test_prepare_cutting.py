# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips out of takes: where they are cut, what is a glitch, what their captions and their split are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blender_addon.shared.errors import BadFile, BadRequest
from blender_addon.shared.skeleton import SKELETON
from training.prepare.captions import Captions, captions_of, read_json_lines, read_text_file
from training.prepare.clips import cut_clips, figures_of, glitch_of, stretch_of
from training.prepare.options import Options
from training.prepare.sources import find_sources, read_split_lists
from training.prepare.splits import assign, split_takes

from ...engine.helpers.motions import walking_in_a_circle
from ...shared.test_features import walking

OPTIONS = Options()


def spans(end: int, captions=(), first: int = 0) -> list[tuple[int, int, int, bool]]:
    return [(p.start, p.end, len(p.texts), p.weak) for p in cut_clips(first, end, captions, OPTIONS)]


def test_long_takes_are_cut_into_equal_clips_without_gaps():
    assert spans(200) == [(0, 200, 0, False)]
    assert spans(450, first=3) == [(3, 152, 0, True), (152, 301, 0, True), (301, 450, 0, True)]


def test_captions_with_times_make_clips_of_their_own():
    whole, part = Captions((("a", "k"),)), Captions((("b", "k"), ("c", "k")), 20, 90)
    assert spans(150, [part]) == [(20, 90, 2, False)]
    assert spans(150, [whole, part]) == [(0, 150, 1, False), (20, 90, 2, False)]
    assert spans(60, [part]) == [(20, 60, 2, False)], "the take ends before the caption does"
    assert spans(15, [part]) == [(20, 20, 2, False)], "nothing is left, which will be told as too short"
    assert spans(150, [part, Captions((("d", "k"),), 20, 90, weak=True)]) == [(20, 90, 3, True)]


def sound() -> np.ndarray:
    return walking(60) + np.array([0, 0.02, 0])


def glitch(kind: str) -> tuple[np.ndarray, np.ndarray]:
    joints, stretch = sound(), np.zeros(60)
    wrist = SKELETON.index("left_wrist")
    if kind == "nan":
        joints[3, 4, 1] = np.nan
    elif kind == "fast":
        joints[30, wrist, 0] += 0.9
    elif kind == "stretch":
        stretch[5] = 0.4
    elif kind == "stretch unknown":
        stretch[5] = np.nan
    elif kind == "below":
        joints[..., 1] -= 0.3
    elif kind == "upside down":
        joints[..., 1] = 1.7 - joints[..., 1]
    elif kind == "short":
        joints, stretch = joints[:30], stretch[:30]
    return joints, stretch


def test_a_sound_clip_has_no_fault():
    assert glitch_of(sound(), np.zeros(60), OPTIONS) is None


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nan", "1 frames have positions"),
        ("fast", r"the left wrist moves at 1\d m/s in frame 29"),
        ("stretch", "length by 40 %"),
        ("stretch unknown", "length by nan %"),
        ("below", "3\\d cm below the floor"),
        ("upside down", "upside down"),
        ("short", "too short: 30 of 40 frames"),
    ],
)
def test_glitches_are_told(kind, told):
    import re

    fault = glitch_of(*glitch(kind), OPTIONS)
    assert fault is not None and re.search(told, fault)


def test_limits_may_be_chosen():
    assert glitch_of(*glitch("fast"), Options(max_speed=30)) is None
    assert glitch_of(*glitch("stretch"), Options(max_stretch=0.5)) is None
    assert glitch_of(*glitch("below"), Options(max_depth=0.4)) is None
    assert glitch_of(*glitch("short"), Options(min_frames=20)) is None
    for wrong in ({"min_frames": 300}, {"max_speed": 0.0}, {"shares": (0.0, 0.0, 0.0)}, {"shares": (1.0, -1.0, 1.0)}):
        with pytest.raises(BadRequest):
            Options(**wrong)


def test_stretch_is_measured_on_positions():
    joints = walking_in_a_circle(30).astype(np.float64)
    assert stretch_of(joints).max() < 1e-5
    knee, ankle = SKELETON.indices("left_knee", "left_ankle")
    joints[4, ankle] += 0.2 * (joints[4, ankle] - joints[4, knee])
    assert stretch_of(joints).argmax() == 4


def test_figures_are_those_of_the_motion():
    joints = np.zeros((21, 22, 3))
    joints[..., 2] = np.linspace(0, 3, 21)[:, None]
    joints[..., 1] = 0.5
    found = figures_of(joints)
    assert (
        found["vmax"] == pytest.approx(3) and found["speed"] == pytest.approx(3) and found["path"] == pytest.approx(3)
    )
    assert found["miny"] == 0.5 and found["skate"] == 0


def test_text_files_of_the_data_set(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(
        "walks on#walk/VERB on/ADP#0.0#0.0\nsits#sit/VERB#1.0#3.5\n\nstands#x#nan#nan\nrises#x#1.0#3.5\nplain\n"
    )
    assert read_text_file(path) == [
        Captions((("walks on", "humanml3d"), ("stands", "humanml3d"), ("plain", "humanml3d"))),
        Captions((("sits", "humanml3d"), ("rises", "humanml3d")), 20, 70),
    ]
    path.write_text("walks#x#soon#later\n")
    with pytest.raises(BadFile, match="without times"):
        read_text_file(path)


def test_captions_as_json_lines(tmp_path):
    path = tmp_path / "c.jsonl"
    lines = [
        {"take": "a", "captions": ["x", {"text": "y", "kind": "index"}]},
        {"id": "b", "captions": [], "start": 3, "end": 9, "weak": True},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert read_json_lines(path) == {
        "a": [Captions((("x", "given"), ("y", "index")))],
        "b": [Captions((), 3, 9, True)],
    }
    for wrong in ("{", '{"take": "a"}', '{"take": "a", "captions": "x"}', '{"take": "a", "captions": [7]}', "[]"):
        path.write_text(f"\n{wrong}\n")
        with pytest.raises(BadFile, match="Line 2"):
            read_json_lines(path)


@pytest.fixture
def folder(tmp_path):
    """Files of every kind; what they hold does not matter here."""
    for name in ("deep/er/x.bvh", "01/01_02.amc", "01/01.asf", "02/a.AMC", "02/only.asf", "03/lost.amc", "01/01_02.bvh",
                 "new_joints/000001.npy", "new_joints/M000001.npy", "new_joint_vecs/000002.npy"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_what_lies_in_a_folder_is_recognised(folder):
    found = {source.name: source for source in find_sources(folder)}
    assert {name: source.kind for name, source in found.items()} == {
        "000001": "humanml3d", "M000001": "humanml3d", "000002": "humanml3d", "deep_er_x": "bvh",
        "01_01_02_amc": "amc", "01_01_02_bvh": "bvh", "02_a": "amc", "03_lost": "amc",
    }  # fmt: skip
    assert found["01_01_02_amc"].skeleton.name == "01.asf" and found["02_a"].skeleton.name == "only.asf"
    assert found["03_lost"].skeleton is None
    assert found["M000001"].take == "000001" and found["01_01_02_amc"].take == found["01_01_02_bvh"].take
    assert {source.kind for source in find_sources(folder, "bvh")} == {"bvh"}
    with pytest.raises(BadFile, match="no motion of the kind 'bvh'"):
        find_sources(folder / "03", "bvh")
    with pytest.raises(BadFile, match="does not exist"):
        find_sources(folder / "nowhere")


def test_captions_find_their_takes(folder):
    (folder / "texts").mkdir()
    (folder / "texts" / "000001.txt").write_text("goes left")
    (folder / "texts" / "M000001.txt").write_text("goes right")
    (folder / "deep" / "er" / "x.txt").write_text("beside")
    lines = folder / "c.jsonl"
    lines.write_text('{"take": "000001", "captions": ["from json"]}\n{"take": "01_02", "captions": ["both forms"]}')
    found = captions_of(find_sources(folder), folder, lines)
    texts = {name: [text for about in some for text, _ in about.texts] for name, some in found.items()}
    assert texts["000001"] == ["from json"] and texts["M000001"] == ["goes right"] and texts["deep_er_x"] == ["beside"]
    assert texts["01_01_02_amc"] == texts["01_01_02_bvh"] == ["both forms"] and texts["02_a"] == []


def test_lists_of_the_data_set_give_the_splits(folder):
    (folder / "train.txt").write_text("000001\nM000001\n")
    (folder / "test.txt").write_text("000002\n")
    lists = read_split_lists(folder)
    assert assign({"000001", "000002", "x"}, lists, (1, 0, 0)) == {"000001": "train", "000002": "test"}
    (folder / "val.txt").write_text("M000001\n")
    with pytest.raises(BadFile, match=r"train\.txt and val\.txt"):
        read_split_lists(folder)


def test_hashed_splits_keep_to_their_shares_and_stay():
    takes = {f"take_{i}" for i in range(2000)}
    splits = split_takes(takes, (80, 10, 10))
    counts = [sum(split == name for split in splits.values()) / 2000 for name in ("train", "val", "test")]
    np.testing.assert_allclose(counts, [0.8, 0.1, 0.1], atol=0.03)
    fewer = split_takes(set(sorted(takes)[:500]), (80, 10, 10))
    assert all(splits[take] == split for take, split in fewer.items())


def test_small_sets_leave_no_split_empty():
    assert sorted(split_takes({"a", "b", "c"}, (0.9, 0.05, 0.05)).values()) == ["test", "train", "val"]
    assert set(split_takes({"a", "b", "c"}, (1, 0, 0)).values()) == {"train"}
    assert len(split_takes({"a"}, (0.9, 0.05, 0.05))) == 1
