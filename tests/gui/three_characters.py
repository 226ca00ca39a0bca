# SPDX-License-Identifier: GPL-3.0-or-later
"""Three characters of three rig families on three paths: made by the real engine, rendered to a contact sheet and a
clip.

    python -m tests.gui.three_characters --out pictures [--clip]

Needs bpy and the embedded model; Workbench renders without a screen. ImageMagick's ``montage`` joins the sheet, Pillow
(which comes with matplotlib) the clip.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from PIL import Image

import blender_addon
from blender_addon.app.generation import GENERATION
from blender_addon.character.body import read_body
from blender_addon.shared.skeleton import SKELETON
from blender_addon.takes import history as takes
from blender_addon.ui.controls.walk_along import walk_along

from ..blender.helpers import rigs, scenes
from ..blender.helpers.engines import generate, running_engine

SHEET = (3, 2)
CELL = (520, 300)
CLIP_STEP = 2
CLIP_QUALITY = 60
PARENTS = {name: SKELETON.names[p] for name, p in zip(SKELETON.names, SKELETON.parents, strict=True) if p >= 0}
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """A character and what it is asked to do."""

    make: Callable[[], bpy.types.Object]
    prompt: str
    path: np.ndarray
    colour: Colour


def parts() -> list[Part]:
    share = np.linspace(0, 1, 9)
    turn = math.pi * (0.42 - 1.1 * share)
    arc = np.stack([2.0 * np.cos(turn) - 2.6, 2.0 * np.sin(turn) - 0.6, 0 * share], -1)
    wave = np.stack([0.6 * np.sin(2 * math.pi * share) + 0.15, 2.4 - 6.3 * share, 0 * share], -1)
    bend = np.stack([2.9 - 1.5 * np.sin(math.pi * share) ** 2, 1.6 - 4.0 * share, 0 * share], -1)
    return [
        Part(rigs.mixamo, "a person walks forward.", arc, (0.9, 0.4, 0.16)),
        Part(rigs.rigify_metarig, "a person walks slowly.", wave, (0.16, 0.45, 0.85)),
        Part(rigs.smpl, "a person walks slowly.", bend, (0.3, 0.68, 0.25)),
    ]


def act(part: Part) -> int:
    """Build the character, draw its path, let it walk and keep the take; returns the last frame."""
    from .mannequin import dress

    scene = bpy.context.scene
    armature = part.make()
    armature.location = part.path[0]
    ahead = part.path[1] - part.path[0]
    armature.rotation_mode = "XYZ"
    armature.rotation_euler.z += math.atan2(ahead[1], ahead[0]) + math.pi / 2  # they look along -Y at rest
    bpy.context.view_layer.update()
    dress(armature, read_body(armature, scene).bones, PARENTS, part.colour)
    armature.hide_render = True
    path = scenes.curve(f"{armature.name} path", [tuple(point) for point in part.path])
    path.data.bevel_depth = 0.025
    path.color = (*(0.75 * value for value in part.colour), 1.0)
    settings = scene.gaitway
    settings.character, settings.prompt = armature, part.prompt
    settings.controls.clear()
    end = walk_along(scene, path).frame_end
    generate()
    assert GENERATION.error is None, GENERATION.error
    print(f"{armature.name}: {'; '.join(GENERATION.report)}")
    takes.accept(scene, takes.shown(scene), False)
    return end


def stage() -> None:
    """Floor, camera and light."""
    scene = bpy.context.scene
    for parity, shade in ((0, 0.8), (1, 0.95)):
        corners, faces = [], []
        for x in range(-14, 14):
            for y in range(-14, 14):
                if (x + y) % 2 == parity:
                    first = len(corners)
                    corners += [(x, y, -0.01), (x + 1, y, -0.01), (x + 1, y + 1, -0.01), (x, y + 1, -0.01)]
                    faces.append(range(first, first + 4))
        mesh = bpy.data.meshes.new("Floor")
        mesh.from_pydata(corners, [], faces)
        floor = bpy.data.objects.new("Floor", mesh)
        floor.color = (shade, shade, shade * 1.02, 1.0)
        scene.collection.objects.link(floor)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.lens = 125  # a narrow view keeps those at the sides upright
    camera.location = (-0.4, -27.0, 7.2)
    camera.rotation_euler = (Vector((-0.45, -0.6, 0.55)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.color_type, shading.show_shadows, shading.show_cavity = "OBJECT", True, True
    shading.shadow_intensity = 0.35
    scene.display.light_direction = (0.45, -0.4, 0.8)
    scene.display.render_aa = "8"
    scene.render.resolution_x, scene.render.resolution_y = CELL
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.62, 0.68, 0.75)


def render(frame: int, file: Path) -> Path:
    scene = bpy.context.scene
    scene.frame_set(frame)
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)
    return file


def join(pictures: list[Path], clip: Path) -> None:
    """An animated picture at the scene's speed; the last one stays for a second."""
    first, *others = (Image.open(picture).convert("RGB") for picture in pictures)
    each = round(1000 * CLIP_STEP / bpy.context.scene.render.fps)
    times = [each] * len(others) + [1000]
    first.save(clip, save_all=True, append_images=others, duration=times, loop=0, quality=CLIP_QUALITY, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for three.jpg, three.webp and its frames")
    parser.add_argument("--clip", action="store_true", help=f"also a clip of every {CLIP_STEP}nd frame")
    chosen = parser.parse_args()
    out = chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_homefile(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = "blender_addon"
    blender_addon.register()
    with tempfile.TemporaryDirectory() as folder:
        connection = Path(folder) / "connection.json"
        entry.preferences.connection_file, entry.preferences.autostart = str(connection), False
        with running_engine(connection, "engine.cli", "serve"):
            end = max([act(part) for part in parts()])
    stage()
    number = SHEET[0] * SHEET[1]
    cells = [render(round(1 + (end - 1) * cell / (number - 1)), out / f"cell{cell}.png") for cell in range(number)]
    layout = ["-tile", f"{SHEET[0]}x{SHEET[1]}", "-geometry", "+3+3", "-quality", "86"]
    subprocess.run(["montage", *map(str, cells), *layout, str(out / "three.jpg")], check=True)
    for cell in cells:
        cell.unlink()
    if chosen.clip:
        frames = range(1, end + 1, CLIP_STEP)
        join([render(frame, out / f"clip{frame:03d}.png") for frame in frames], out / "three.webp")
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "three.blend"))
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may hang when the interpreter tears it down


if __name__ == "__main__":
    main()
