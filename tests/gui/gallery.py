# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve sentences on characters of other people: made by the real engine, rendered to one moving picture.

    python -m tests.gui.gallery --rigs FOLDER --out pictures [--only NUMBER ...] [--strips]

Needs bpy, the embedded model and the glTF files of :data:`CAST` (CC0) in FOLDER, which are imported as their users do.
Workbench renders without a screen. Pillow (which comes with matplotlib) joins the pictures; with ``--strips`` also a
picture of each sentence's frames side by side, to look at them one by one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from PIL import Image, ImageDraw, ImageFont

import blender_addon
from blender_addon.app.generation import GENERATION
from blender_addon.takes import history as takes
from blender_addon.ui.controls.walk_along import walk_along

from ..blender.helpers import scenes
from ..blender.helpers.engines import generate, running_engine

SECONDS = 4.0
FPS, STEP = 20, 3  # of the scene; the moving picture shows every third frame
COLUMNS, CELL, LABEL = 4, (240, 240), 34  # cell and label under it in pixels
QUALITY = 55
MAN, WOMAN, KNIGHT, FROG, ROBOT = "q_men_adv", "q_women_adv", "q_knight", "q_astro_frog", "robotexpressive"
CURVE = ((-1.7, 1.3), (-0.6, 0.2), (0.2, 0.4), (0.9, -0.3), (1.7, -1.4))
SHORT = tuple((0.45 * x, 0.45 * y) for x, y in CURVE)
CIRCLE = tuple((1.1 * np.cos(a), 1.1 * np.sin(a)) for a in np.linspace(0, 1.75 * np.pi, 12))


@dataclass(frozen=True)
class Part:
    """A sentence, the character that plays it, and the path (metres on the floor) where one is drawn."""

    prompt: str
    character: str
    path: Sequence[tuple[float, float]] = ()
    seed: int = 0
    shown: float = 60.0  # seconds of it, at most


CAST = (
    Part("a person walks forward", WOMAN, CURVE),
    Part("a person runs in a circle", MAN, CIRCLE),
    Part("a person sneaks", FROG, SHORT),
    Part("a person does a cartwheel", MAN, shown=2.8),
    Part("a person waves with the right hand", ROBOT),
    Part("a person kicks with the left leg", KNIGHT),
    Part("a person jumps forward", WOMAN),
    Part("a boxer punches", KNIGHT),
    Part("a person dances", FROG),
    Part("a person laughs", ROBOT),
    Part("a zombie with outstretched arms", MAN),
    Part("a person picks something up", WOMAN),
)


@dataclass
class Actor:
    """Who acted: all objects that are his, and his height in metres."""

    armature: bpy.types.Object
    members: list[bpy.types.Object]
    height: float


def bring_in(file: Path) -> Actor:
    """Import a character as its users do."""
    before = set(bpy.data.objects.keys())
    bpy.ops.import_scene.gltf(filepath=str(file))
    brought = [member for member in bpy.data.objects if member.name not in before]
    armature = next(member for member in brought if member.type == "ARMATURE")
    meshes = [member for member in brought if member.type == "MESH" and not member.name.startswith("Icosphere")]
    bpy.context.view_layer.update()
    z = [(mesh.matrix_world @ Vector(corner)).z for mesh in meshes for corner in mesh.bound_box]
    return Actor(armature, meshes, max(z) - min(z))


def act(part: Part, rigs: Path) -> Actor:
    """Import the character, draw its path, let it act and keep the take."""
    scene = bpy.context.scene
    actor = bring_in(rigs / f"{part.character}.glb")
    settings = scene.gaitway
    settings.character, settings.prompt, settings.seed = actor.armature, part.prompt, part.seed
    settings.controls.clear()
    settings.length_mode, settings.seconds = "SECONDS", SECONDS
    if part.path:
        size = actor.height / 1.75
        path = scenes.curve(f"{actor.armature.name} path", [(x * size, y * size, 0.0) for x, y in part.path])
        path.data.bevel_depth = 0.02 * size
        path.data.materials.append(bpy.data.materials.new("Path"))
        path.data.materials[0].diffuse_color = (0.9, 0.35, 0.05, 1.0)
        actor.members.append(path)
        walk_along(scene, path)
    generate()
    assert GENERATION.error is None, GENERATION.error
    print(f"{part.prompt}: {'; '.join(GENERATION.report)}", flush=True)
    takes.accept(scene, takes.shown(scene), False)
    return actor


def stage() -> bpy.types.Object:
    """Floor, light and camera; returns the camera."""
    scene = bpy.context.scene
    for parity, shade in ((0, 0.84), (1, 0.95)):
        cells = [(x, y) for x in range(-30, 30) for y in range(-30, 30) if (x + y) % 2 == parity]
        corners = [(x + a, y + b, -0.01) for x, y in cells for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
        mesh = bpy.data.meshes.new("Floor")
        mesh.from_pydata(corners, [], [range(4 * i, 4 * i + 4) for i in range(len(cells))])
        floor = bpy.data.objects.new(f"Floor {parity}", mesh)
        material = bpy.data.materials.new("Floor")
        material.diffuse_color = (shade, shade, shade * 1.02, 1.0)
        mesh.materials.append(material)
        scene.collection.objects.link(floor)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.lens = 70
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.color_type, shading.show_shadows, shading.show_cavity = "TEXTURE", False, True
    scene.display.render_aa = "FXAA"
    scene.render.resolution_x, scene.render.resolution_y = CELL
    scene.view_settings.view_transform, scene.view_settings.exposure = "Standard", 0.6
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.62, 0.68, 0.75)
    return camera


def shoot(actor: Actor, frames: Sequence[int], camera: bpy.types.Object) -> list[Image.Image]:
    """A picture of each frame: the camera stands still and sees all of the way."""
    armature, size = actor.armature, actor.height
    scene = bpy.context.scene
    places = []
    for frame in frames:
        scene.frame_set(frame)
        places.append(np.mean([armature.matrix_world @ bone.head for bone in armature.pose.bones], 0))
    (west, south, _), (east, north, _) = np.min(places, 0), np.max(places, 0)
    middle = Vector(((west + east) / 2, (south + north) / 2, 0.5 * size))
    reach = max(east - west, 0.6 * (north - south)) + 1.2 * size
    camera.location = middle + Vector((0.42, -1.0, 0.33)).normalized() * reach * 1.7
    camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        for frame in frames:
            scene.frame_set(frame)
            scene.render.filepath = f"{folder}/{frame}.png"
            bpy.ops.render.render(write_still=True)
            pictures.append(Image.open(scene.render.filepath).convert("RGB"))
    return pictures


def join(cells: Sequence[list[Image.Image]], parts: Sequence[Part], clip: Path) -> None:
    """All cells side by side as an animated picture, each with its sentence."""
    rows = -(-len(cells) // COLUMNS)
    font = ImageFont.load_default(13)
    frames = []
    for number in range(max(map(len, cells))):
        sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * (CELL[1] + LABEL)), "white")
        draw = ImageDraw.Draw(sheet)
        for place, (cell, part) in enumerate(zip(cells, parts, strict=True)):
            x, y = place % COLUMNS * CELL[0], place // COLUMNS * (CELL[1] + LABEL)
            sheet.paste(cell[min(number, len(cell) - 1)], (x, y))
            draw.text((x + CELL[0] / 2, y + CELL[1] + LABEL / 2), part.prompt, "black", font, anchor="mm")
        frames.append(sheet)
    first, *others = frames
    times = [round(1000 * STEP / FPS)] * len(others) + [1000]
    first.save(clip, save_all=True, append_images=others, duration=times, loop=0, quality=QUALITY, method=6)


def strip(pictures: Sequence[Image.Image], file: Path, count: int = 10) -> None:
    """``count`` pictures side by side."""
    chosen = [pictures[i] for i in np.linspace(0, len(pictures) - 1, count).round().astype(int)]
    sheet = Image.new("RGB", (count * CELL[0] // 2, CELL[1]))
    for place, picture in enumerate(chosen):
        sheet.paste(picture.crop((CELL[0] // 4, 0, CELL[0] * 3 // 4, CELL[1])), (place * CELL[0] // 2, 0))
    sheet.save(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rigs", type=Path, required=True, help="folder with the characters' files")
    parser.add_argument("--out", type=Path, required=True, help="folder for gallery.webp")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of sentences, from 0")
    parser.add_argument("--strips", action="store_true", help="also a strip of each sentence")
    chosen = parser.parse_args()
    rigs, out = chosen.rigs.resolve(), chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    parts = [CAST[number] for number in chosen.only or range(len(CAST))]
    bpy.ops.wm.read_homefile(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = "blender_addon"
    blender_addon.register()
    bpy.context.scene.render.fps = FPS
    cells = []
    with tempfile.TemporaryDirectory() as folder:
        connection = Path(folder) / "connection.json"
        entry.preferences.connection_file, entry.preferences.autostart = str(connection), False
        with running_engine(connection, "engine.cli", "serve"):
            acted = [act(part, rigs) for part in parts]
    camera = stage()
    for number, (part, actor) in enumerate(zip(parts, acted, strict=True)):
        for member in bpy.data.objects:
            seen = member in (actor.armature, *actor.members, camera) or member.name.startswith("Floor")
            member.hide_render = member.hide_viewport = not seen
        end = min(actor.armature.animation_data.action.frame_range[1], part.shown * FPS)
        frames = range(1, round(end) + 1, STEP)
        cells.append(shoot(actor, frames, camera))
        if chosen.strips:
            strip(cells[-1], out / f"strip{CAST.index(part):02d}.png")
        print(f"{number + 1} of {len(parts)}: {part.prompt}", flush=True)
    join(cells, parts, out / "gallery.webp")
    os._exit(0)  # Blender as a module may hang when the interpreter tears it down


if __name__ == "__main__":
    main()
