# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway convert``: a motion from another tool in, files out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blender_addon.shared.errors import BadRequest

from ..export import check_target, export_clip, numbered, suffixes
from .options import BvhUnit
from .terminal import progress_bar

if TYPE_CHECKING:
    from ..inputs.motions import MotionFile


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Joints from another tool: .npy, .npz, or the .pkl and results.npy of MotionLCM and MDM.",
        ),
    ],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help=f"File to write: {', '.join(suffixes())}. Repeat for more files."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="N", help="Which motion in the file, counted from 0. Default: all of them.", min=0),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Only list the motions in the file.")] = False,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Frames per second. Default: what the file says, or 20.")
    ] = None,
    bvh_unit: BvhUnit = "m",
) -> None:
    """Convert a motion from another tool to a file that animation programs open."""
    targets = out or []
    if not targets and not show_list:
        raise BadRequest("There is nothing to write.", "Add --out walk.bvh, or --list to see what the file contains.")
    for path in targets:
        check_target(path)
    lines = []
    with progress_bar("Reading") as show:
        from ..inputs.motions import read_motions

        motions = read_motions(source)
        count = len(motions.joints)
        chosen = [] if show_list else range(count) if sample is None else [sample]
        for done, index in enumerate(chosen, 1):
            clip = motions.clip(index)
            clip = clip if fps is None else dataclasses.replace(clip, fps=fps)
            for path in targets:
                target = numbered(path, index, count) if sample is None else path
                lines.append(f"Wrote {export_clip(clip, target, bvh_unit=bvh_unit)}")
            show(f"Writing {done} of {len(chosen)}", done / len(chosen))
    for line in sample_lines(motions) if show_list else lines:
        typer.echo(line)


def sample_lines(motions: MotionFile) -> list[str]:
    """One line a sample: its number, length and text."""
    return [
        f"{i}: {len(joints)} frames, {len(joints) / motions.fps:.1f} s{f', {text}' if text else ''}"
        for i, (joints, text) in enumerate(zip(motions.joints, motions.texts, strict=True))
    ]
