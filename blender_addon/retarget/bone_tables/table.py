# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a bone table."""

from __future__ import annotations

from dataclasses import dataclass

Names = tuple[str, ...]


@dataclass(frozen=True)
class BoneTable:
    """Names that one rig family gives to its bones. Several names for one part are alternatives, the usual one first.

    ``spine`` and ``neck`` are chains instead, from the pelvis up, of which a rig may have any; the first of ``neck``
    is its base.
    """

    family: str
    sides: tuple[Names, Names]
    pelvis: Names
    spine: Names
    neck: Names
    head: Names
    collar: Names
    shoulder: Names
    elbow: Names
    wrist: Names
    hip: Names
    knee: Names
    ankle: Names
    foot: Names
