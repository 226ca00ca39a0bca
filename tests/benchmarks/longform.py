# SPDX-License-Identifier: GPL-3.0-or-later
"""A minute of five prompts along a path of 60 m: seams against captured motion, time to the first second, memory.

    python -m tests.benchmarks.longform [--seconds 60] [--metres 60] [--seed 0] [--checkpoint DIR] [--pictures DIR]

A seam is where the new frames of a window begin; the fastest joint counts, in the frames from two before to two behind.
Beside it stands the 99th percentile of the same measure over the test split of captured motion in the folder that
``GAITWAY_SHARED`` names; without it, the figures that were found there. Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, Part, PromptBlock, Result
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.export import export_clip
from engine.export.clip import ExportClip
from engine.longform.motion import MotionInProgress
from engine.pipeline import Pipeline
from engine.validate import order_of

from ..shared_folder import SHARED

PROMPTS = (
    "a person walks forward",
    "a person runs forward",
    "a person walks slowly",
    "a person walks forward and waves the right hand",
    "a person walks forward and stops",
)
REAL_SPEED, REAL_ACCELERATION = 7.81, 84.4
"""m/s and m/s^2 of the fastest joint, 99th percentile over the test split: 28 clips of captured motion."""
NEAR = 2


def winding_path(num_frames: int, metres: float) -> np.ndarray:
    """Points (T, 3) on the ground at an even speed, on a way that winds with two rhythms."""
    way = np.linspace(0.0, metres, num_frames)
    heading = 0.8 * np.sin(way / 6.0) + 0.5 * np.sin(way / 2.7)
    step = metres / (num_frames - 1)
    points = np.cumsum(np.stack([np.sin(heading), 0 * heading, np.cos(heading)], -1) * step, 0)
    return points - points[0] + [0.0, 0.93, 0.0]


def fastest(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Speed (T-1,) and acceleration (T-2,) of the fastest joint, m/s and m/s^2."""
    joints = np.asarray(joints, np.float64)
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(-1) * FPS
    return speed, np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).max(-1) * FPS**2


def captured_limits() -> tuple[float, float]:
    """99th percentiles of both in captured motion: measured where it is, else as they were."""
    folder = SHARED / "data" / "cmu"
    if not (folder / "clips.npz").is_file():
        return REAL_SPEED, REAL_ACCELERATION
    with (folder / "captions.jsonl").open(encoding="utf-8") as lines:
        test = {str(clip["id"]) for clip in map(json.loads, lines) if clip["split"] == "test"}
    clips = np.load(folder / "clips.npz")
    positions, unit = clips["pos"], float(clips["unit"])
    spans = zip(clips["ids"], itertools.pairwise(clips["offset"]), strict=True)
    measured = [fastest(positions[a:b] * unit) for name, (a, b) in spans if str(name) in test]
    speed, acceleration = (float(np.percentile(np.concatenate(each), 99)) for each in zip(*measured, strict=True))
    return speed, acceleration


def off_heading(joints: np.ndarray) -> np.ndarray:
    """Degrees (T-40,) between where the body faces and where it went within two seconds."""
    left, right = SKELETON.indices("left_hip", "right_hip")
    across = joints[:, left] - joints[:, right]
    facing = np.arctan2(-across[:, 2], across[:, 0])[20:-20]
    going = quat.yaw(joints[40:, 0] - joints[:-40, 0])
    return np.degrees((facing - going + np.pi) % (2 * np.pi) - np.pi)


def build(seconds: float, metres: float, seed: int) -> Generate:
    """The request: the pelvis on the path in every frame, its height free, the prompts in equal shares."""
    frames = round(seconds * FPS) + 1
    points = winding_path(frames, metres)
    signal = ControlSignal.from_tracks({"pelvis": (np.arange(frames) / FPS, points)}, frames, free_height=True)
    edges = [frames * i // len(PROMPTS) for i in range(len(PROMPTS) + 1)]
    blocks = tuple(PromptBlock(t, a, b - a) for t, (a, b) in zip(PROMPTS, itertools.pairwise(edges), strict=True))
    return Generate("long", blocks, frames, signal.hint, signal.hint_mask, seed, free_height=True, stream=True)


def measure(pipeline: Pipeline, request: Generate) -> tuple[dict[str, float], Result]:
    """All figures of one run, and its result."""
    began, worked = time.perf_counter(), time.process_time()
    arrived, first = 0, 0.0
    for item in pipeline.generate(request):
        if isinstance(item, Part):
            arrived += item.joints.shape[1]
            first = first or (time.perf_counter() - began if arrived >= FPS else 0.0)
        elif isinstance(item, Result):
            result = item
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    joints = result.joints[0]
    config = pipeline.config
    motion = MotionInProgress(order_of(request), 0, config.min_frames, config.max_frames)
    seams = [window.first for window in motion.windows[1:]]
    speed, acceleration = fastest(joints)
    at_seams = [slice(max(seam - NEAR - 1, 0), seam + NEAR) for seam in seams]
    real_speed, real_acceleration = captured_limits()
    turned = off_heading(joints.astype(float))
    figures = {
        "motion_seconds": (request.num_frames - 1) / FPS,
        "seconds": seconds,
        "processor_seconds": worked,
        "first_second_after": first,
        "peak_megabytes": memory,
        "seams": len(seams),
        "seam_speed_mean": float(np.mean([speed[at].max() for at in at_seams])),
        "seam_speed_max": float(np.max([speed[at].max() for at in at_seams])),
        "real_speed_99": real_speed,
        "seam_acceleration_mean": float(np.mean([acceleration[at].max() for at in at_seams])),
        "seam_acceleration_max": float(np.max([acceleration[at].max() for at in at_seams])),
        "acceleration_99": float(np.percentile(acceleration, 99)),
        "real_acceleration_99": real_acceleration,
        "control_error_cm": 100 * result.control_errors[0].average,
        "control_error_max_cm": 100 * result.control_errors[0].maximum,
        "foot_skating_ratio": result.foot_skating[0],
        "heading_off_degrees": float(np.abs(turned).mean()),
        "heading_off_degrees_at_end": float(np.abs(turned[-200:]).mean()),
    }
    return figures, result


def draw(request: Generate, result: Result, folder: Path) -> None:
    """The whole, and the four seconds around each change of prompt."""
    folder.mkdir(parents=True, exist_ok=True)
    joints = result.joints[0]
    export_clip(ExportClip(joints, prompt="a minute of five prompts", hint=request.hint, hint_mask=request.hint_mask,
                free_height=True), folder / "longform.png")  # fmt: skip
    for before, block in itertools.pairwise(request.prompts):
        around = slice(max(block.start_frame - 40, 0), block.start_frame + 40)
        name = f"{before.text}, then {block.text}"
        export_clip(ExportClip(joints[around], prompt=name), folder / f"longform_{block.start_frame}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--metres", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    pipeline = Pipeline.load(options.checkpoint, device="cpu")
    pipeline.warm_up()
    pipeline.text_encoder.encode(["the first sentence that is not known yet reads the encoder from disk"])
    request = build(options.seconds, options.metres, options.seed)
    figures, result = measure(pipeline, request)
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):32} {value:10.3f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    if options.pictures:
        draw(request, result, options.pictures)


if __name__ == "__main__":
    main()
