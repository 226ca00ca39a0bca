# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the delivered joints are apart when the same request is made in another precision, or on more threads.

    python -m tests.benchmarks.precision [--seeds 2] [--checkpoint DIR]

The networks in float32 on one thread, against float16 (what graphics cards are given), bfloat16, and two threads, whose
sums are taken in another order. Both ways to a motion: captured motion found (with its joins denoised) and the
diffusion model alone. What is made of small differences is the finisher's doing, whose choices of steps must not flip.
Prints a table in millimetres and one JSON line.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import torch

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from blender_addon.shared.skeleton import SKELETON
from engine.pipeline import Pipeline
from training.evaluation.realism.turns import signal_of

ALONG = {
    "straight 1.2 m/s": ("a person walks", "a person sneaks"),
    "circle 1 m at 1.0 m/s": ("a person walks", "an old person walks"),
    "U-turn on a point": ("a person walks",),
    "S at 1.0 m/s": ("a person walks", "a person walks backward"),
    "from rest to rest": ("a person walks",),
}
ALONE = ("a person waves with the right hand", "a person jumps forward", "a person kicks", "a person runs")
ALONE_FRAMES = 120
WAYS = {"captured motion found": 1.0, "diffusion model alone": 0.0}
MM = 1000.0


def requests() -> list[tuple[str, Generate]]:
    """What is asked, and its name."""
    asked = [(f"{prompt}, {path}", prompt, signal_of(path)) for path, prompts in ALONG.items() for prompt in prompts]
    asked += [(prompt, prompt, ControlSignal.empty(ALONE_FRAMES)) for prompt in ALONE]
    return [
        (
            name,
            Generate(
                "precision",
                (PromptBlock(prompt, 0, signal.num_frames),),
                signal.num_frames,
                signal.hint,
                signal.hint_mask,
                free_height=signal.free_height,
            ),
        )
        for name, prompt, signal in asked
    ]


def made(pipeline: Pipeline, request: Generate, threads: int = 1) -> np.ndarray:
    """The joints (T, J, 3) that are delivered."""
    torch.set_num_threads(threads)
    try:
        *_, result = pipeline.generate(request)
    finally:
        torch.set_num_threads(1)
    assert isinstance(result, Result)  # the last item always is
    return np.asarray(result.joints[0], np.float64)


def in_precision(pipeline: Pipeline, dtype: torch.dtype) -> Pipeline:
    """The same pipeline with its networks in ``dtype``; the sentence encoder stays."""
    networks = copy.deepcopy(pipeline.networks).to(pipeline.device, dtype).freeze()
    library = None if pipeline.sentences is None else pipeline.sentences.library
    return Pipeline(networks, pipeline.text_encoder, pipeline.device, library)


def compare(usual: np.ndarray, other: np.ndarray) -> dict[str, float | int | str]:
    """Millimetres between two motions (T, J, 3): largest, 99th percentile, mean; frame and joint of the largest."""
    off = MM * np.linalg.norm(usual - other, axis=-1)
    frame, joint = np.unravel_index(int(off.argmax()), off.shape)
    return {
        "largest": float(off.max()),
        "p99": float(np.percentile(off, 99)),
        "mean": float(off.mean()),
        "frame": int(frame),
        "joint": SKELETON.names[joint],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--checkpoint", type=Path)
    arguments = parser.parse_args()
    pipeline = Pipeline.load(arguments.checkpoint, device="cpu")
    half, low = (in_precision(pipeline, dtype) for dtype in (torch.float16, torch.bfloat16))
    others = {"float16": (half, 1), "bfloat16": (low, 1), "two threads": (pipeline, 2)}
    rows = []
    print(f"{'mm, largest / 99 % / mean of all joints':52}" + "".join(f"{name:>26}" for name in others))
    for way, closeness in WAYS.items():
        print(way)
        for name, request in requests():
            for seed in range(arguments.seeds):
                asked = dataclasses.replace(request, seed=seed, closeness=closeness)
                usual = made(pipeline, asked)
                off = {kind: compare(usual, made(other, asked, threads)) for kind, (other, threads) in others.items()}
                told = "".join(f"{o['largest']:12.3f} {o['p99']:6.3f} {o['mean']:6.3f}" for o in off.values())
                print(f"  {name + f' ({seed})':50}{told}", flush=True)
                rows.append({"way": way, "request": name, "seed": seed} | off)
    largest = {
        way: {kind: max(row[kind]["largest"] for row in rows if row["way"] == way) for kind in others} for way in WAYS
    }
    print(json.dumps({"largest_mm": largest, "rows": rows}))


if __name__ == "__main__":
    main()
