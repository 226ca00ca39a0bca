# SPDX-License-Identifier: GPL-3.0-or-later
"""Any length, window by window; holds an internal MotionOrder, not the wire's Generate (rebuilt 6 times, replaced 6 times today)."""
