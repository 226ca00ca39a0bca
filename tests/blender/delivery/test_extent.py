# SPDX-License-Identifier: GPL-3.0-or-later
"""Far from the scene's origin, in tiny and huge units, long paths, slow and fast frame rates: the hips are on the path
at the speed of the sentence, from the press to keys.
"""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.capture import capture
from blender_addon.capture.request import build_request
from blender_addon.keying import apply
from blender_addon.shared.gaits import usual_speed
from blender_addon.ui.controls.walk_along import walk_along

from ..helpers import rigs, scenes
from ..helpers.walking_engine import walk

FULL_SPEED_S = (2.0, 3.0)
"""After which somebody who starts from a stand walks evenly, and before the end of this much they do."""


def walked(path: bpy.types.Object, frames: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Walk along ``path``: how far the hips are from it in metres at some frames, (K,); metres a second in between."""
    scene = bpy.context.scene
    control = walk_along(scene, path)
    captured = capture.capture(scene)
    (track,) = captured.tracks
    joints = walk(build_request(scene, captured), 0)
    armature, body = scene.gaitway.character, captured.body
    on_floor = capture.to_floor(joints, captured)
    start = float(captured.start_frame)
    apply.apply_motion(armature, on_floor, scale=body.scale, start_frame=start, scene=scene, action_name="Walk")
    fps = scene.render.fps / scene.render.fps_base
    first, last = control.frame_start + FULL_SPEED_S[0] * fps, control.frame_end - FULL_SPEED_S[1] * fps
    even = np.flatnonzero((track.frames >= first) & (track.frames <= last))
    some = even[np.linspace(0, len(even) - 1, frames).astype(int)]
    places = np.array([scenes.evaluated(armature, frame, body.bones["pelvis"]) for frame in track.frames[some]])
    apart = np.linalg.norm((places - track.points[some])[:, :2], axis=-1)
    steps = np.linalg.norm(np.diff(places[:, :2], axis=0), axis=-1)
    return apart * captured.unit_scale, steps * captured.unit_scale / (np.diff(track.frames[some]) / fps)


def straight(length: float, at: tuple[float, float] = (0.0, 0.0)) -> bpy.types.Object:
    path = scenes.curve("Path", [(0, 0, 0), (0, -length, 0)], "POLY")
    path.location = (*at, 0)
    return path


@pytest.fixture
def settings(addon) -> bpy.types.PropertyGroup:
    found = bpy.context.scene.gaitway
    found.character = rigs.mixamo()
    return found


@pytest.mark.parametrize(("unit", "fps"), [(0.01, 24000 / 1001), (1.0, 120.0), (1000.0, 24000 / 1001)])
def test_units_and_frame_rates(settings, unit: float, fps: float) -> None:
    scenes.set_rate(fps)
    bpy.context.scene.unit_settings.scale_length = unit
    settings.character.scale = (1 / unit,) * 3
    apart, speeds = walked(straight(8 / unit))
    size = capture.capture(bpy.context.scene).body.scale
    assert apart.max() < 0.001
    assert speeds == pytest.approx(usual_speed([settings.prompt]) * size, rel=0.02)


@pytest.mark.parametrize("at", [(10_000.0, -4_000.0), (-300_000.0, 0.0)])
def test_far_from_the_origin(settings, at: tuple[float, float]) -> None:
    settings.character.location = (*at, 0)
    apart, speeds = walked(straight(8, at))
    exact = float(np.spacing(np.float32(np.abs(at).max())))  # Blender's own numbers have seven digits
    assert apart.max() < 0.001 + 2 * exact
    assert np.median(speeds) == pytest.approx(1.2, rel=0.05 + exact)


def test_two_hundred_metres(settings) -> None:
    settings.prompt = "a person runs forward."
    path = straight(200)
    apart, speeds = walked(path, frames=6)
    (control,) = settings.controls
    assert 60 < (control.frame_end - control.frame_start) / 24 < 75
    assert apart.max() < 0.001 and speeds == pytest.approx(3.0, rel=0.03)
