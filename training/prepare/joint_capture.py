# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones of a capture that are joints of the model: how they turn and where they are, at 20 fps and in model axes.

Shapes: T frames. Y up, metres of a figure whose legs are as long as the model's.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from blender_addon.retarget.bone_map import LIMB_JOINTS, BoneMap, detect_bones
from blender_addon.retarget.pose import alignment
from blender_addon.retarget.pose.resample import resample
from blender_addon.shared import quat
from blender_addon.shared.errors import RetargetError
from blender_addon.shared.skeleton import FPS, SKELETON, joint_label
from blender_addon.shared.space import blender_to_model

from .capture import Capture
from .rest_pose import with_standing_rest

STATIONS = ("pelvis", "spine1", "spine2", "spine3")
SAME_PLACE = 0.02  # of the leg's length: bones that begin so near to each other begin at the same joint
UPRIGHT = 0.5  # mean cosine between trunk and vertical below which another axis is tried


class MappedCapture:
    """The mapped bones of a capture at 20 fps, in model axes and at the model's size."""

    def __init__(self, capture: Capture) -> None:
        self.map = detect_bones(capture.rig.bones, rests_as_human=False)
        missing = next((joint for joint in LIMB_JOINTS if joint not in self.map), None)
        if missing is not None:
            raise RetargetError(f"The capture has no {joint_label(missing)}.", "Leave it out.")
        capture = with_standing_rest(capture, self.map)
        self.rig = capture.rig
        bones = [*self.map.bones.values(), *self.map.between]
        self.lower_back = self._lower_back()
        bones += [self.lower_back] if self.lower_back not in bones else []
        places = [capture.place(bone) for bone in bones]
        count = int((capture.num_frames - 1) * FPS / capture.fps + 1e-6) + 1
        # The capture's clock plays the part of the model's, whose 20 frames a second resample() starts from.
        rotations, heads = resample(
            quat.make_continuous(capture.rotations[:, places]),
            capture.heads[:, places],
            np.arange(count),
            0.0,
            FPS * FPS / capture.fps,
        )
        self.rest = alignment.figure_rotation(self.rig, self.map)
        self.leg_length = alignment.leg_length(self.rig, self.map)
        self.world = _world(self.rest, heads, bones, self.map)
        size = SKELETON.leg_length / self.leg_length
        self._rotations = dict(zip(bones, np.moveaxis(rotations, 1, 0), strict=True))
        moved = blender_to_model(quat.rotate(self.world, heads)) * size
        self._points = dict(zip(bones, np.moveaxis(moved, 1, 0), strict=True))

    def turn(self, bone: str) -> np.ndarray:
        """Rotation (T, 4) of ``bone`` since the upright rest, in model axes."""
        q = quat.multiply(quat.multiply(self.world, self._rotations[bone]), quat.conjugate(self.rest))
        return np.stack([q[..., 0], q[..., 1], q[..., 3], -q[..., 2]], -1)

    def point(self, joint: str) -> np.ndarray:
        return self._points[self.map[joint]]

    def direction(self, joint: str) -> np.ndarray:
        """Where the bone of ``joint`` points (T, 3): to the next mapped joint, else along the bone."""
        child = SKELETON.names[SKELETON.children[SKELETON.index(joint)][0]]
        if child in self.map:
            return quat.normalize(self.point(child) - self.point(joint))
        along = alignment.segment(self.rig, self.map, joint)
        return quat.normalize(
            blender_to_model(quat.rotate(self.world, quat.rotate(self._rotations[self.map[joint]], along)))
        )

    def rest_direction(self, joint: str) -> np.ndarray | None:
        """Direction (3,) from the parent of ``joint`` at rest, None where the capture has no such bones."""
        parent = SKELETON.names[SKELETON.parents[SKELETON.index(joint)]]
        if joint not in self.map or parent not in self.map:
            return None
        along = alignment.head(self.rig, self.map[joint]) - alignment.head(self.rig, self.map[parent])
        return quat.normalize(blender_to_model(quat.rotate(self.rest, along)))

    def along_trunk(self) -> list[tuple[float, str]]:
        """The bones of the trunk with their stations: 0 is the pelvis, 3 the chest."""
        found = [(float(station), self.map[joint]) for station, joint in enumerate(STATIONS) if joint in self.map]
        found += [
            (STATIONS.index(low) + share, bone) for bone, (low, _, share) in self.map.between.items() if low in STATIONS
        ]
        return sorted(found)

    def _lower_back(self) -> str:
        """The bone on which the spine's first joint stands: the pelvis, or one between that is no joint of the
        model.
        """
        spine = self.map.bones.get("spine1")
        below = self.rig.by_name[spine].parent if spine else None
        return below or self.map["pelvis"]

    @cached_property
    def counts_segments(self) -> bool:
        """Whether the first bone of the spine begins where the pelvis does, as in CMU's skeletons: its bones are then
        the model's segments of the spine, not its joints.
        """
        bones = [bone for _, bone in self.along_trunk()]
        if len(bones) < 2:
            return False
        apart = np.linalg.norm(alignment.head(self.rig, bones[1]) - alignment.head(self.rig, bones[0]))
        return bool(apart < SAME_PLACE * self.leg_length)

    def below_head(self) -> str | None:
        """The uppermost bone of the neck."""
        neck = [(share, bone) for bone, (low, _, share) in self.map.between.items() if low == "neck"]
        return max(neck)[1] if neck else self.map.bones.get("neck")


def _world(rest: np.ndarray, heads: np.ndarray, bones: list[str], bone_map: BoneMap) -> np.ndarray:
    """Rotation (4,) that stands the motion upright: the rest pose's, unless the trunk then lies all the time while it
    stands along another axis (a skeleton drawn lying, moved standing).
    """
    hips, shoulders = (
        np.mean([heads[:, bones.index(bone_map[f"{side}_{part}"])] for side in ("left", "right")], axis=0)
        for part in ("hip", "shoulder")
    )
    trunk = np.nanmean(quat.normalize(shoulders - hips), axis=0)
    up = quat.rotate(quat.conjugate(rest), np.array([0.0, 0.0, 1.0]))
    axes = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    best = axes[(axes @ trunk).argmax()]
    if trunk @ up < UPRIGHT < best @ trunk:
        return quat.between(best, np.array([0.0, 0.0, 1.0]))
    return rest
