# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters as other people build them: ``ALL`` by name, each a function that puts its armature (and its body, where
it has one) into the scene and returns it; ``BUILT`` in code, ``REAL`` from files. A module a kind.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy

from .bodies import BODIES
from .fewer_bones import FEWER
from .makes import MAKES
from .real import REAL
from .wiring import WIRED

BUILT: dict[str, Callable[[], bpy.types.Object]] = {**BODIES, **WIRED, **FEWER, **MAKES}
ALL: dict[str, Callable[[], bpy.types.Object]] = {**BUILT, **REAL}
