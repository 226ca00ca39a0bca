# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of MotionLCM and its motion ControlNet, and the embedded default model's time-local variants."""
