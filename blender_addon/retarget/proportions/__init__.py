# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet stay and controls are reached on THIS armature's lengths. The one place for foot lock and reach on a rig."""

from .adapt import UNCONSTRAINED, Constraints
from .contacts import contact_mask
from .effectors import Target
from .floor import SceneGround
from .relative_targets import RigRelativeTarget

__all__ = ["UNCONSTRAINED", "Constraints", "RigRelativeTarget", "SceneGround", "Target", "contact_mask"]
