# SPDX-License-Identifier: GPL-3.0-or-later
"""How live the live mode is: a scripted drag of a path's middle point inside Blender as a module, with `gaitway serve`.

    python -m tests.benchmarks.live_drag [--changes 100] [--rate 30]

"latency" runs from a change to the ghosts that show it. A tick is what the add-on's timer holds Blender's main thread
for. "asked" counts the previews that went to the engine, "waiting" the most that were under way at once. At the end the
path is let go, and the time until the keys stand is measured. Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--rate", type=float, default=30.0, help="changes a second, as a mouse makes them")
    chosen = parser.parse_args()
    import bpy

    import blender_addon

    bpy.ops.wm.read_homefile(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = "blender_addon"
    blender_addon.register()
    with tempfile.TemporaryDirectory() as folder:
        entry.preferences.log_directory = folder
        entry.preferences.connection_file = str(Path(folder) / "connection.json")
        entry.preferences.autostart = False
        from ..blender.helpers.engines import running_engine

        with running_engine(Path(folder) / "connection.json", "engine.cli", "serve"):
            figures = drag(chosen.changes, chosen.rate)
        blender_addon.unregister()
    for name, value in figures.items():
        print(f"{name:<34}{value:>10.1f}" if isinstance(value, float) else f"{name:<34}{value:>10}")
    print(json.dumps({"benchmark": "live_drag", "changes": chosen.changes, **figures}), flush=True)
    sys.stdout.flush()
    os._exit(0)  # the bpy module may hang in its own end


def drag(changes: int, rate: float) -> dict[str, float | int]:
    """The figures of one drag, milliseconds where nothing else is said."""
    import bpy

    from blender_addon.app import timer
    from blender_addon.app.engine import ENGINE
    from blender_addon.app.generation import GENERATION
    from blender_addon.app.live import LIVE

    from ..blender.helpers import rigs, scenes
    from ..blender.helpers.engines import generate, wait_for

    settings = bpy.context.scene.gaitway
    settings.character = rigs.mixamo()
    path = scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    generate()  # the model is loaded, and a take is there
    if GENERATION.error is not None:
        raise SystemExit(" ".join(GENERATION.error))
    settings.live.enabled = True
    ticks, work, asked, waiting = [], [], set(), 0

    def tick() -> float:
        nonlocal waiting
        began, worked = time.perf_counter(), time.thread_time()
        pause = timer.tick()
        ticks.append(time.perf_counter() - began)
        work.append(time.thread_time() - worked)
        session = ENGINE.open_session()
        if session.request_id is not None:
            asked.add(session.request_id)
        waiting = max(waiting, int(session.request_id is not None) + len(session._finished))
        return pause

    tick()
    ticks.clear()
    work.clear()
    point = path.data.splines[0].bezier_points[1]
    for change in range(changes):
        due = time.perf_counter() + 1 / rate
        point.co.x = 1.2 * math.cos(2 * math.pi * change / changes)
        bpy.context.view_layer.update()
        while time.perf_counter() < due:
            time.sleep(min(tick(), timer.BUSY_INTERVAL_S))
    wait_for(lambda: not LIVE.is_behind)
    latencies = np.array(LIVE.latencies_s)
    dragged, at_work = np.array(ticks), np.array(work)
    released = time.perf_counter()
    wait_for(lambda: GENERATION.busy)
    began = time.perf_counter()
    wait_for(lambda: not GENERATION.busy)
    done = time.perf_counter()
    if GENERATION.error is not None:
        raise SystemExit(" ".join(GENERATION.error))
    return {
        "previews asked": len(asked),
        "previews shown": len(latencies),
        "waiting at once, at most": waiting,
        "preview latency, median": 1e3 * float(np.median(latencies)),
        "preview latency, 95 %": 1e3 * float(np.percentile(latencies, 95)),
        "tick, median": 1e3 * float(np.median(dragged)),
        "tick, longest": 1e3 * float(dragged.max()),
        "tick, longest work": 1e3 * float(at_work.max()),
        "rest until it counts as released": 1e3 * (began - released),
        "released until keys": 1e3 * (done - began),
        "error after release, cm": 100 * GENERATION.measured["average"],
        "longest tick after release": 1e3 * GENERATION.longest_tick_s,
        "takes in the history": len(settings.takes.items),
    }


if __name__ == "__main__":
    main()
