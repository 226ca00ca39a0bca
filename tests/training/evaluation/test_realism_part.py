# SPDX-License-Identifier: GPL-3.0-or-later
"""Strikes, facing, starts and actions are told right of motions made by the test; the part runs on a small model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from blender_addon.shared.features import canonicalize, joints_to_features
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.checkpoints.folder import load_folder
from engine.library.sentences import SentenceIndex
from engine.models.text_encoder import load_text_encoder
from engine.pipeline import Pipeline
from training.data.clips import Clip
from training.evaluation.metric_table import measured
from training.evaluation.realism import part
from training.evaluation.realism.actions import ActionJudge, action_of
from training.evaluation.realism.faults import frozen_share, jolt
from training.evaluation.realism.gaits import GAITS, Gait, captured_pieces
from training.evaluation.realism.motions import ROWS, MadeMotion, Question
from training.evaluation.realism.part import TABLES, RealismOptions, Seen, realism_figures
from training.evaluation.realism.rows import distance_rows
from training.evaluation.realism.strides import Strikes, standing_slides
from training.evaluation.realism.strips import draw_strips, report_strips
from training.evaluation.realism.tables import one_line, realism_tables
from training.evaluation.realism.turns import (
    PATHS,
    WALKED,
    Walked,
    circle,
    from_rest_to_rest,
    longest_freeze,
    steps_per_second,
)
from training.evaluation.sentences import fault_of
from training.library import Source, make_library

from ...engine.helpers.random_model import save_random_model
from ...shared.test_features import walking

_FEET = {side: SKELETON.indices(f"{side}_ankle", f"{side}_foot") for side in ("left", "right")}


def striding(speed: float, cadence: float, seconds: float = 6.0, way: np.ndarray | None = None) -> np.ndarray:
    """(T, J, 3): a stiff figure along +Z, or along places (T, 2), whose feet stand and swing ``cadence`` times a
    second.
    """
    frames = round(seconds * FPS) if way is None else len(way)
    joints = np.repeat(np.asarray(walking(1)[0], np.float64)[None], frames, 0)
    joints[..., [0, 2]] -= joints[:, :1, [0, 2]]
    goes = speed * np.arange(frames) / FPS
    places = np.stack([np.zeros(frames), goes], -1) if way is None else way
    joints[..., [0, 2]] += places[:, None]
    stride = 2 * speed / cadence
    for foot, indices in enumerate(_FEET.values()):
        phase = (np.arange(frames) / FPS * cadence / 2 + 0.5 * foot) % 1.0  # stands in the first half
        ahead = np.where(phase < 0.5, 0.25 - phase * 1.0, -0.25 + (phase - 0.5) * 1.0) * stride
        joints[:, indices, 2] = (goes + ahead)[:, None]
        joints[:, indices, 1] = [0.08, 0.02]
        joints[:, indices, 1] += 0.1 * np.where(phase < 0.5, 0.0, np.sin(2 * np.pi * (phase - 0.5)))[:, None]
    return joints


def test_strikes_of_a_steady_walk() -> None:
    strikes = Strikes.of(striding(1.2, 2.0))
    assert strikes.cadence == pytest.approx(2.0, rel=0.03) and strikes.step_length == pytest.approx(0.6, rel=0.05)
    assert strikes.stride_variation < 0.05 and set(np.diff(strikes.feet)) == {-1, 1}
    still = Strikes.of(np.repeat(striding(1.0, 2.0)[:1], 50, 0))
    assert np.isnan(still.cadence) and np.isnan(still.step_length) and np.isnan(still.stride_variation)


def test_feet_that_stand_do_not_slide_and_skates_do() -> None:
    assert np.median(standing_slides(striding(1.2, 2.0))) < 0.05
    skating = np.repeat(striding(1.0, 2.0)[:1], 60, 0)
    skating[..., 2] += 0.7 * np.arange(60)[:, None] / FPS
    assert standing_slides(skating) == pytest.approx(0.7, rel=0.01)


def test_faults_that_an_eye_sees() -> None:
    walk = striding(1.2, 2.0)
    assert frozen_share(walk) == 0 and jolt(walk) == pytest.approx(0, abs=1e-6) and fault_of(walk[None]) == ""
    held = np.concatenate([walk[:60], np.repeat(walk[59:60], 60, 0)])
    assert frozen_share(held) == pytest.approx(0.5, abs=0.01) and jolt(held) == pytest.approx(1.2, rel=0.01)
    fast = np.concatenate([striding(4.0, 3.0)[:60], np.repeat(striding(4.0, 3.0)[59:60], 60, 0)])
    assert fault_of(np.stack([fast, fast])) == "freezes for 50% of its time, changes its speed by 4.0 m/s at once"


def test_captured_pieces_are_straight_and_as_fast() -> None:
    bent = striding(1.2, 2.0, way=circle(1.0, 1.2))
    clips = [("a person walks", striding(1.2, 2.0)), ("a person runs", striding(2.7, 2.6)), ("a person walks", bent),
             ("a person dances", striding(0.8, 1.5))]  # fmt: skip
    pieces = captured_pieces(clips)
    assert set(pieces) == {1.2, 2.7} and pieces[1.2].shape[1:] == (60, 22, 3)
    found = measured(GAITS, Gait(pieces[2.7]))
    assert found["cadence"] == pytest.approx(2.6, rel=0.05) and found["step_m"] == pytest.approx(2.7 / 2.6, rel=0.06)
    assert found["facing_deg"] < 3 and found["hip_swing_cm"] < 0.1


def walked(joints: np.ndarray, path: np.ndarray) -> dict[str, float]:
    return measured(WALKED[:2] + WALKED[-3:], Walked(path, [MadeMotion(joints)]))


def test_facing_starts_and_freezing() -> None:
    path = circle(2.0, 1.2)
    assert walked(striding(1.2, 2.0, way=path), path)["facing_p95"] > 100, "it never turns"
    rest = from_rest_to_rest(4.0, 1.2)
    assert np.ptp(rest[:10], axis=0).max() == 0 and rest[-1, 1] == pytest.approx(4.0, abs=0.1)
    late = striding(0.0, 2.0, way=rest)
    late[:, [*_FEET["left"], *_FEET["right"]]] = late[0, [*_FEET["left"], *_FEET["right"]]] * (1.0, 1.0, 0.0)
    late[30:, _FEET["left"], 2] += 0.4
    found = walked(late, rest)
    assert found["facing_median"] < 2 and found["start_cm"] < 1 and found["end_cm"] == pytest.approx(40, abs=1)
    assert found["first_step"] == pytest.approx(29 / FPS - 0.6, abs=0.16)
    assert longest_freeze(late) > 1.0 and steps_per_second(striding(1.2, 2.0)) == pytest.approx(2.0, abs=0.35)
    assert all(path.shape == (len(path), 2) and len(path) <= 200 for path in PATHS.values())


def test_the_judge_learns_what_captions_name() -> None:
    assert action_of("a person walks and jumps") is None and action_of("a person runs forward") == "run"
    random = np.random.default_rng(0)

    def examples(count: int) -> list[tuple[str, np.ndarray]]:
        walks = [("a person walks", striding(random.uniform(0.8, 1.4), 2.0, 3.0)) for _ in range(count)]
        runs = [("a person runs", striding(random.uniform(2.4, 4.0), 2.8, 3.0)) for _ in range(count)]
        return walks + runs

    judge = ActionJudge.learn([*examples(14), ("a person does a cartwheel", striding(1.0, 2.0))])
    assert judge is not None and judge.kinds == ("walk", "run")
    unseen = examples(5)
    pairs = judge.right([joints for _, joints in unseen], [caption for caption, _ in unseen])
    assert len(pairs) == 10 and all(named == seen for named, seen in pairs)
    assert ActionJudge.learn(examples(2)) is None


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """An untrained model with a library of four captured walks and runs."""
    networks = load_folder(save_random_model(tmp_path_factory.mktemp("model") / "untrained"))
    encoder = load_text_encoder(networks.config.text_encoder, networks.config.text_width, torch.device("cpu"))
    sources = []
    for name, caption, speed in (("walk", "a person walks", 1.2), ("stroll", "a person walks slowly", 0.8),
                                 ("run", "a person runs", 2.7), ("jog", "a person jogs", 2.0)):  # fmt: skip
        about = {"id": name, "take": name, "source": name, "captions": [{"text": caption, "kind": "index"}],
                 "weak": False, "licence": "CC0"}  # fmt: skip
        sources.append(Source(about, striding(speed, 2.2).astype(np.float32)))
    library = make_library(sources, lambda texts: encoder.encode(texts).cpu().numpy())
    made = Pipeline(networks, encoder, torch.device("cpu"), library)
    assert isinstance(made.sentences, SentenceIndex)
    return made


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    def clip(name: str, caption: str, speed: float) -> Clip:
        features = joints_to_features(canonicalize(striding(speed, 2.2, 4.1).astype(np.float32)))
        return Clip(name, "val", features.astype(np.float32), (caption,))

    return [clip("w", "a person walks", 1.1), clip("r", "a person runs", 2.5), clip("s", "a person strolls", 0.9)]


def test_rows_of_all_ways_with_what_is_off(pipeline: Pipeline, clips: list[Clip]) -> None:
    kept: dict[str, list[MadeMotion]] = {}
    rows = {
        row["row"]: row
        for row in distance_rows([Question(pipeline, clip) for clip in clips], ("floor", *ROWS), None, kept=kept)
    }
    assert set(rows) == {"floor", *ROWS} and set(kept) == set(ROWS)
    assert all(np.isfinite(rows[name]["distance"]) for name in ROWS)
    assert rows["nearest"]["distance"] < rows["network-raw"]["distance"], "captured motion is nearer to captured motion"
    assert rows["delivered"]["error_cm"] < 0.1 and "error_cm" not in rows["text"]
    assert len(rows["network"]["off"]) == 5 and {about["clip"] for about in rows["text"]["clips"]} == {"w", "r", "s"}
    worst = [about["off_by"] for about in rows["network-raw"]["worst"]]
    assert worst == sorted(worst, reverse=True) and rows["delivered"]["clips"][0]["sources"]


def test_the_whole_part_is_drawn_and_told(
    pipeline: Pipeline,
    clips: list[Clip],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part, "captured_of", lambda data: [("a person walks", striding(1.2, 2.0))] * 2)
    seen, steps = Seen(), []
    wanted = ("floor", "network", "delivered", *TABLES)  # the others are in the test above
    options = RealismOptions(Path(), wanted, clips=2)
    monkeypatch.setitem(PATHS, "straight 1.2 m/s", PATHS["straight 1.2 m/s"])
    for path in list(PATHS)[3:]:
        monkeypatch.delitem(PATHS, path)
    figures = realism_figures(pipeline, clips, options, steps.append, seen)
    assert figures["clips"] == 2 and [row["row"] for row in figures["rows"]] == ["floor", "network", "delivered"]
    assert {row["motion"] for row in figures["gaits"]} == {"captured", "network", "default"}
    assert len(figures["paths"]) == 2 * 3 and len(seen.by_path) == 3
    assert len(steps) <= part.realism_steps(options, len(clips))
    assert [table.row_count > 0 for table in realism_tables(figures)] == [True] * 4
    assert "\n" not in one_line(figures) and '"delivered"' in one_line(figures)
    strips = report_strips({"realism": figures}, seen)
    assert len(strips) == 3 + 2 * 2 and len(draw_strips(strips)) == 2
    figures = realism_figures(pipeline, clips, RealismOptions(Path(), ["autoencoder"], clips=1))
    assert [row["row"] for row in figures["rows"]] == ["autoencoder"] and "gaits" not in figures
