# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a cancel takes: from the client's Cancel to the engine's word that it has stopped, and to the next request.

Starts ``gaitway serve`` as its own process, sends requests and cancels each at a random moment of its run:

    python -m tests.benchmarks.cancel_latency [--runs 40] [--frames 196] [--variations 4] [-- serve options]

"stopped" is when Error ``cancelled`` arrives, which the engine sends when its worker has left the request. "next
Progress" is when a request sent after that has begun; "replaced" is the same without a Cancel: the newest request wins.
Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.engine_link.client import Client
from blender_addon.engine_link.process import EngineProcess, find_connection
from blender_addon.shared import protocol
from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.protocol import Cancel, Error, Generate, Hello, Progress, PromptBlock, Result, Welcome
from blender_addon.shared.skeleton import SKELETON

PATIENCE = 300.0


class Talker:
    """A client that waits for what it wants."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def expect(self, kinds: Any, identifier: str = "") -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for message in self.client.poll():
                if isinstance(message, kinds) and (not identifier or message.request_id == identifier):
                    return message
            time.sleep(0.0005)
        raise SystemExit("the engine did not answer")


def request(identifier: str, options: argparse.Namespace, seed: int) -> Generate:
    """A walk along an arc, the pelvis given at every frame."""
    turn = np.linspace(0.0, 1.5, options.frames)
    hint = np.zeros((options.frames, SKELETON.num_joints, 3), np.float32)
    mask = np.zeros((options.frames, SKELETON.num_joints), bool)
    pelvis = SKELETON.index("pelvis")
    hint[:, pelvis] = np.stack([4 * (1 - np.cos(turn)), np.full_like(turn, 0.95), 4 * np.sin(turn)], axis=1)
    mask[:, pelvis] = True
    prompts = (PromptBlock("a person walks forward", 0, options.frames),)
    return Generate(identifier, prompts, options.frames, hint, mask, seed, num_variations=options.variations)


def measure(talker: Talker, options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each run, by what was measured."""
    rng = random.Random(0)
    seconds: dict[str, list[float]] = {"whole request": [], "stopped": [], "next Progress": [], "replaced": []}
    for run in range(5):
        began = time.perf_counter()
        talker.client.send(request(f"whole{run}", options, run))
        answer = talker.expect((Result, Error), f"whole{run}")
        if isinstance(answer, Error):
            raise SystemExit(f"{answer.message} {answer.hint}")
        seconds["whole request"].append(time.perf_counter() - began)
    whole = min(seconds["whole request"])
    for run in range(options.runs):
        talker.client.send(request(f"old{run}", options, run))
        talker.expect(Progress, f"old{run}")
        time.sleep(rng.random() * 0.9 * whole)
        began = time.perf_counter()
        replace = run % 2 == 1
        if not replace:
            talker.client.send(Cancel(f"old{run}"))
            if isinstance(talker.expect((Result, Error), f"old{run}"), Error):
                seconds["stopped"].append(time.perf_counter() - began)
        talker.client.send(request(f"new{run}", options, run))
        talker.expect(Progress, f"new{run}")
        seconds["replaced" if replace else "next Progress"].append(time.perf_counter() - began)
        talker.client.send(Cancel(f"new{run}"))
        talker.expect((Result, Error), f"new{run}")
    return seconds


def report(seconds: dict[str, list[float]], options: argparse.Namespace) -> None:
    print(f"{'milliseconds':<16}{'runs':>6}{'median':>9}{'95 %':>9}{'worst':>9}")
    rows = {}
    for name, values in seconds.items():
        if values:
            median, high, worst = (1000 * float(np.percentile(values, q)) for q in (50, 95, 100))
            rows[name] = {"runs": len(values), "median_ms": median, "p95_ms": high, "worst_ms": worst}
            print(f"{name:<16}{len(values):>6}{median:>9.1f}{high:>9.1f}{worst:>9.1f}")
    print(json.dumps({"benchmark": "cancel", "frames": options.frames, "variations": options.variations, **rows}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--frames", type=int, default=196)
    parser.add_argument("--variations", type=int, default=4)
    parser.add_argument("serve", nargs="*", help="options for 'gaitway serve', after --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engine.json"
        command = [sys.executable, "-m", "engine.cli", "serve", "--connection-file", str(path), *options.serve]
        process = EngineProcess(command, Path(folder) / "output.log")
        process.start()
        try:
            while not path.exists():
                if process.poll() is not None:
                    raise SystemExit(process.last_words())
                time.sleep(0.05)
            client = Client(find_connection(path))
            client.send(Hello(protocol.PROTOCOL_VERSION, "benchmark", ""))
            talker = Talker(client)
            welcome = talker.expect((Welcome, Error))
            if isinstance(welcome, Error):
                raise SystemExit(f"{welcome.message} {welcome.hint}")
            print(f"{welcome.model} on {welcome.device}, {options.frames} frames, {options.variations} variations")
            report(measure(talker, options), options)
            client.close()
        except GaitwayError as error:
            raise SystemExit(str(error)) from error
        finally:
            process.stop(10.0)


if __name__ == "__main__":
    main()
