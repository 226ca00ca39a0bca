# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of obstacles and relative targets: what they say arrives, what they cannot say is refused with a remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blender_addon.shared.errors import BadControl, BadFile
from blender_addon.shared.protocol import Obstacle, RelativeTarget
from engine.inputs.surroundings import read_surroundings


def write(folder: Path, content: Any) -> Path:
    path = folder / "surroundings.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_what_the_file_says_arrives(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "obstacles": [
                {"kind": "sphere", "centre": [0, 1, 2], "size": 0.4, "margin": 0.05},
                {"kind": "box", "centre": [1, 2, 3], "size": [0.1, 0.2, 0.3], "rotation": [0, 0, 1, 0]},
            ],
            "relative": [
                {"joint": "right_wrist", "to": "right_hip", "offset": [0.1, 0, 0.2], "start": 1, "end": 2},
                {"joint": "head", "to": "pelvis", "offset": [0, 0.6, 0]},
            ],
        },
    )
    relative, obstacles = read_surroundings(path, 61)
    assert obstacles == (
        Obstacle("sphere", (0.0, 1.0, 2.0), (0.4, 0.0, 0.0), margin=0.05),
        Obstacle("box", (1.0, 2.0, 3.0), (0.1, 0.2, 0.3), (0.0, 0.0, 1.0, 0.0)),
    )
    assert relative == (
        RelativeTarget("right_wrist", "right_hip", (0.1, 0.0, 0.2), 20, 21),
        RelativeTarget("head", "pelvis", (0.0, 0.6, 0.0), 0, 61),
    )
    assert read_surroundings(write(tmp_path, {}), 61) == ((), ())


@pytest.mark.parametrize(
    "content",
    ["{", "[1]", {"walls": []}, {"obstacles": 3}, {"obstacles": [{"kind": "sphere", "size": 1}]},
     {"obstacles": [{"kind": "box", "centre": [0, "a", 1], "size": 1}]},
     {"relative": [{"joint": "head", "to": "pelvis", "offset": [1, 2]}]}],
    ids=str,
)  # fmt: skip
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(BadFile) as caught:
        read_surroundings(write(tmp_path, content), 61)
    assert caught.value.hint


def test_joints_and_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadControl):
        read_surroundings(write(tmp_path, {"relative": [{"joint": "tail", "to": "head", "offset": [0, 0, 0]}]}), 61)
    with pytest.raises(BadFile):
        read_surroundings(tmp_path / "nothing.json", 61)
