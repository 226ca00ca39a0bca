# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blender_addon.shared.errors import BadControl, BadFile
from blender_addon.shared.skeleton import SKELETON
from engine.inputs.controls import WALKING_HEIGHT_M, read_track

EXAMPLES = Path(__file__).resolve().parents[3] / "engine" / "examples"
TIMES, POINTS = [0.0, 1.0, 2.5], [[0.0, 0.9, 0.0], [0.5, 0.9, 1.0], [1.0, 0.95, -2.0]]


def _file(tmp_path: Path, text: str | bytes, name: str = "path.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "time,x,y,z\n0,0,0.9,0\n1,0.5,0.9,1\n2.5,1,0.95,-2\n",
        "# a comment\nZ, Y, X, Time, note\n0,0.9,0,0,a\n1,0.9,0.5,1,b\n-2,0.95,1,2.5,c\n",
        "0,0,0.9,0\n1,0.5,0.9,1\n2.5,1,0.95,-2",
        "0 0 0.9 0\n1 0.5 0.9 1\n\n2.5 1 9.5e-1 -2\n",
        "t\tx\ty\tz\r\n0\t0\t0.9\t0\r\n1\t0.5\t0.9\t1\r\n2.5\t1\t0.95\t-2\r\n",
        "time;x;y;z\n0;0;0,9;0\n1;0,5;0,9;1\n2,5;1;0,95;-2\n",
        b'\xef\xbb\xbf"time","x","y","z"\n0,0,0.9,0\n1,0.5,0.9,1\n2.5,1,0.95,-2\n',
        json.dumps([{"time": t, "x": x, "y": y, "z": z} for t, (x, y, z) in zip(TIMES, POINTS, strict=True)]),
        json.dumps({"time": TIMES} | {axis: [p[i] for p in POINTS] for i, axis in enumerate("xyz")}),
        json.dumps([[t, *p] for t, p in zip(TIMES, POINTS, strict=True)]),
    ],
)
def test_every_form_reads_alike(tmp_path: Path, text: str | bytes) -> None:
    track = read_track(_file(tmp_path, text))
    np.testing.assert_array_equal(track.times, TIMES)
    np.testing.assert_array_equal(track.points, POINTS)
    assert track.last_time == 2.5


def test_without_y_the_pelvis_is_as_high_as_in_walking(tmp_path: Path) -> None:
    track = read_track(_file(tmp_path, "time,x,z\n0,0,0\n1,0,1\n"))
    np.testing.assert_array_equal(track.points[:, 1], WALKING_HEIGHT_M)
    assert 0.9 * SKELETON.standing_height < WALKING_HEIGHT_M < SKELETON.standing_height
    with pytest.raises(BadControl, match="height of left_wrist"):
        read_track(_file(tmp_path, "time,x,z\n0,0,0\n1,0,1\n"), "left_wrist")


@pytest.mark.parametrize("text", ["x,y,z\n0,1,0\n0,1,1\n0,1,4\n", "[[0,1,0],[0,1,1],[0,1,4]]", "0,1,0\n0,1,1\n0,1,4"])
def test_without_time_the_speed_is_even(tmp_path: Path, text: str) -> None:
    track = read_track(_file(tmp_path, text))
    assert track.times is None and track.last_time is None
    np.testing.assert_allclose(track.timed(6.0)[0], [0, 1.5, 6])


def test_without_time_and_without_way_the_points_are_spread(tmp_path: Path) -> None:
    track = read_track(_file(tmp_path, "x,y,z\n1,1,1\n1,1,1\n1,1,1\n"))
    np.testing.assert_allclose(track.timed(6.0)[0], [0, 3, 6])
    np.testing.assert_allclose(read_track(_file(tmp_path, "x,y,z\n1,1,1\n")).timed(6.0)[0], [0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("time,x,z\n", "0 points"),
        ("time,x,z\n0,0,0\n", "1 point; it needs at least 2"),
        ("time,x,y\n0,0,0\n1,1,1\n", "no column z"),
        ("1,2\n3,4\n", "2 columns without names"),
        ("time,x,z\n0,0,0\n1,1\n", "Point 2 .* has 2 values where 3"),
        ("time,x,x,z\n0,0,0,0\n1,1,1,1\n", "two columns of the same name"),
        ("time,x,z\n0,0,0\n1,one,1\n", "x of point 2 .* is not a number: 'one'"),
        ("time,x,z\n0,0,0\n1,,1\n", "x of point 2 .* is not a number"),
        ("time,x,z\n0,0,0\n1,nan,1\n", "x of point 2 .* not a finite number"),
        ("time,x,z\n0,0,0\ninf,1,1\n", "time of point 2 .* not a finite number"),
        ("time,x,z\n0,0,0\n1,1e400,1\n", "x of point 2 .* not a finite number"),
        ("[[0, 0, 0.9, 0], [1, NaN, 0.9, 1]]", "x of point 2 .* not a finite number"),
        ('[{"x": 0, "z": 0}, {"x": true, "z": 1}]', "x of point 2 .* is not a number: 'True'"),
        ('[{"x": 0, "z": 0}, {"x": null, "z": 1}]', "x of point 2 .* is not a number"),
        ('[{"x": 0, "z": 0}, {"x": 1}]', "Point 2 .* same entries"),
        ('{"x": [0, 1], "z": [0]}', "same length"),
        ('{"x": 5, "z": 5}', "same length"),
        ("[[0, 1], [2, 3]]", "not a list of points"),
        ("[]", "not a list of points"),
        ("{}", "no column x and no column z"),
        ("[[0, 1, 2", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        (b"\xff\xfe\x00\x01", "not a text file"),
    ],
)
def test_bad_files_are_explained(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises((BadFile, BadControl), match=words) as caught:
        read_track(_file(tmp_path, text), min_points=2)
    assert caught.value.hint


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device that never ends")
def test_a_file_without_end() -> None:
    with pytest.raises(BadFile, match="larger than"):
        read_track(Path("/dev/zero"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="There is no file"):
        read_track(tmp_path / "missing.csv")
    with pytest.raises(BadFile, match="is a folder"):
        read_track(tmp_path)


def test_unknown_joint_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(BadControl, match="Did you mean 'left_wrist'"):
        read_track(_file(tmp_path, "0,0,0,0"), "left_wrst")


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in (".csv", ".json")))
def test_the_examples_can_be_walked(name: str) -> None:
    track = read_track(EXAMPLES / name, "right_wrist" if "hand" in name else "pelvis", min_points=2)
    times, points = track.timed(6.0)
    speed = np.linalg.norm(np.diff(points, axis=0), axis=-1) / np.diff(times)
    assert 0 < speed.max() < 2
