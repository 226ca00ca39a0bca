# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion of the model's 22 joints onto the bones of any armature that is built like a human: numpy only, no Blender, no
import from outside this folder and ``shared`` (a test holds it).

``bone_map`` finds which bone is which joint, ``pose`` makes bone channels of segment rotations, ``proportions`` keeps
feet and controls on the armature's own lengths, ``keys`` makes few keys of one a frame; ``rig``: the armature as data.
"""
