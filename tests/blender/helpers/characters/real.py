# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of other people, from the folder ``shared/rigs``, brought in as a user does: File > Import, as the
importer comes and with its other ways of laying out bones. Empty where the folder is not.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bpy

from ....shared_folder import SHARED

IMPORTS: dict[str, dict[str, object]] = {
    "": {},
    ", Temperance": {"bone_heuristic": "TEMPERANCE"},
    ", Fortune": {"bone_heuristic": "FORTUNE"},
    ", no bind pose": {"guess_original_bind_pose": False},
}
"""What a name ends in -> options of the glTF importer; the first are its own."""


def bring_in(path: Path, **options: object) -> bpy.types.Object:
    """Import a glTF file and return its armature, the one with most bones; ValueError where it holds none."""
    import addon_utils

    addon_utils.enable("io_scene_gltf2")
    before = set(bpy.data.objects)
    with contextlib.redirect_stdout(io.StringIO()):
        bpy.ops.import_scene.gltf(filepath=str(path), **options)
    found = [member for member in bpy.data.objects if member not in before and member.type == "ARMATURE"]
    if not found:
        raise ValueError(f"{path.name} holds no armature")
    bpy.context.view_layer.update()
    return max(found, key=lambda armature: len(armature.data.bones))


def _all() -> dict[str, Callable[[], bpy.types.Object]]:
    files = sorted((SHARED / "rigs").glob("*.glb"))
    return {
        f"{file.stem}{ending}": partial(bring_in, file, **options)
        for ending, options in IMPORTS.items()
        for file in files
    }


REAL = _all()
