# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway convert``: a motion of another tool in, files out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from blender_addon.shared.errors import BadRequest

from ..export import check_target, export, numbered
from ..inputs.motions import Motions, read_motions
from .terminal import progress_bar


def run(
    source: Path, targets: Sequence[Path], *, show_list: bool, sample: int | None, fps: float | None, bvh_unit: str
) -> list[str]:
    """Convert one sample of ``source``, or all, to each of ``targets``; returns the lines to print. Raises
    GaitwayError.
    """
    if not targets and not show_list:
        raise BadRequest("There is nothing to write.", "Add --out walk.bvh, or --list to see what the file holds.")
    for path in targets:
        check_target(path)
    with progress_bar("Reading") as show:
        motions = read_motions(source)
        if show_list:
            return describe(motions)
        count = len(motions.joints)
        chosen = range(count) if sample is None else [sample]
        lines = []
        for done, index in enumerate(chosen, 1):
            clip = motions.clip(index)
            clip = clip if fps is None else dataclasses.replace(clip, fps=fps)
            for path in targets:
                target = numbered(path, index, count) if sample is None else path
                lines.append(f"Wrote {export(clip, target, bvh_unit=bvh_unit)}")
            show(f"Writing {done} of {len(chosen)}", done / len(chosen))
    return lines


def describe(motions: Motions) -> list[str]:
    """One line a sample: its number, length and text."""
    return [
        f"{i}: {len(joints)} frames, {len(joints) / motions.fps:.1f} s{f', {text}' if text else ''}"
        for i, (joints, text) in enumerate(zip(motions.joints, motions.texts, strict=True))
    ]
