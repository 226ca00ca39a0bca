# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaitway engine: prompt and control in, 22 joint positions a frame out."""

import os

# Read when torch is loaded: threads that spin while they wait starve Blender, and each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
