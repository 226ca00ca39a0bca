# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine process of the tests' own: the real server, sockets and session, and in place of the model a figure that
walks by rule exactly where it is asked to. Deterministic, and as slow as the prompt says.

    python -m tests.blender.helpers.walking_engine --connection-file FILE

Prompts: "slow ..." takes many small steps; "die ..." ends the process in the middle, without a word.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from blender_addon.shared import quat
from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import (
    PROTOCOL_VERSION,
    ControlError,
    Generate,
    Progress,
    Result,
    Welcome,
    hints_that_move,
)
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.serving.server import serve

STRIDES_A_SECOND = 1.0
SLOW_STEPS = 60
SLOW_STEP = 0.02


class WalkingPipeline:
    """The engine's pipeline, with a walk cycle for a model."""

    def describe(self) -> Welcome:
        names = SKELETON.names
        return Welcome(PROTOCOL_VERSION, "0", "walking figure", "0" * 8, names, FPS, 10, 400, names, "cpu")

    def warm_up(self) -> None:
        pass

    def generate(self, request: Generate) -> Iterator[Progress | Result]:
        word = request.prompts[0].text.split()[0]
        steps = SLOW_STEPS if word in ("slow", "die") else 4
        for step in range(steps):
            if word == "die" and step == 10:
                os._exit(9)
            if steps == SLOW_STEPS:
                time.sleep(SLOW_STEP)
            yield Progress(request.request_id, "walking", step / steps)
        takes = [walk(request, request.seed + take) for take in range(request.num_variations)]
        signal = ControlSignal(request.hint, request.hint_mask)
        errors = [control_errors(joints, signal) if request.hint_mask.any() else np.zeros(1) for joints in takes]
        met = hints_that_move(request.hint_mask, request.slack)[:, 0].astype(np.int32)  # each in its own frame
        yield Result(
            request_id=request.request_id,
            joints=np.stack(takes).astype(np.float32),
            foot_contacts=np.zeros((len(takes), request.num_frames, 4), bool),
            control_errors=tuple(ControlError(*(float(f(e)) for f in (np.mean, np.max, np.median))) for e in errors),
            foot_skating=(0.0,) * len(takes),
            timing={"Total": 0.0},
            seed=request.seed,
            model_hash="0" * 8,
            met_frames=np.repeat(met[None], len(takes), 0) if len(met) else None,
        )


def walk(request: Generate, seed: int) -> np.ndarray:
    """Joints (T, 22, 3): the hips where the hints say (straight on without any), the legs swinging, ``seed`` shifts
    the stride.
    """
    times = np.arange(request.num_frames) / FPS
    hips, heading = _hips(request, times)
    swing = 0.5 * np.sin(2 * np.pi * STRIDES_A_SECOND * times + seed)
    local = np.zeros((request.num_frames, SKELETON.num_joints, 4))
    local[..., 0] = 1.0
    sideways = np.array([1.0, 0.0, 0.0])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        local[:, SKELETON.index(f"{side}_hip")] = quat.from_axis_angle(sideways, sign * swing - 0.1)
        local[:, SKELETON.index(f"{side}_knee")] = quat.from_axis_angle(sideways, 0.3 + 0.3 * np.sign(sign) * swing)
    turns = np.empty_like(local)
    joints = np.empty((request.num_frames, SKELETON.num_joints, 3))
    for joint, parent in enumerate(SKELETON.parents):
        if parent < 0:
            turns[:, joint], joints[:, joint] = quat.from_yaw(heading), hips
            continue
        turns[:, joint] = quat.multiply(turns[:, parent], local[:, joint])
        joints[:, joint] = joints[:, parent] + quat.rotate(turns[:, parent], SKELETON.offsets[joint].astype(float))
    return joints


def _hips(request: Generate, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    asked = np.flatnonzero(request.hint_mask[:, 0])
    start = request.heading or 0.0
    if len(asked) == 0:
        forward = np.array([np.sin(start), 0.0, np.cos(start)])
        return times[:, None] * forward + [0, SKELETON.standing_height, 0], np.full(len(times), start)
    hips = np.stack([np.interp(times, asked / FPS, request.hint[asked, 0, axis]) for axis in range(3)], -1)
    way = np.gradient(hips, axis=0) if len(asked) > 1 else np.tile([np.sin(start), 0, np.cos(start)], (len(times), 1))
    return hips, np.arctan2(way[:, 0], way[:, 2])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--connection-file", type=Path, required=True)
    parser.add_argument("--parent-pid", type=int)
    chosen = parser.parse_args()
    serve(
        WalkingPipeline,
        connection_file=chosen.connection_file,
        parent_pid=chosen.parent_pid,
        log_file=chosen.connection_file.with_suffix(".log"),
    )


if __name__ == "__main__":
    main()
