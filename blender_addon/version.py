# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version this is; the manifest is where it stands."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def addon_version() -> str:
    """The add-on's version, such as "0.1.0"."""
    manifest = tomllib.loads((Path(__file__).parent / "blender_manifest.toml").read_text(encoding="utf-8"))
    return str(manifest["version"])
