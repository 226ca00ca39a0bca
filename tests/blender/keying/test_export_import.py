# SPDX-License-Identifier: GPL-3.0-or-later
"""Exported .glb and .bvh files, read back by Blender's own importers, put every joint where the motion has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender as a Python module")

from blender_addon.shared import space
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.export import export_clip
from engine.export.clip import ExportClip

from ...engine.helpers.motions import walking_in_a_circle


@pytest.fixture
def clip() -> ExportClip:
    return ExportClip(walking_in_a_circle(num_frames=41), prompt="a person walks in a circle", seed=3)


@pytest.fixture(autouse=True)
def empty_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = int(FPS), 1.0


def _heads(armature: object, frame: int) -> np.ndarray:
    """World positions (22,3) of the bones' heads in Blender axes at model frame ``frame``; both importers may start
    at 0 or 1.
    """
    bpy.context.scene.frame_set(frame)
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([evaluated.matrix_world @ evaluated.pose.bones[name].head for name in SKELETON.names])


def _worst_error(clip: ExportClip, first_frame: int) -> float:
    armature = next(thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE")
    wanted = space.model_to_blender(clip.joints)
    return max(
        float(np.abs(_heads(armature, frame + first_frame) - wanted[frame]).max())
        for frame in range(0, clip.num_frames, 5)
    )


def test_glb_in_blender(clip: ExportClip, tmp_path: Path) -> None:
    path = export_clip(clip, tmp_path / "walk.glb")
    assert bpy.ops.import_scene.gltf(filepath=str(path)) == {"FINISHED"}
    assert _worst_error(clip, 0) < 1e-3
    meshes = [thing for thing in bpy.context.scene.objects if thing.type == "MESH" and thing.find_armature()]
    assert len(meshes) == 1 and len(meshes[0].vertex_groups) >= SKELETON.num_joints


def test_glb_figure_follows_its_bones(clip: ExportClip, tmp_path: Path) -> None:
    bpy.ops.import_scene.gltf(filepath=str(export_clip(clip, tmp_path / "walk.glb")))
    figure = next(thing for thing in bpy.context.scene.objects if thing.type == "MESH" and thing.find_armature())
    frame = 30
    bpy.context.scene.frame_set(frame)
    skin = figure.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    corners = np.array([figure.matrix_world @ vertex.co for vertex in skin.vertices])
    joints = space.model_to_blender(clip.joints[frame])
    # Every bone's octahedron has a corner on the joint at its end.
    nearest = np.linalg.norm(corners[None] - joints[:, None], axis=-1).min(1)
    assert nearest.max() < 2e-3


def test_bvh_in_blender_at_life_size(clip: ExportClip, tmp_path: Path) -> None:
    path = export_clip(clip, tmp_path / "walk.bvh")
    assert bpy.ops.import_anim.bvh(filepath=str(path)) == {"FINISHED"}
    assert _worst_error(clip, 1) < 1e-3
