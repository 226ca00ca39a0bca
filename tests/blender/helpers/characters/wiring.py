# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters whose bones hang elsewhere than a body's joints do, and one that is the same but for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import bpy

from ..armatures import Bone, build, human
from ..rigs import a_pose

SIDES = ("left", "right")
ROOT = "root"


def rehung(parents: Mapping[str, str], name: str = "Rehung") -> bpy.types.Object:
    """A figure on a root on the ground, the bones of some joints on others; ``side_`` stands for both sides, and
    ``every_`` for all bones."""
    bones = human(a_pose(arms=45, elbows=12, legs=4))
    bones = {joint: replace(bone, parent=bone.parent or ROOT) for joint, bone in bones.items()}
    for joint, parent in parents.items():
        chosen = list(bones) if joint == "every_" else [joint.replace("side_", f"{side}_") for side in SIDES]
        for one, on in zip(chosen, [parent] * len(bones) if joint == "every_" else _both(parent), strict=False):
            bones[one] = replace(bones[one], parent=on)
    return build(name, _parents_first({ROOT: Bone(ROOT, None, (0, 0, 0), (0, 0.3, 0)), **bones}))


def _both(parent: str) -> list[str]:
    return [parent.replace("side_", f"{side}_") for side in SIDES]


def _parents_first(bones: dict[str, Bone]) -> dict[str, Bone]:
    order: list[str] = []
    while len(order) < len(bones):
        order += [
            key for key, bone in bones.items() if key not in order and (bone.parent is None or bone.parent in order)
        ]
    return {key: bones[key] for key in order}


WIRINGS: dict[str, dict[str, str]] = {
    "thighs beside the hips": {"side_hip": ROOT},
    "feet on the root": {"side_ankle": ROOT},
    "thighs on the spine": {"side_hip": "spine1"},
    "arms on the neck": {"side_collar": "neck"},
    "head beside the neck": {"head": ROOT},
    "all bones on the root": {"every_": ROOT},
    "hips below the spine": {"pelvis": "spine1", "spine1": ROOT},
}
WIRED: dict[str, Callable[[], bpy.types.Object]] = {
    name.capitalize(): partial(rehung, parents) for name, parents in WIRINGS.items()
}
