# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator sees and presses: a file is a section of the sidebar tab, its operators and its panel together.

Panels only draw; operators gather, make one call into ``app/`` or ``takes/``, and report. A new section is a new file
with its ``CLASSES`` and its row here.
"""

from __future__ import annotations

from . import (
    accuracy,
    character,
    controls,
    engine,
    generate,
    import_motion,
    obstacles,
    options,
    prompts,
    setup,
    takes,
)
from .import_motion import add_menu, remove_menu

CLASSES = (
    *setup.CLASSES,
    *prompts.CLASSES,
    *generate.CLASSES,
    *controls.CLASSES,
    *obstacles.CLASSES,
    *takes.CLASSES,
    *accuracy.CLASSES,
    *options.CLASSES,
    *character.CLASSES,
    *engine.CLASSES,
    *import_motion.CLASSES,
)
"""In the order of the panels in the tab, what is needed most often at the top."""

__all__ = ["CLASSES", "add_menu", "remove_menu"]
