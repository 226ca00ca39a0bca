# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disturbance at each stage of a request leaves: cancel, undo, deletion, other files, a dead engine.

Runs inside Blender as a module, with an engine process that walks by rule, or with the real model:

    python -m tests.benchmarks.disturbances [--only cancel] [--request range] [--real]

"same" compares every F-curve, pose, place, Action and take with what the same disturbance makes of a scene without a
request; "left" counts data-blocks too many. Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="disturbances whose name contains this")
    parser.add_argument("--request", default="motion", choices=["motion", "range"], help="what is asked for")
    parser.add_argument("--real", action="store_true", help="with `gaitway serve` and the embedded model")
    chosen = parser.parse_args()
    import bpy

    import blender_addon

    from ..blender.helpers import disturbances

    bpy.ops.wm.read_homefile(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = "blender_addon"
    blender_addon.register()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        entry.preferences.log_directory = folder
        entry.preferences.connection_file = str(Path(folder) / "connection.json")
        entry.preferences.engine_command = str(disturbances.launcher(Path(folder), chosen.real))
        entry.preferences.autostart = True
        cases = [case for case in disturbances.cases(chosen.request) if chosen.only in case[0]]
        print(f"{'disturbance':<20}{'when':<18}{'same':>5}{'left':>5}{'made':>5}  message")
        for outcome in disturbances.run_all(cases, chosen.request):
            outcomes.append(outcome)
            words = outcome.message if outcome.passed else f"{outcome.message} DIFFERS: {', '.join(outcome.differs)}"
            print(
                f"{outcome.disturbance:<20}{outcome.stage:<18}{'yes' if outcome.same else 'NO':>5}"
                f"{outcome.left_over:>5}{'yes' if outcome.made else '-':>5}  {words}",
                flush=True,
            )
        blender_addon.unregister()
    passed = sum(outcome.passed for outcome in outcomes)
    left_over = sum(outcome.left_over for outcome in outcomes)
    figures = {"request": chosen.request, "cases": len(outcomes), "passed": passed, "left_over": left_over}
    print(json.dumps({"benchmark": "disturbances", **figures}), flush=True)
    sys.stdout.flush()
    os._exit(0 if passed == len(outcomes) else 1)  # the bpy module may hang in its own end


if __name__ == "__main__":
    main()
