# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of rigs runs, and what it promises holds for a walk: directions, exact controls, standing feet, no
flips, short ticks."""

from __future__ import annotations

import pytest

pytest.importorskip("bpy")

from ...benchmarks import rigs as benchmark
from ..helpers import measure

pytestmark = pytest.mark.same_in_every_blender


@pytest.mark.parametrize("name", ["Mixamo FBX, 0.01, turned", "Unreal A-pose", "Rigify generated"])
def test_a_walk_on_a_rig(addon, shared_dir, name):
    joints = measure.cmu_motions(shared_dir, {"walk": benchmark.MOTIONS["walk"]})["walk"]
    row = benchmark.run(name, "walk", joints[:40], fps=24)
    assert row.copied_deg < 3 and row.flips == 0, row
    assert row.control_p95_cm < 1 and row.drift_p95_cm < 0.5, row
    assert max(row.work_ms, row.press_work_ms) < 100, row  # 50 on a machine that does nothing else
