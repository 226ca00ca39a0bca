# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints -> joints that leave: patches joined, feet planted, bones constant, hints hit. The room for feet in the engine."""
