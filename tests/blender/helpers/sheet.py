# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a character in some frames, from its front and its side: triangles of its evaluated mesh in painter's
order, or its bones where it has no mesh. Needs matplotlib; takes a second, no graphics card and no screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import skin

LIGHT = np.array([0.4, -0.6, 0.7]) / np.linalg.norm([0.4, -0.6, 0.7])
LEFT_RGB, RIGHT_RGB, BODY_RGB = np.array([0.25, 0.45, 0.9]), np.array([0.9, 0.35, 0.25]), np.array([0.75, 0.73, 0.7])


@dataclass(frozen=True, eq=False)
class Shot:
    """A scene frame, and where the figure should have its right (3,): it is seen from its front and from its right."""

    frame: float
    right: np.ndarray


def draw(
    path: Path, armature: bpy.types.Object, joints: dict[str, str], shots: list[Shot], ground: float, title: str
) -> None:
    """Write a picture: a column a shot, the front above, the side below. Left limbs are blue, right ones red; the line
    is the ground.
    """
    from matplotlib import pyplot

    members = skin.meshes_of(armature)
    corners = skin.triangles(members)
    colours = _colours(armature, members, joints)[corners[:, 0]] if len(corners) else np.zeros((0, 3))
    shown = []
    for shot in shots:
        bpy.context.scene.frame_set(int(np.floor(shot.frame)), subframe=float(shot.frame % 1))
        shown.append((skin.vertices(members), _bones(armature)))
    everything = np.concatenate([pair[0] if len(corners) else pair[1].reshape(-1, 3) for pair in shown])
    height = float(np.percentile(everything[:, 2], 99.5) - ground) or 1.0
    figure, axes = pyplot.subplots(2, len(shots), figsize=(2.2 * len(shots), 5.2), squeeze=False)
    for column, (points, bones) in enumerate(shown):
        right = np.array([*shots[column].right[:2], 0.0]) / np.linalg.norm(shots[column].right[:2])
        centre = (points if len(points) else bones.reshape(-1, 3)).mean(0)
        for row, across in enumerate((-right, np.cross([0, 0, 1.0], right))):
            ax = axes[row, column]
            ahead = np.cross([0, 0, 1.0], across)
            if len(corners):
                _paint(ax, points[corners], colours, across, ahead, centre)
            else:
                for head, tail in bones:
                    ax.plot([(head - centre) @ across, (tail - centre) @ across], [head[2], tail[2]], "k-", lw=1.5)
            ax.axhline(ground, color="green", lw=0.8)
            ax.set_xlim(-0.6 * height, 0.6 * height)
            ax.set_ylim(ground - 0.15 * height, ground + 1.15 * height)
            ax.set_aspect("equal")
            ax.axis("off")
        axes[0, column].set_title(f"{shots[column].frame:.0f}", fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.subplots_adjust(0, 0, 1, 0.93, 0, 0)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def _paint(
    ax: object, faces: np.ndarray, colours: np.ndarray, across: np.ndarray, ahead: np.ndarray, centre: np.ndarray
) -> None:
    from matplotlib.collections import PolyCollection

    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shade = 0.55 + 0.45 * np.abs(normals @ LIGHT)
    order = np.argsort(-(faces.mean(1) @ ahead))
    flat = np.stack([(faces - centre) @ across, faces[..., 2]], -1)
    visible = np.clip(colours * shade[:, None], 0, 1)[order]
    ax.add_collection(PolyCollection(flat[order], facecolors=visible, edgecolors=visible, linewidths=0.2))


def _colours(armature: bpy.types.Object, members: list[bpy.types.Object], joints: dict[str, str]) -> np.ndarray:
    colours = np.tile(BODY_RGB, (len(skin.vertices(members)), 1))
    for side, colour in (("left", LEFT_RGB), ("right", RIGHT_RGB)):
        for joint in ("hip", "shoulder", "knee", "ankle"):
            if f"{side}_{joint}" in joints:
                bone = armature.data.bones[joints[f"{side}_{joint}"]]
                colours[skin.held_by(members, armature, {bone.name, *(b.name for b in bone.children_recursive)})] = (
                    colour
                )
    return colours


def _bones(armature: bpy.types.Object) -> np.ndarray:
    """World ends (B, 2, 3) of all bones, evaluated now."""
    final = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    world = np.array(final.matrix_world)
    ends = np.array([(bone.head, bone.tail) for bone in final.pose.bones], float).reshape(-1, 3)
    return (ends @ world[:3, :3].T + world[:3, 3]).reshape(-1, 2, 3)
