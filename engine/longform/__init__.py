# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions of any length, window by window. Touch for how windows are planned, joined and made final."""
