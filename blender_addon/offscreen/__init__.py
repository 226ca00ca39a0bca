# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender evaluates copies at other frames, out of sight. Whoever needs a place at another frame asks here."""
