# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's answer -> keys, takes, measured error, one undo step."""
