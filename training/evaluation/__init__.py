# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of held-out motion: pure metrics below, tables and pages above.

A metric is one row: name, function, label, digits.
"""
