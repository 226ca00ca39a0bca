# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: what a take was made of, how the character stood before, hand-made keys. Changes Blender's data, pushes no undo."""
