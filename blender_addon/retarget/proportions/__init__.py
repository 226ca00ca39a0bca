# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet stand and controls are hit on THIS armature's lengths. The one place for foot locking and reaching on a rig."""
