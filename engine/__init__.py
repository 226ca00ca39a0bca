# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaitway engine: prompt and control in, 22 joint positions a frame out."""

import os

# Read when torch is loaded: threads that spin while they wait starve Blender, and each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Read when numpy and scipy are loaded (OpenBLAS, Apple's Accelerate); device.one_blas_thread says why, and sees to what
# is loaded already. OMP_NUM_THREADS and MKL_NUM_THREADS would bind torch as well.
for _variable in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")

__version__ = "0.1.0"
