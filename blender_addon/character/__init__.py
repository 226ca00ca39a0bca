# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's armature as data: what it is, how large, what may be keyed."""

from .body import CharacterBody, read_body, standing_height

__all__ = ["CharacterBody", "read_body", "standing_height"]
