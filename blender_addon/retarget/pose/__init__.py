# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment rotations -> bone channels, exactly. Touch for Blender's pose rules, rest poses, root motion."""

from .ground import FLOOR_TOLERANCE, facing, ground_height, lies_on_ground
from .root_motion import RootMotion
from .scale import hips_lift, rig_scale
from .solve import Solution

__all__ = [
    "FLOOR_TOLERANCE",
    "RootMotion",
    "Solution",
    "facing",
    "ground_height",
    "hips_lift",
    "lies_on_ground",
    "rig_scale",
]
