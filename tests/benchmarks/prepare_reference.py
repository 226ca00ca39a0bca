# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared takes against the same takes in the training data of the default model: mean distance of each joint in cm.

    python -m tests.benchmarks.prepare_reference

Needs ``data/raw_samples`` and ``data/cmu`` of the folder ``shared``. Each clip is turned about the vertical and
moved on the whole, once, to lie best on its reference. The .bvh file is a conversion by other people onto a figure
whose arms are bent at rest: its wrists are where the file shows them, not where the actor had them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from blender_addon.shared import quat
from blender_addon.shared.skeleton import SKELETON
from training.prepare.options import Options
from training.prepare.sources import find_sources
from training.prepare.take import load_motion

from ..shared_folder import needed

TAKES = {"02_01": "02_01", "16_15": "16_15", "cmu_daz_02_01": "02_01"}


def reference(shared: Path, take: str) -> tuple[np.ndarray, int]:
    """Joints (T, 22, 3) of the reference clip of ``take``, and the frame of the take (20 fps) at which it begins."""
    folder = shared / "data" / "cmu"
    lines = map(json.loads, (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines())
    about = next(line for line in lines if line["take"] == take)
    archive = np.load(folder / "clips.npz")
    place = [str(name) for name in archive["ids"]].index(about["id"])
    start, end = archive["offset"][place : place + 2]
    return archive["pos"][start:end].astype(np.float64) * float(archive["unit"]), about["start"]


def align(joints: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """``joints`` (T, J, 3) turned about Y and moved, as one, to lie nearest to ``onto``."""
    centre, goal = joints.mean((0, 1)), onto.mean((0, 1))
    a, b = (joints - centre)[..., [0, 2]], (onto - goal)[..., [0, 2]]
    turn = np.arctan2((a[..., 1] * b[..., 0] - a[..., 0] * b[..., 1]).sum(), (a * b).sum())
    return quat.rotate(quat.from_yaw(turn), joints - centre) + goal


def distances(shared: Path, name: str) -> np.ndarray:
    """Mean distance (22,) in metres of each joint of the prepared take ``name`` from its reference."""
    source = next(s for s in find_sources(shared / "data" / "raw_samples") if s.name == name)
    motion = load_motion(source, Options())
    goal, start = reference(shared, TAKES[name])
    first, end = max(start, motion.first), min(start + len(goal), len(motion.joints))
    goal = goal[first - start : end - start]
    return np.linalg.norm(align(motion.joints[first:end], goal) - goal, axis=-1).mean(0)


def main() -> None:
    shared = needed("data/raw_samples").parents[1]
    found = {name: 100 * distances(shared, name) for name in TAKES}
    table = Table(title="Mean distance from the reference, cm")
    table.add_column("joint")
    for name in found:
        table.add_column(name, justify="right")
    for joint, label in enumerate(SKELETON.names):
        table.add_row(label, *(f"{values[joint]:.2f}" for values in found.values()))
    table.add_section()
    table.add_row("mean", *(f"{values.mean():.2f}" for values in found.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
