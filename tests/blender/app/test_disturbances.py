# SPDX-License-Identifier: GPL-3.0-or-later
"""Disturbances at each stage of a request; the table of all of them: ``python -m tests.benchmarks.disturbances``."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import preferences

from ..helpers import disturbances

QUICK = [case for case in disturbances.cases() if case[1] == "keys are set"] + [
    ("cancel", "engine starts"),
    ("stop_engine", "engine loads"),
    ("kill_engine", "engine walks"),
    ("undo", "all is done"),
]
"""The stage at which most could be left behind, and a few more."""
RANGE = (("undo", "rig is measured"), ("undo", "keys are set"), ("cancel", "rig is measured"))
"""The same of a range of frames made anew: a take is worn before."""


def test_the_scene_is_what_it_would_be_without_a_request(addon, tmp_path: Path) -> None:
    chosen = preferences.get()
    chosen.engine_command, chosen.autostart = str(disturbances.launcher(tmp_path)), True
    outcomes = [*disturbances.run_all(QUICK), *disturbances.run_all(RANGE, "range")]
    failed = [outcome for outcome in outcomes if not outcome.passed]
    assert not failed, failed
