# SPDX-License-Identifier: GPL-3.0-or-later
"""Biovision Hierarchy files (.bvh): any hierarchy, any order of channels.

A joint's rotation channels are applied to column vectors in the order of the file, ``R1 R2 R3``. Where a joint has
position channels, they stand in place of its OFFSET, as motion capture programs write them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from blender_addon.retarget.rig import Rig
from blender_addon.shared import quat
from blender_addon.shared.errors import BadFile

from .capture import MAX_FPS, Capture, euler, finite_numbers, numbers, read_text, rest_bone

AGAIN = "Export or copy the file again."


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[str] = field(default_factory=list)
    end: np.ndarray | None = None


def read_bvh(path: Path) -> Capture:
    """The take in ``path``. Raises BadFile when the file is cut short or is not a BVH file."""
    words = read_text(path).split()
    if not words or words[0].upper() != "HIERARCHY" or "MOTION" not in words:
        raise BadFile(f"'{path}' is not a BVH file, or ends before its motion.", AGAIN)
    split = words.index("MOTION")
    joints = _hierarchy(words[1:split], path)
    return _capture(joints, *_motion(words[split + 1 :], sum(len(joint.channels) for joint in joints), path), path)


def _hierarchy(words: list[str], path: Path) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []
    place, in_end = 0, False
    try:
        while place < len(words):
            word = words[place].upper()
            if word in ("ROOT", "JOINT"):
                name_end = words.index("{", place)
                joints.append(_Joint(" ".join(words[place + 1 : name_end]), stack[-1] if stack else -1))
                stack.append(len(joints) - 1)
                place = name_end + 1
            elif word == "END":
                in_end, place = True, words.index("{", place) + 1
            elif word == "OFFSET":
                offset = finite_numbers(words[place + 1 : place + 4], path, "The hierarchy")
                if in_end:
                    joints[stack[-1]].end = offset
                else:
                    joints[stack[-1]].offset = offset
                place += 4
            elif word == "CHANNELS":
                count = int(words[place + 1])
                joints[stack[-1]].channels = [_channel(word, path) for word in words[place + 2 : place + 2 + count]]
                place += 2 + count
            elif word == "}":
                if not in_end:
                    stack.pop()
                in_end, place = False, place + 1
            else:
                raise BadFile(f"The hierarchy of '{path}' holds the unexpected word '{words[place]}'.", AGAIN)
    except (ValueError, IndexError) as error:
        raise BadFile(f"The hierarchy of '{path}' is cut short.", AGAIN) from error
    if stack or not joints:
        raise BadFile(f"The hierarchy of '{path}' is cut short.", AGAIN)
    if len({joint.name for joint in joints}) < len(joints):
        raise BadFile(f"Two joints of '{path}' have the same name.", "Rename one of them and export again.")
    return joints


def _channel(word: str, path: Path) -> str:
    """ "Xposition" as "xp", "Zrotation" as "Zr"."""
    axis, kind = word[:1].upper(), word[1:].lower()
    if axis not in ("X", "Y", "Z") or kind not in ("position", "rotation"):
        raise BadFile(f"'{path}' has a channel '{word}', which is neither a position nor a rotation.", AGAIN)
    return axis + kind[0]


def _motion(words: list[str], num_channels: int, path: Path) -> tuple[np.ndarray, float]:
    """Values (T, channels) and frames a second."""
    try:
        if [words[i].lower() for i in (0, 2, 3)] != ["frames:", "frame", "time:"]:
            raise ValueError("other words")
        num_frames, frame_time = int(words[1]), float(words[4])
    except (IndexError, ValueError) as error:
        raise BadFile(
            f"The motion of '{path}' does not begin with its number of frames and frame time.", AGAIN
        ) from error
    if not 1 / MAX_FPS <= frame_time < 10:
        raise BadFile(f"'{path}' gives {frame_time} seconds as the time of a frame.", "Correct its Frame Time line.")
    values = numbers(words[5:], path, "The motion")
    if len(values) < num_frames * num_channels or not num_frames:
        found = len(values) // max(num_channels, 1)
        raise BadFile(f"'{path}' is cut short: it holds {found} of its {num_frames} frames.", AGAIN)
    return values[: num_frames * num_channels].reshape(num_frames, num_channels), 1 / frame_time


def _capture(joints: list[_Joint], motion: np.ndarray, fps: float, path: Path) -> Capture:
    rotations = np.zeros((len(motion), len(joints), 4))
    heads = np.zeros((len(motion), len(joints), 3))
    rest = np.zeros((len(joints), 3))
    column = 0
    for index, joint in enumerate(joints):
        values = motion[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        place = np.tile(joint.offset, (len(motion), 1))
        turning = [i for i, channel in enumerate(joint.channels) if channel[1] == "r"]
        for i, channel in enumerate(joint.channels):
            if channel[1] == "p":
                place[:, "XYZ".index(channel[0])] = values[:, i]
        local = euler(np.radians(values[:, turning]), "".join(joint.channels[i][0] for i in turning))
        if joint.parent < 0:
            rotations[:, index], heads[:, index], rest[index] = local, place, joint.offset
        else:
            above = rotations[:, joint.parent]
            rotations[:, index] = quat.multiply(above, local)
            heads[:, index] = heads[:, joint.parent] + quat.rotate(above, place)
            rest[index] = rest[joint.parent] + joint.offset
    return Capture(_rig(joints, rest, path), rotations, heads, fps)


def _rig(joints: list[_Joint], rest: np.ndarray, path: Path) -> Rig:
    """A bone reaches to its first child that lies apart from it, else to its End Site."""
    bones = []
    for index, joint in enumerate(joints):
        ends = [rest[child] for child, other in enumerate(joints) if other.parent == index]
        ends += [rest[index] + joint.end] if joint.end is not None else []
        tail = next((end for end in ends if np.linalg.norm(end - rest[index]) > 1e-6), rest[index])
        parent = joints[joint.parent].name if joint.parent >= 0 else None
        bones.append(rest_bone(joint.name, parent, rest[index], tail))
    return Rig(path.stem, bones)
