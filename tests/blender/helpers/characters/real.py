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
from ..armatures import tell_joints

IMPORTS: dict[str, dict[str, object]] = {
    "": {},
    ", Temperance": {"bone_heuristic": "TEMPERANCE"},
    ", Fortune": {"bone_heuristic": "FORTUNE"},
    ", no bind pose": {"guess_original_bind_pose": False},
}
"""What a name ends in -> options of the glTF importer; the first are its own."""


_MIDDLE = {"pelvis": ("hips", "pelvis"), "neck": ("neck", "neck_01"), "head": ("head",)}
_SIDE = {
    "hip": ("upperleg.{s}", "thigh_{s}"), "knee": ("lowerleg.{s}", "calf_{s}"), "ankle": ("foot.{s}", "foot_{s}"),
    "foot": ("toes.{s}", "ball_{s}"), "shoulder": ("upperarm.{s}", "upperarm_{s}"),
    "elbow": ("lowerarm.{s}", "lowerarm_{s}"),
    "wrist": ("hand_{s}", "hand.{s}", "wrist.{s}", "palm.{s}", "fist.{s}", "palm2.{s}"),
}  # fmt: skip
WORDS = _MIDDLE | {
    f"{side}_{joint}": tuple(word.format(s=side[0]) for word in words)
    for side in ("left", "right")
    for joint, words in _SIDE.items()
}
"""Joint -> what these files call its bone, in small letters; the last one that is there counts."""


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
    armature = max(found, key=lambda armature: len(armature.data.bones))
    tell_joints(armature, _joints(armature))
    return armature


def _joints(armature: bpy.types.Object) -> dict[str, str]:
    """Joint -> bone by the names of these files."""
    names = {bone.name.lower(): bone.name for bone in armature.data.bones}
    return {joint: names[word] for joint, words in WORDS.items() for word in words if word in names}


def _all() -> dict[str, Callable[[], bpy.types.Object]]:
    files = sorted((SHARED / "rigs").glob("*.glb"))
    return {
        f"{file.stem}{ending}": partial(bring_in, file, **options)
        for ending, options in IMPORTS.items()
        for file in files
    }


REAL = _all()
