# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder with fixtures and motion capture: ``shared`` beside the repository, or where GAITWAY_SHARED says."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("GAITWAY_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def needed(part: str) -> Path:
    """``part`` of the folder, for a benchmark that cannot do without; ends the program in two sentences otherwise."""
    if not (SHARED / part).exists():
        raise SystemExit(f"There is no {SHARED / part}.\nSet GAITWAY_SHARED to the folder that holds {part}.")
    return SHARED / part
