# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions from captions are as long as the captured ones, repeatable, and measured against them."""

from __future__ import annotations

import json

import numpy as np

from training import mld, vae
from training.evaluation import text_realism
from training.evaluation.realism.kinematics import chosen, distance
from training.evaluation.text_realism import CLIPS, answers, decoded, figures, load_text_model

from ..data.test_data import made_up_data  # noqa: F401
from ..test_stages import recipe, run  # noqa: F401


def test_a_run_is_measured_while_it_trains(run, monkeypatch, capsys):  # noqa: F811
    for stage in (vae, mld):
        stage.train(run)
    model, clips = load_text_model(run), chosen(run.clips["train"], CLIPS)
    assert [clip.name for clip in clips] == ["a"] and chosen(run.clips["train"], 0) == []
    made = answers(model, clips)
    assert made[0].shape == (clips[0].num_frames, 22, 3) and np.isfinite(made[0]).all()
    np.testing.assert_array_equal(answers(model, clips)[0], made[0])
    assert not np.allclose(answers(model, clips, seed=1)[0], made[0])
    assert not np.allclose(
        answers(model, clips, guidance=1.0)[0], answers(model, clips, times=(999, 499), guidance=1.0)[0]
    )
    real = [clip.joints for clip in clips]
    assert np.isnan(distance(made, real)), "one window is no distribution"
    assert decoded(model, clips)[0].shape == real[0].shape
    assert figures(model, clips, (999,), 1.0)["clips"] == 1
    monkeypatch.setattr(text_realism, "open_from", lambda arguments: run)
    monkeypatch.setattr("sys.argv", ["text_realism", "--data", ".", "--run", str(run.folder)])
    text_realism.main()
    line = json.loads((run.folder / "realism.jsonl").read_text())
    assert line["step"] == {"vae": 4, "mld": 4} and line["train"]["clips"] == 1
