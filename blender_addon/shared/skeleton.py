# SPDX-License-Identifier: GPL-3.0-or-later
"""The 22-joint skeleton of the HumanML3D data set, by name.

Axes: metres, Y up, the character faces +Z and X points to the character's left. A *joint* is a point of the model,
a *bone* is Blender's. Offsets are those of the T-pose: bone lengths as in the data set's reference skeleton, torso
directions as people stand, legs straight down, arms along X.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import BadControl

FPS = 20.0
MAX_SECONDS = 600.0  # of a motion

# joint: (parent, T-pose direction, bone length in metres)
_TABLE: dict[str, tuple[str | None, tuple[float, float, float], float]] = {
    "pelvis": (None, (0, 1, 0), 0.0),
    "left_hip": ("pelvis", (0.565, -0.803, -0.191), 0.1031),
    "right_hip": ("pelvis", (-0.565, -0.803, -0.191), 0.1099),
    "spine1": ("pelvis", (0, 0.982, -0.189), 0.1316),
    "left_knee": ("left_hip", (0, -1, 0), 0.3936),
    "right_knee": ("right_hip", (0, -1, 0), 0.3902),
    "spine2": ("spine1", (0, 0.958, 0.288), 0.1432),
    "left_ankle": ("left_knee", (0, -1, 0), 0.4324),
    "right_ankle": ("right_knee", (0, -1, 0), 0.4256),
    "spine3": ("spine2", (0, 0.994, 0.109), 0.0574),
    "left_foot": ("left_ankle", (0.1, -0.44, 0.88), 0.1434),
    "right_foot": ("right_ankle", (-0.1, -0.44, 0.88), 0.1494),
    "neck": ("spine3", (0, 0.995, -0.095), 0.2194),
    "left_collar": ("spine3", (0.553, 0.826, -0.104), 0.1375),
    "right_collar": ("spine3", (-0.553, 0.826, -0.104), 0.1434),
    "head": ("neck", (0, 0.671, 0.742), 0.1030),
    "left_shoulder": ("left_collar", (1, 0, 0), 0.1316),
    "right_shoulder": ("right_collar", (-1, 0, 0), 0.1230),
    "left_elbow": ("left_shoulder", (1, 0, 0), 0.2568),
    "right_elbow": ("right_shoulder", (-1, 0, 0), 0.2631),
    "left_wrist": ("left_elbow", (1, 0, 0), 0.2660),
    "right_wrist": ("right_elbow", (-1, 0, 0), 0.2699),
}


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joint names in the order of every (..., J, 3) array, with parents (index, -1 for the root) and T-pose offsets (J,
    3).
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray

    @property
    def num_joints(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Place of the joint ``name``. Raises BadControl with the nearest name when there is no such joint."""
        try:
            return self.names.index(name)
        except ValueError:
            near = difflib.get_close_matches(str(name), self.names, n=1, cutoff=0.4)
            hint = f"Did you mean '{near[0]}'?" if near else "The joints are: " + ", ".join(self.names) + "."
            raise BadControl(f"There is no joint called '{name}'.", hint) from None

    def indices(self, *names: str) -> list[int]:
        return [self.index(name) for name in names]

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(c for c, p in enumerate(self.parents) if p == j) for j in range(self.num_joints))

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the joint on the other side of the body; those on the middle line stand for themselves."""
        swap = {"left": "right", "right": "left"}
        return tuple(
            self.names.index("_".join([swap.get(name.split("_")[0], name.split("_")[0]), *name.split("_")[1:]]))
            for name in self.names
        )

    @cached_property
    def leg_length(self) -> float:
        """Hip to ankle in metres, mean of both legs."""
        lengths = np.linalg.norm(self.offsets, axis=-1)
        return float(lengths[self.indices("left_knee", "left_ankle", "right_knee", "right_ankle")].sum() / 2)

    @cached_property
    def standing_height(self) -> float:
        """Height of the pelvis in metres when the toes of the T-pose stand on the floor."""
        toe = self.index("left_foot")
        depth = 0.0
        while toe > 0:
            depth -= float(self.offsets[toe, 1])
            toe = self.parents[toe]
        return depth


def _build() -> Skeleton:
    names = tuple(_TABLE)
    directions = np.array([row[1] for row in _TABLE.values()], dtype=np.float64)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    lengths = np.array([row[2] for row in _TABLE.values()])
    offsets = (directions * lengths[:, None]).astype(np.float32)
    offsets.setflags(write=False)
    parents = tuple(-1 if row[0] is None else names.index(row[0]) for row in _TABLE.values())
    return Skeleton(names, parents, offsets)


SKELETON = _build()
FEET = ("left_foot", "right_foot")
CONTACT_JOINTS = ("left_ankle", "left_foot", "right_ankle", "right_foot")


def joint_label(joint: str) -> str:
    """The joint as people write it: "left wrist"."""
    return joint.replace("_", " ")
