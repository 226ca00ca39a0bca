# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured motion behind the model: which clips say what a sentence asks for. Numpy only; no network, no torch."""
