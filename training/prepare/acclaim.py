# SPDX-License-Identifier: GPL-3.0-or-later
"""Acclaim files: a skeleton (.asf) and its takes (.amc), as the CMU database ships them.

A bone's angles turn it in axes of its own, ``C M C^-1`` with C from its ``axis`` line; angles named x, y, z in this
order are applied x first. A bone begins where its parent ends. The unit of length does not matter here: motion is
scaled by the legs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blender_addon.retarget.rig import Rig
from blender_addon.shared import quat
from blender_addon.shared.errors import BadFile

from .capture import Capture, euler, finite_numbers, numbers, read_text, rest_bone

CMU_FPS = 120.0
"""An .amc file does not say its rate; CMU's takes have 120 frames a second."""
AGAIN = "Export or copy the file again."
ROOT = "root"


@dataclass(frozen=True, eq=False)
class _Bone:
    """``vector`` (3,) from its beginning to its end, ``axes`` (4,) in which it turns, ``dof`` such as ("rx", "rz")."""

    vector: np.ndarray
    axes: np.ndarray
    dof: tuple[str, ...]
    parent: str


@dataclass(frozen=True, eq=False)
class AcclaimSkeleton:
    """Bones of an .asf file in the order of the hierarchy, parents first; the root has no length."""

    bones: dict[str, _Bone]
    in_radians: bool


def read_asf(path: Path) -> AcclaimSkeleton:
    """The skeleton in ``path``. Raises BadFile when the file is cut short or is not an ASF file."""
    sections = _sections(read_text(path))
    if not {"root", "bonedata", "hierarchy"} <= set(sections):
        raise BadFile(f"'{path}' is not an ASF skeleton, or is cut short.", AGAIN)
    in_radians = any(line[:2] == ["angle", "rad"] for line in sections.get("units", []))
    parents = _parents(sections["hierarchy"], path)
    described: dict[str, dict[str, list[str]]] = {}
    for block in _blocks(sections["bonedata"]):
        if block.get("name"):
            described[block["name"][0]] = block
    bones = {}
    for name, parent in parents.items():
        if name == ROOT:
            bones[name] = _root(sections["root"], in_radians, path)
            continue
        if name not in described:
            raise BadFile(f"'{path}' names the bone '{name}' in its hierarchy but does not describe it.", AGAIN)
        bones[name] = _bone(described[name], parent, in_radians, path)
    return AcclaimSkeleton(bones, in_radians)


def _sections(text: str) -> dict[str, list[list[str]]]:
    """Lines in words of each section; the section's own line may carry words after its name."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            lines.append(words)
    return sections


def _blocks(lines: list[list[str]]) -> list[dict[str, list[str]]]:
    """What stands between each ``begin`` and ``end``, by its first word."""
    blocks: list[dict[str, list[str]]] = []
    for words in lines:
        if words[0] == "begin":
            blocks.append({})
        elif blocks and words[0] != "end":
            blocks[-1].setdefault(words[0].lower(), words[1:])
    return blocks


def _parents(lines: list[list[str]], path: Path) -> dict[str, str]:
    """Parent of each bone, from the root down."""
    children = {words[0]: words[1:] for words in lines if words[0] not in ("begin", "end")}
    parents = {ROOT: ""}
    order = [ROOT]
    for name in order:
        for child in children.get(name, []):
            if child in parents:
                raise BadFile(f"The bone '{child}' of '{path}' has two parents.", AGAIN)
            parents[child] = name
            order.append(child)
    return parents


def _axes(words: list[str], in_radians: bool, path: Path) -> np.ndarray:
    """Axes (4,) of the words "a b c XYZ"."""
    angles, order = finite_numbers(words[:3], path, "An axis"), (words[3:4] or ["XYZ"])[0].upper()
    if len(angles) != 3 or sorted(order) != ["X", "Y", "Z"]:
        raise BadFile(f"An axis of '{path}' is not three angles and their order.", AGAIN)
    return euler((angles if in_radians else np.radians(angles))[::-1], order[::-1])


def _root(lines: list[list[str]], in_radians: bool, path: Path) -> _Bone:
    named = {words[0].lower(): words[1:] for words in lines}
    order = tuple(word.lower() for word in named.get("order", ["TX", "TY", "TZ", "RX", "RY", "RZ"]))
    turn = _axes([*named.get("orientation", ["0", "0", "0"])[:3], *named.get("axis", ["XYZ"])[:1]], in_radians, path)
    return _Bone(np.zeros(3), turn, order, "")


def _bone(block: dict[str, list[str]], parent: str, in_radians: bool, path: Path) -> _Bone:
    name = block["name"][0]
    try:
        vector = finite_numbers(block["direction"], path, f"The bone '{name}'") * finite_numbers(
            block["length"][:1], path, f"The bone '{name}'"
        )
    except (KeyError, IndexError, ValueError) as error:
        raise BadFile(f"The bone '{name}' of '{path}' has no direction or no length.", AGAIN) from error
    axes = _axes(block.get("axis", ["0", "0", "0", "XYZ"]), in_radians, path)
    return _Bone(vector, axes, tuple(word.lower() for word in block.get("dof", [])), parent)


def read_amc(path: Path, skeleton: AcclaimSkeleton, fps: float = CMU_FPS) -> Capture:
    """The take in ``path`` on ``skeleton``. Raises BadFile when it is cut short or made for another skeleton."""
    values, in_radians = _values(path, skeleton)
    num_frames = len(values[ROOT])
    names = list(skeleton.bones)
    rotations = np.zeros((num_frames, len(names), 4))
    heads = np.zeros((num_frames, len(names), 3))
    for index, (name, bone) in enumerate(skeleton.bones.items()):
        local, moved = _local(bone, values.get(name), num_frames, in_radians)
        if name == ROOT:
            rotations[:, index], heads[:, index] = local, moved
            continue
        above = names.index(bone.parent)
        rotations[:, index] = quat.multiply(rotations[:, above], local)
        heads[:, index] = heads[:, above] + quat.rotate(rotations[:, above], skeleton.bones[bone.parent].vector)
    return Capture(_rig(path.stem, skeleton), rotations, heads, fps)


def _values(path: Path, skeleton: AcclaimSkeleton) -> tuple[dict[str, np.ndarray], bool]:
    """Values (T, degrees of freedom) by bone, and whether angles are in radians."""
    rows: dict[str, list[list[str]]] = {name: [] for name, bone in skeleton.bones.items() if bone.dof}
    in_radians, num_frames = skeleton.in_radians, 0
    for line in read_text(path).splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith(":"):
            in_radians = words[0].upper() == ":RADIANS" or (in_radians and words[0].upper() != ":DEGREES")
        elif len(words) == 1 and words[0].isdigit():
            num_frames += 1
        elif words[0] not in rows:
            raise BadFile(
                f"'{path}' moves a bone '{words[0]}' that its skeleton does not have.",
                "Use the .asf file that belongs to it.",
            )
        else:
            rows[words[0]].append(words[1:])
    short = [
        name
        for name, lines in rows.items()
        if len(lines) != num_frames or any(len(words) != len(skeleton.bones[name].dof) for words in lines)
    ]
    if short or not num_frames:
        where = f" (bone '{short[0]}')" if short else ""
        raise BadFile(f"'{path}' is cut short{where} or has no frames.", AGAIN)
    return {
        name: numbers([w for line in lines for w in line], path, f"The bone '{name}'").reshape(num_frames, -1)
        for name, lines in rows.items()
    }, in_radians


def _local(bone: _Bone, values: np.ndarray | None, num_frames: int, in_radians: bool) -> tuple[np.ndarray, np.ndarray]:
    """Turn (T, 4) against the parent and shift (T, 3) of a bone with ``values`` (T, dof)."""
    moved = np.zeros((num_frames, 3))
    if values is None:
        return quat.identity((num_frames,)), moved
    turning = [i for i, dof in enumerate(bone.dof) if dof[0] == "r"]
    for i, dof in enumerate(bone.dof):
        if dof[0] == "t":
            moved[:, "xyz".index(dof[1])] = values[:, i]
    angles = values[:, turning] if in_radians else np.radians(values[:, turning])
    order = "".join(bone.dof[i][1].upper() for i in turning)
    turn = euler(angles[:, ::-1], order[::-1])
    return quat.multiply(quat.multiply(bone.axes, turn), quat.conjugate(bone.axes)), moved


def _rig(name: str, skeleton: AcclaimSkeleton) -> Rig:
    ends: dict[str, np.ndarray] = {}
    bones = []
    for bone_name, bone in skeleton.bones.items():
        head = ends.get(bone.parent, np.zeros(3))
        ends[bone_name] = head + bone.vector
        bones.append(rest_bone(bone_name, bone.parent or None, head, ends[bone_name]))
    return Rig(name, bones)
