# SPDX-License-Identifier: GPL-3.0-or-later
"""How exactly controls are met, and what it costs: along the test split's own paths and twenty drawn ones.

    python -m tests.benchmarks.exactness [--data FOLDER] [--checkpoint FOLDER] [--pictures FOLDER] [--only NAME]

Each motion is made three times: by the network alone (raw), refined, and as it leaves the engine (exact: refined,
feet standing, hints hit). Sets: the test split's pelvis in all frames as captured and as a hand would draw it, in five
keys, its six joints in all frames, and the drawn controls. Figures: mean and worst distance from what was asked
(cm), sliding feet, jerk beside that of the captured motions, how far bones are from their lengths (mean, per cent),
and seconds of refining, of finishing, and of the whole request, by the clock and by the processor. Prints a table, and
a JSON line for each set.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from blender_addon.shared.skeleton import SKELETON
from engine.export import export_clip
from engine.export.clip import ExportClip
from engine.finishing.body import LENGTHS_M
from engine.metrics import foot_skating_ratio
from engine.pipeline import Pipeline
from training.data.clips import Clip, load_clips
from training.data.drawn_hints import drawn_paths as smoothed
from training.data.hint_masks import SIX_JOINTS
from training.evaluation.control_accuracy import hint_mask_for
from training.evaluation.metrics import jerk_percentile

from ..shared_folder import needed
from .drawn_paths import Drawn, drawn_paths

KINDS: dict[str, dict[str, bool]] = {
    "raw": {"refine": False, "exact": False, "plant_feet": False},
    "refined": {"refine": True, "exact": False, "plant_feet": False},
    "exact": {"refine": True, "exact": True, "plant_feet": True},
}
SETS = {
    "captured paths": (("pelvis",), 100, False),
    "captured, five keys": (("pelvis",), 5, False),
    "six joints, all frames": (SIX_JOINTS, 100, False),
    "smoothed paths": (("pelvis",), 100, True),
}


@dataclass(frozen=True)
class Row:
    """One motion's figures."""

    name: str
    average_cm: float
    worst_cm: float
    skating: float
    jerk: float
    bones: float
    refining: float
    finishing: float
    seconds: float
    cpu: float


def made(pipeline: Pipeline, drawn: Drawn, switches: dict[str, bool], seed: int) -> tuple[Row, np.ndarray]:
    """The motion along ``drawn`` and its figures."""
    frames = drawn.signal.num_frames
    request = Generate(
        "benchmark",
        (PromptBlock(drawn.prompt, 0, frames),),
        frames,
        drawn.signal.hint,
        drawn.signal.hint_mask,
        seed,
        heading=drawn.heading,
        free_height=drawn.signal.free_height,
        **switches,
    )
    began = time.process_time()
    (result,) = [item for item in pipeline.generate(request) if isinstance(item, Result)]
    spent = time.process_time() - began
    joints, timing = result.joints[0].astype(np.float64), result.timing
    errors = 100 * control_errors(joints, drawn.signal)
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(SKELETON.parents[1:])], axis=-1)
    row = Row(
        drawn.name,
        float(errors.mean()),
        float(errors.max()),
        foot_skating_ratio(joints),
        jerk_percentile(joints),
        float(100 * np.abs(lengths / LENGTHS_M[1:] - 1).mean()),
        timing.get("Refining", 0.0),
        timing.get("Finishing", 0.0),
        timing["Total"],
        spent,
    )
    return row, joints


def held_out(clips: list[Clip], joints: tuple[str, ...], density: int, drawn: bool, longest: int) -> Iterator[Drawn]:
    """The clips' own ``joints`` as controls, in their first ``longest`` frames."""
    for number, clip in enumerate(clips):
        own = torch.from_numpy(clip.joints[:longest])[None]
        mask = torch.ones(own.shape[:2], dtype=torch.bool)
        shown = hint_mask_for(mask, joints, density, torch.Generator().manual_seed(number))[0].numpy()
        hint = (smoothed(own, mask) if drawn else own)[0].numpy()
        yield Drawn(clip.name, clip.captions[0], ControlSignal(hint, shown, free_height=drawn).validate(), 0.0)


def report(name: str, kind: str, rows: list[Row], real_jerk: float) -> dict[str, Any]:
    """Print a line of the table; the same for JSON."""
    fields = [field for field in Row.__annotations__ if field != "name"]
    mean = {field: float(np.mean([getattr(row, field) for row in rows])) for field in fields}
    worst = max(row.worst_cm for row in rows)
    mean["jerk"] /= real_jerk
    print(
        f"{name:<24}{kind:<9}{mean['average_cm']:>9.3f}{worst:>9.3f}{mean['skating']:>9.3f}"
        f"{mean['jerk']:>7.2f}{mean['bones']:>8.2f}{mean['refining']:>9.3f}{mean['finishing']:>9.3f}"
        f"{mean['seconds']:>9.3f}{mean['cpu']:>9.3f}",
        flush=True,
    )
    rounded = {field: round(value, 4) for field, value in {**mean, "worst_cm": worst}.items()}
    return {"set": name.strip(), "kind": kind, "motions": len(rows), **rounded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with clips.npz and captions.jsonl")
    parser.add_argument("--checkpoint", type=Path, help="default: the embedded model")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each drawn control's exact motion")
    parser.add_argument("--only", help="one set by its name, or 'drawn'")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pipeline = Pipeline.load(options.checkpoint)
    pipeline.warm_up()
    longest = pipeline.config.max_frames
    folder = options.data or needed("data/cmu")
    clips = [clip for clip in load_clips(folder)["test"] if clip.num_frames >= pipeline.config.min_frames]
    real = [clip.joints[:longest] for clip in clips]
    real_jerk = float(np.mean([jerk_percentile(motion) for motion in real]))
    skating = float(np.mean([foot_skating_ratio(motion) for motion in real]))
    print(
        f"{len(clips)} captured motions: skating {skating:.3f}, jerk {real_jerk:.0f} m/s^3 (99th percentile; 1 below)"
    )
    print(f"{'':<33}  mean cm    worst  skating   jerk bones %   refine   finish   all, s   cpu, s")
    lines = []
    for name, chosen in SETS.items():
        if options.only in (None, name):
            for kind, switches in KINDS.items():
                controls = held_out(clips, *chosen, longest)
                done = [made(pipeline, drawn, switches, options.seed)[0] for drawn in controls]
                lines.append(report(name, kind, done, real_jerk))
    if options.only in (None, "drawn"):
        rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        for drawn in drawn_paths():
            for kind, switches in KINDS.items():
                row, joints = made(pipeline, drawn, switches, options.seed)
                rows[kind].append(row)
                report(f"  {drawn.name}", kind, [row], real_jerk)
            if options.pictures is not None:
                options.pictures.mkdir(parents=True, exist_ok=True)
                signal = drawn.signal
                picture = ExportClip(
                    joints, 20.0, drawn.prompt, options.seed, pipeline.config.name, signal.hint, signal.hint_mask,
                    free_height=signal.free_height,
                )  # fmt: skip
                export_clip(picture, options.pictures / f"{drawn.name.replace(' ', '_')}.png")
        for kind in KINDS:
            lines.append(report("drawn controls", kind, rows[kind], real_jerk))
    for line in lines:
        print(json.dumps({"benchmark": "exactness", **line}))


if __name__ == "__main__":
    main()
