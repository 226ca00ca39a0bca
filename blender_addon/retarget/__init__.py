# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion of the model's 22 joints onto the bones of any armature that is built like a human.

``bone_map`` finds which bone is which joint, ``alignment`` how the armature's rest pose differs from the model's
T-pose, ``solve`` turns every bone, ``resample`` changes clocks, ``keyframes`` writes. Only ``rig``, ``keyframes`` and
``apply`` touch Blender.
"""
