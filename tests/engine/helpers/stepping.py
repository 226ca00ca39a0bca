# SPDX-License-Identifier: GPL-3.0-or-later
"""A small deterministic pipeline, to put the server under load without a model, and a process that serves it.

The prompt says how it behaves: ``walk`` answers in three quick steps, ``slow`` takes 10 ms a step for ten minutes
unless it is stopped, ``crash``, ``memory``, ``refuse``, ``endless text`` and ``no result`` fail each in its own way.

    python stepping.py --connection-file FILE [--parent-pid PID] [--log-file FILE] [--load-seconds S] [--fail]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from blender_addon.shared.errors import BadCheckpoint, BadControl, GaitwayError
from blender_addon.shared.protocol import (
    PROTOCOL_VERSION,
    ControlError,
    Generate,
    Part,
    Progress,
    PromptBlock,
    Result,
    Welcome,
    hints_that_move,
)
from engine.serving import server


class SteppingPipeline:
    """Joints are the hint plus a number made of the seed; ``stopped`` lists the requests that were closed before
    their end.
    """

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.begun: list[str] = []

    def describe(self) -> Welcome:
        return Welcome(PROTOCOL_VERSION, "0.1.0", "stepping", "abc", ("pelvis",), 20.0, 1, 196, ("pelvis",), "cpu")

    def warm_up(self) -> None:
        pass

    def generate(self, request: Generate) -> Iterator[Progress | Part | Result]:
        kind = request.prompts[0].text
        self.begun.append(request.request_id)
        steps = 60_000 if kind == "slow" else 3
        try:
            for step in range(steps):
                yield Progress(request.request_id, "stepping", step / steps)
                _misbehave(kind)
                time.sleep(0.01 if kind == "slow" else 0.0)
        except GeneratorExit:
            self.stopped.append(request.request_id)
            raise
        if request.stream:
            yield from parts_of(request)
        if kind != "no result":
            yield result_of(request)


def result_of(request: Generate) -> Result:
    """The answer that every way to the pipeline must give."""
    shape = (request.num_variations, *request.hint.shape)
    joints = np.broadcast_to(request.hint, shape) + np.random.default_rng(request.seed).normal(size=shape)
    contacts = np.zeros((*shape[:2], 4), bool)
    errors = (ControlError(0.0, 0.0, 0.0),) * request.num_variations
    skating = (0.0,) * request.num_variations
    asked = hints_that_move(request.hint_mask, request.slack)[:, 0].astype(np.int32)
    return Result(
        request.request_id,
        joints.astype(np.float32),
        contacts,
        errors,
        skating,
        {"all": 0.5},
        request.seed,
        "abc",
        np.repeat(asked[None], request.num_variations, 0) if len(asked) else None,
    )


def parts_of(request: Generate) -> Iterator[Part]:
    """The answer in two parts."""
    whole, half = result_of(request), request.num_frames // 2
    for start, end in ((0, half), (half, request.num_frames)):
        yield Part(request.request_id, start, whole.joints[:, start:end], whole.foot_contacts[:, start:end])


def request(identifier: str, kind: str = "walk", num_frames: int = 40, seed: int = 0) -> Generate:
    """A request whose prompt chooses the behaviour."""
    hint = np.zeros((num_frames, 22, 3), np.float32)
    mask = np.zeros((num_frames, 22), bool)
    return Generate(identifier, (PromptBlock(kind, 0, num_frames),), num_frames, hint, mask, seed=seed)


def _misbehave(kind: str) -> None:
    if kind == "crash":
        raise ZeroDivisionError("a fault in the middle of it")
    if kind == "memory":
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    if kind == "refuse":
        raise BadControl("The hint of joint 'tail' cannot be used.", "Choose one of the 22 joints.")
    if kind == "endless text":
        raise GaitwayError("\ud800" + "x" * 100_000, "y" * 100_000)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--connection-file", type=Path)
    parser.add_argument("--parent-pid", type=int)
    parser.add_argument("--log-file", type=Path)
    parser.add_argument("--load-seconds", type=float, default=0.0)
    parser.add_argument("--fail", action="store_true")
    options = parser.parse_args()

    def load() -> SteppingPipeline:
        time.sleep(options.load_seconds)
        if options.fail:
            raise BadCheckpoint("The model is truncated.", "Download it again.")
        return SteppingPipeline()

    try:
        server.serve(
            load,
            connection_file=options.connection_file,
            parent_pid=options.parent_pid,
            log_file=options.log_file,
            announce=lambda sentence: print(sentence, flush=True),
        )
    except GaitwayError as error:
        print(error, flush=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
