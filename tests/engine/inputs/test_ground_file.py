# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path from a file runs on: its own height, a mesh, the floor; and heights that no hips have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_addon.shared.errors import BadControl, BadFile
from blender_addon.shared.ground import heights_at
from engine.inputs.controls import FileTrack
from engine.inputs.ground import path_on_ground, read_obj

STEP = """# one step up at z = 2
v -2 0 -2\nv -2 0 2\nv 2 0 2\nv 2 0 -2
v -2 0.2 2\nv -2 0.2 8\nv 2 0.2 8\nv 2 0.2 2
f 1 2 3 4\nf -4/1/1 -3/1/1 -2/1/1 -1/1/1
"""


def track(heights: list[float], on_ground: bool = False) -> FileTrack:
    """A path straight ahead, a point a metre."""
    points = np.stack([0 * np.arange(len(heights)), heights, np.arange(len(heights))], -1)
    return FileTrack("pelvis", None, points, on_ground)


def height_under(kind: str, path: FileTrack, z: float) -> float:
    _, ground = path_on_ground(kind, path, 81)
    assert ground is not None
    return float(heights_at(ground, np.array([40]), np.array([[[0.2, z]]]))[0, 0])


def test_a_path_is_as_high_as_the_ground() -> None:
    followed, _ = path_on_ground("path", track([0, 0, 0.4, 0.4]), 81)
    assert followed.on_ground and followed.points[:, 1].min() > 0.8
    assert height_under("path", track([0, 0, 0.4, 0.4]), 1.5) == pytest.approx(0.2, abs=0.02)
    wall = np.array([[0, 0, 0], [0, 0, 2], [0, 1, 2.1], [0, 1, 4.0]])
    with pytest.raises(BadControl, match="rises by"):
        path_on_ground("path", FileTrack("pelvis", None, wall), 81)


def test_a_mesh_is_the_ground_of_marks_on_it_and_of_hips_above_it(tmp_path: Path) -> None:
    file = tmp_path / "step.obj"
    file.write_text(STEP)
    for path, on_ground in ((track([0, 0, 0, 0, 0]), True), (track([0.9, 0.9, 1, 1.1, 1.1]), False)):
        followed, _ = path_on_ground(str(file), path, 81)
        assert followed.on_ground == on_ground
        assert height_under(str(file), path, 1.9) == pytest.approx(0) and height_under(
            str(file), path, 2.1
        ) == pytest.approx(0.2)
    assert path_on_ground(str(file), track([0.93] * 5, True), 81)[0].points[-1, 1] == pytest.approx(1.13)
    with pytest.raises(BadControl, match="over the ground"):
        path_on_ground(str(file), track([9.0] * 5), 81)


@pytest.mark.parametrize("heights", [[0.0, 0.0, 0.0], [40.0, 40.0, 40.0], [-3.0, -2.0, -1.0]])
def test_heights_that_hips_do_not_have_name_the_axis(heights: list[float]) -> None:
    with pytest.raises(BadControl, match="y is up") as caught:
        path_on_ground(None, track(heights), 81)
    assert "--ground path" in caught.value.hint


def test_a_file_whose_z_is_up_is_told_so() -> None:
    points = np.stack([np.zeros(5), np.arange(5.0) + 2, np.full(5, 0.93)], -1)
    with pytest.raises(BadControl) as caught:
        path_on_ground(None, FileTrack("pelvis", None, points), 81)
    assert "x,z,y" in caught.value.hint


@pytest.mark.parametrize("text", ["", "v 0 0 0\nf 1 2 3\n", "v 0 0 x\n", "v 0 0 0\nv 1 0 0\nv 0 0 1\n"])
def test_what_is_no_mesh_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mesh.obj"
    file.write_text(text)
    with pytest.raises(BadFile):
        read_obj(file)
