# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab, one panel a file, what is needed most at the top: the button with its prompt, controls, takes; below
that what is set once for a character, and the engine.

It draws and decides nothing.
"""

from __future__ import annotations

from . import bones, controls, engine, feet, first_run, generate, keys, obstacles, prompt, seeing, takes

CLASSES = (
    *first_run.CLASSES,
    *prompt.CLASSES,
    *generate.CLASSES,
    *controls.CLASSES,
    *obstacles.CLASSES,
    *takes.CLASSES,
    *seeing.CLASSES,
    *feet.CLASSES,
    *keys.CLASSES,
    *bones.CLASSES,
    *engine.CLASSES,
)
"""In the order in which the panels stand."""
