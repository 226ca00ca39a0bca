# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: what a take was made of, what the character was before, hand-made keys.

Changes Blender's data and pushes no undo step. Other rooms import its files: ``history`` (the list and its buttons),
``requests`` (the same again, or a range), ``pose_snapshot``, ``observed``, ``merge``, ``splice`` and
``settings_snapshot``.
"""
