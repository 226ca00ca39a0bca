# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaitway engine: prompt and control in, 22 joint positions a frame out."""

__version__ = "0.1.0"
