# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes, turns, threads, keys. Knows nothing of motion; imports no torch."""
