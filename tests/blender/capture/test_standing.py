# SPDX-License-Identifier: GPL-3.0-or-later
"""A path starts from a stand and ends in one where it begins and ends in the open, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.capture import capture
from blender_addon.properties.control import add_control

from ..helpers import rigs, scenes

SPEED = 1.25
"""Of the path below over its four seconds, m/s of the model's body, if it is even."""


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


def path(
    settings: bpy.types.PropertyGroup, first: int = 1, last: int = 97, start: float = 0.0
) -> bpy.types.PropertyGroup:
    """A straight path of 5 m of the model's body, as an animator gets one."""
    metre = capture.read_body(settings.character, bpy.context.scene).scale
    control = add_control(settings)
    control.target = scenes.curve("Path", [(0, -start * metre, 0), (0, -(start + 5) * metre, 0)], "POLY")
    control.frame_start, control.frame_end = first, last
    return control


def speeds() -> np.ndarray:
    """Of the hips (T - 1,), m/s; NaN between frames that are not asked for."""
    signal = capture.capture(bpy.context.scene).signal
    places = np.where(signal.hint_mask[:, :1], signal.hint[:, 0], np.nan)
    return np.linalg.norm(np.diff(places, axis=0)[:, [0, 2]], axis=-1) * capture.FPS


def test_a_path_in_the_open_begins_and_ends_in_a_stand(settings) -> None:
    path(settings)
    found = speeds()
    assert found[[0, -1]].max() < 0.15 and found.max() > SPEED
    settled = np.flatnonzero(found > 0.98 * found.max()) / capture.FPS
    assert 0.55 < settled[0] < 0.8 and 0.55 < 3.8 - settled[-1] < 0.85
    assert found[-4:].max() < 1e-3  # it stands
    assert found.sum() / capture.FPS == pytest.approx(5.0, rel=1e-3)


def test_a_control_of_an_earlier_file_goes_on_as_it_did(settings) -> None:
    """What is not set in a file is the property's default."""
    control = path(settings)
    for name in ("from_standing", "to_standing", "facing"):
        control.property_unset(name)
    assert control.facing == "FREE" and np.allclose(speeds(), SPEED, rtol=1e-3)


@pytest.mark.parametrize("end", ["from_standing", "to_standing"])
def test_each_end_by_itself(settings, end: str) -> None:
    setattr(path(settings), end, False)
    found = speeds()[:: 1 if end == "from_standing" else -1]
    assert found[-1] < 0.15 and found[0] == pytest.approx(found.max(), rel=1e-3)


def test_a_loop_and_a_keyed_pace_have_no_ends(settings) -> None:
    control = path(settings)
    settings.loop = True
    assert np.allclose(speeds(), SPEED, rtol=1e-3)
    settings.loop = False
    control.pace, control.ease = "EASE", 1.0  # the animator's own ease stands
    assert speeds().max() == pytest.approx(5.0 / 3.0, rel=0.02)
    control.joint = "head"
    control.pace = "EVEN"
    signal = capture.capture(bpy.context.scene).signal
    head = capture.SKELETON.index("head")
    steps = np.linalg.norm(np.diff(signal.hint[:, head], axis=0)[:, [0, 2]], axis=-1)
    assert np.allclose(steps, steps[0], rtol=1e-3)


def test_paths_that_follow_each_other_are_walked_in_one_go(settings) -> None:
    path(settings)
    path(settings, 99, 195, start=5.1)
    found = speeds()
    joint = len(found) // 2
    assert found[[0, -1]].max() < 0.15
    assert np.nanmin(found[joint - 10 : joint + 10]) > SPEED


def test_a_path_that_is_walked_to_does_not_start_from_a_stand(settings) -> None:
    path(settings, 49, 145, start=2.0)
    found = speeds()
    assert found[-1] < 0.15 and found[np.isfinite(found)][1] > SPEED


def test_keyed_empties_keep_their_times(settings) -> None:
    control = add_control(settings)
    control.target, control.times = scenes.empty("Guide", {1: (0, 0, 0), 97: (0, -4, 0)}), "BETWEEN"
    found = speeds()
    assert np.allclose(found, found[0], rtol=1e-3)
