# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls: their list and the active one's settings, drawing paths, pins."""

from __future__ import annotations

from . import draw_path, operators, panel, pins, walk_along

CLASSES = (*operators.CLASSES, *draw_path.CLASSES, *walk_along.CLASSES, *pins.CLASSES, *panel.CLASSES)

__all__ = ["CLASSES"]
