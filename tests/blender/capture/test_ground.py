# SPDX-License-Identifier: GPL-3.0-or-later
"""A path that is not level: the ground under it, from its own height or from an object, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.capture import capture
from blender_addon.capture.request import build_request
from blender_addon.properties.control import add_control
from blender_addon.shared.errors import BadControl
from blender_addon.shared.ground import heights_at

from ..helpers import rigs, scenes

Point = tuple[float, float, float]


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character, found.prompt = rigs.mixamo(), "a person walks"
    return found


def walk(settings: bpy.types.PropertyGroup, *points: Point) -> bpy.types.PropertyGroup:
    """A path through the points over four seconds, as an animator gets one."""
    control = add_control(settings)
    control.target = scenes.curve("Path", points, "POLY")
    control.frame_start, control.frame_end = 1, 97
    return control


def mesh(name: str, *quads: tuple[float, float, float]) -> bpy.types.Object:
    """Treads that look up, each 2 m wide from one Y to another at a height."""
    vertices, faces = [], []
    for begin, end, height in quads:
        faces.append(tuple(range(len(vertices), len(vertices) + 4)))
        vertices += [(-1, begin, height), (-1, end, height), (1, end, height), (1, begin, height)]
    data = bpy.data.meshes.new(name)
    data.from_pydata(vertices, [], faces)
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def stairs() -> bpy.types.Object:
    """Up along -Y from 1 m on, 0.17 m a step of 0.3 m."""
    return mesh("Stairs", *((-1 - 0.3 * i, -1.3 - 0.3 * i, 0.17 * (i + 1)) for i in range(9)))


def under_hips(found: capture.CapturedScene) -> np.ndarray:
    """Heights (T,) in Blender of the ground under the hips, over the soles."""
    frames = np.arange(found.signal.num_frames)
    if found.ground is None:
        return 0.0 * frames
    return heights_at(found.ground, frames, found.signal.hint[:, :1, [0, 2]])[:, 0] * found.body.scale


def over_ground(found: capture.CapturedScene) -> np.ndarray:
    return found.signal.hint[:, 0, 1] * found.body.scale - under_hips(found)


def test_a_level_path_has_no_ground_of_its_own(settings) -> None:
    walk(settings, (0, 0, 0.04), (0, -4, 0.05))
    found = capture.capture(bpy.context.scene)
    assert found.ground is None and found.ground_note == "" and found.signal.free_height


@pytest.mark.parametrize("slope", [0.25, -0.25])
def test_a_ramp_is_the_ground_of_its_path(settings, slope: float) -> None:
    walk(settings, (0, 0, 0), (0, -4, 4 * slope))
    found = capture.capture(bpy.context.scene)
    heights = under_hips(found)
    assert found.signal.free_height and heights[-1] == pytest.approx(4 * slope, abs=0.03)
    assert np.ptp(over_ground(found)) < 0.03
    assert "as high as the path" in found.ground_note
    assert build_request(bpy.context.scene, found).ground is found.ground


def test_a_balcony_is_walked_where_it_is_though_the_character_stands_below(settings) -> None:
    walk(settings, (1, 0, 3), (1, -4, 3))
    found = capture.capture(bpy.context.scene)
    assert np.allclose(under_hips(found), 3) and found.signal.hint[0, 0, 0] * found.body.scale == pytest.approx(
        1, abs=0.01
    )


def test_hips_at_their_height_are_not_the_ground(settings) -> None:
    control = walk(settings, (0, 0, 0.95), (0, -4, 1.6))
    found = capture.capture(bpy.context.scene)
    assert found.ground is None and not found.signal.free_height and "as drawn" in found.ground_note
    control.height = "FLOOR"
    assert under_hips(capture.capture(bpy.context.scene))[0] == pytest.approx(0.95, abs=0.02)


def test_a_flat_path_climbs_the_stairs_that_are_its_ground(settings) -> None:
    control = walk(settings, (0, 0, 0), (0, -3.6, 0))
    control.ground = stairs()
    found = capture.capture(bpy.context.scene)
    heights = under_hips(found)
    assert found.signal.free_height and heights[0] == 0 and heights[-1] == pytest.approx(1.53, abs=1e-3)
    assert set((heights / 0.17).round(2)) <= set(range(10)) and "'Stairs'" in found.ground_note
    assert np.ptp(over_ground(found)) < 1e-3


def test_hips_above_an_object_go_as_drawn_and_feet_on_it(settings) -> None:
    control = walk(settings, (0, 0, 0.95), (0, -1, 0.95), (0, -3.6, 0.95 + 1.5))
    control.ground = stairs()
    found = capture.capture(bpy.context.scene)
    assert not found.signal.free_height and under_hips(found)[-1] == pytest.approx(1.53, abs=1e-3)


def test_what_is_parented_to_the_ground_belongs_to_it_and_a_roof_does_not_catch_the_path(settings) -> None:
    control = walk(settings, (0, 0, 0), (0, -3.6, 0))
    control.ground = bpy.data.objects.new("House", None)
    bpy.context.scene.collection.objects.link(control.ground)
    for member in (stairs(), mesh("Roof", (3, -6, 4.0))):
        member.parent = control.ground
    assert under_hips(capture.capture(bpy.context.scene)).max() == pytest.approx(1.53, abs=1e-3)


def test_a_ledge_is_told_where_it_is(settings) -> None:
    walk(settings, (0, 0, 1.2), (0, -2, 1.2), (0, -2.01, 0), (0, -4, 0))
    with pytest.raises(BadControl, match=r"drops by 1\.\d m .* frame 5\d") as caught:
        capture.capture(bpy.context.scene)
    assert "ramp or steps" in caught.value.hint


def test_a_ground_without_faces_or_elsewhere_is_told(settings) -> None:
    control = walk(settings, (0, 0, 0), (0, -4, 0))
    control.ground = bpy.data.objects.new("Nothing", None)
    bpy.context.scene.collection.objects.link(control.ground)
    with pytest.raises(BadControl, match="no faces"):
        capture.capture(bpy.context.scene)
    control.ground = mesh("Far", (30, 20, 0.0))
    with pytest.raises(BadControl, match="nowhere"):
        capture.capture(bpy.context.scene)
