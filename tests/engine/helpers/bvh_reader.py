# SPDX-License-Identifier: GPL-3.0-or-later
"""A small reader of .bvh files for the tests: any hierarchy and order of channels, forward kinematics by matrices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Bvh:
    """Joints in file order; ``motion`` (frames, channels); ``frame_time`` in seconds."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)
    motion: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    frame_time: float = 0.0

    def positions(self) -> dict[str, np.ndarray]:
        """World positions (frames, 3) of each joint."""
        places: list[np.ndarray] = []
        turns: list[np.ndarray] = []
        column = 0
        for offset, parent, channels in zip(self.offsets, self.parents, self.channels, strict=True):
            local = np.tile(np.array(offset, dtype=float), (len(self.motion), 1))
            turn = np.tile(np.eye(3), (len(self.motion), 1, 1))
            for channel in channels:
                values, axis = self.motion[:, column], "XYZ".index(channel[0])
                if channel.endswith("position"):
                    local[:, axis] += values
                else:
                    turn = turn @ rotation(axis, np.radians(values))
                column += 1
            if parent < 0:
                places.append(local)
                turns.append(turn)
            else:
                places.append(places[parent] + np.einsum("tij,tj->ti", turns[parent], local))
                turns.append(turns[parent] @ turn)
        assert column == self.motion.shape[1]
        return dict(zip(self.names, places, strict=True))


def rotation(axis: int, angle: np.ndarray) -> np.ndarray:
    """Matrices (frames, 3, 3) that turn column vectors about one axis."""
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, a, a] = matrix[:, b, b] = np.cos(angle)
    matrix[:, a, b], matrix[:, b, a] = -np.sin(angle), np.sin(angle)
    return matrix


def read_bvh(text: str) -> Bvh:
    """Parse the text of a .bvh file."""
    head, tail = text.split("MOTION")
    bvh, stack, in_end = Bvh(), [], False
    tokens = head.split()
    i = 1
    while i < len(tokens):
        word = tokens[i]
        if word in ("ROOT", "JOINT"):
            bvh.names.append(tokens[i + 1])
            bvh.parents.append(stack[-1] if stack else -1)
            stack.append(len(bvh.names) - 1)
            i += 3
        elif word == "End":
            in_end = True
            i += 3
        elif word == "OFFSET":
            if not in_end:
                bvh.offsets.append([float(v) for v in tokens[i + 1 : i + 4]])
            i += 4
        elif word == "CHANNELS":
            count = int(tokens[i + 1])
            bvh.channels.append(tokens[i + 2 : i + 2 + count])
            i += 2 + count
        elif word == "}":
            if in_end:
                in_end = False
            else:
                stack.pop()
            i += 1
        else:
            raise ValueError(f"unexpected {word!r}")
    lines = tail.strip().splitlines()
    assert lines[0].startswith("Frames:") and lines[1].startswith("Frame Time:")
    bvh.frame_time = float(lines[1].split(":")[1])
    bvh.motion = np.array([[float(v) for v in line.split()] for line in lines[2:]])
    assert len(bvh.motion) == int(lines[0].split(":")[1])
    return bvh
