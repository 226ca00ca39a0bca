# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a generation: its figures by their rows, in JSON and in the table."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from blender_addon.shared.protocol import ControlError, Generate, MotionSource, PromptBlock, Result, Welcome
from engine import report as module
from engine.report import METRICS, TOTAL, Report, ReportMetric, make_report, print_report

from .helpers.motions import standing


def _report(controlled: bool, library: bool = False) -> Report:
    joints = standing(20)
    mask = np.zeros((20, 22), bool)
    mask[:, 0] = controlled
    request = Generate("r", (PromptBlock("stands", 0, 20),), 20, joints + np.float32(0.01), mask)
    errors = (ControlError(0.01, 0.02, 0.015),) * 2
    result = Result("r", np.stack([joints] * 2), np.zeros((2, 20, 4), bool), errors, (0.125, 0.25), {}, 3, "abc")
    if library:
        clips = (MotionSource("c1", "a person walks", 0, 12, True), MotionSource("c1", "a person walks", 12, 8, True))
        result = replace(result, sources=(clips, ()), nearness=0.5, closest="a person walks", notice="Nothing is near.")
    welcome = Welcome(2, "0.1.0", "a model", "abc", ("pelvis",), 20.0, 1, 196, ("pelvis",), "cpu")
    return make_report(request, result, welcome, [[Path("a-1.npz")], []], {"Sampling": 1.0, TOTAL: 1.5})


def _printed(report: Report) -> str:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=100))
    return stream.getvalue()


def test_figures_stand_under_their_names_and_in_the_table() -> None:
    report = _report(controlled=True)
    facts = json.loads(json.dumps(report.to_dict()))
    first, second = facts["variations"]
    assert set(first) == {metric.name for metric in METRICS} | {"files", "sources"}
    assert (first["average_error_cm"], first["maximum_error_cm"], first["foot_skating_ratio"]) == (1.0, 2.0, 0.125)
    assert first["skeleton_average_error_cm"] == pytest.approx(100 * 0.01 * 3**0.5, rel=1e-3)
    assert (first["files"], second["files"], second["foot_skating_ratio"]) == (["a-1.npz"], [], 0.25)
    assert (facts["seconds"], facts["timing"], facts["controlled_points"]) == (1.5, {"Sampling": 1.0}, 20)
    text = _printed(report)
    for words in ("average error", "1.00 cm", "2.00 cm", "0.125", "Motion 2", "nothing"):
        assert words in text


def test_without_targets_there_are_no_errors() -> None:
    report = _report(controlled=False)
    assert [figure for figure, value in report.variations[0].figures.items() if value is not None] == [
        "foot_skating_ratio"
    ]
    assert "error" not in _printed(report)


def test_it_says_which_clips_a_motion_was_made_of() -> None:
    report = _report(controlled=True, library=True)
    first, second = json.loads(json.dumps(report.to_dict()))["variations"]
    assert [source["num_frames"] for source in first["sources"]] == [12, 8] and second["sources"] == []
    text = _printed(report)
    for words in ("a person walks (c1, mirrored, 1.0 s)", "the network alone", "Nothing is near."):
        assert words in text
    assert "made of" not in _printed(_report(controlled=True))


def test_a_row_is_all_that_a_metric_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    height = ReportMetric("height", lambda v: float(v.joints[..., 1].max()), "height", 1, " m", needs_targets=False)
    monkeypatch.setattr(module, "METRICS", (*METRICS, height))
    report = _report(controlled=False)
    highest = float(standing(20)[..., 1].max())
    assert report.to_dict()["variations"][1]["height"] == highest
    assert f"{highest:.1f} m" in _printed(report)
