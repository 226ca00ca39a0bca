# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment rotations -> bone channels, exactly. Touch for Blender's pose rules, rest poses, root motion."""
