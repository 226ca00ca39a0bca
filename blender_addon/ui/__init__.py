# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab, one panel a file, what is needed most at the top: the button with its prompt, controls, takes; below
that what is set once for a character, and the engine.

It draws and decides nothing.
"""

from __future__ import annotations

from . import accuracy as seeing
from . import character as bones
from . import engine, generate, obstacles, takes
from . import keys_options as keys
from . import options as feet
from . import prompts as prompt
from . import setup as first_run
from .controls import panel as controls

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
