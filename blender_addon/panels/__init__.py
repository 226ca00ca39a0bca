# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab, one panel a file, in the order of the work: engine, character, prompt, controls, generate, takes.

It draws and decides nothing.
"""

from __future__ import annotations

from . import bones, character, controls, engine, feet, first_run, generate, keys, obstacles, prompt, seeing, takes

CLASSES = (
    *first_run.CLASSES,
    *engine.CLASSES,
    *character.CLASSES,
    *bones.CLASSES,
    *prompt.CLASSES,
    *controls.CLASSES,
    *obstacles.CLASSES,
    *generate.CLASSES,
    *feet.CLASSES,
    *keys.CLASSES,
    *takes.CLASSES,
    *seeing.CLASSES,
)
"""In the order in which the panels stand."""
