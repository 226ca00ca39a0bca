# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint. A new rig family is one new file in tables/ and one line; no logic."""

from .custom import custom_map
from .detect import canonical, detect_bones
from .mapping import LIMB_JOINTS, REQUIRED_JOINTS, BoneMap, IkControls
from .tips import with_tips

__all__ = [
    "LIMB_JOINTS",
    "REQUIRED_JOINTS",
    "BoneMap",
    "IkControls",
    "canonical",
    "custom_map",
    "detect_bones",
    "with_tips",
]
