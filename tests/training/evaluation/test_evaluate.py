# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation from end to end on made-up motions with tiny models: patches and global tokens, consistency and
diffusion; the command, its files and its errors.
"""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch
from matplotlib import image

from blender_addon.shared.skeleton import FPS, SKELETON
from engine.checkpoints.folder import load_folder, save_folder
from engine.models.config import as_mld, vae_only
from engine.models.text_encoder import load_text_encoder
from engine.pipeline import Pipeline
from training import evaluate as command
from training.data.clips import Clip, load_clips
from training.evaluate import evaluate
from training.evaluation import sentences, text_sensitivity
from training.evaluation.control_accuracy import (
    CONTROLS,
    CaptionedClips,
    ControlGrid,
    ControlProtocol,
    control_figures,
    hint_mask_for,
    quick_control_figures,
)
from training.evaluation.delivered_motion import KINDS, PATHS, delivered_rows, path_of
from training.evaluation.evaluator import OWN_LABEL, Evaluator
from training.evaluation.evaluator_networks import OwnEvaluator
from training.evaluation.motion_quality import motions_of, reconstruction, statistics_of
from training.evaluation.text_alignment import TextGenerator, TextProtocol, text_figures
from training.evaluation.text_sensitivity import PATH_SPEED_M_S, movement, real_rows, straight_path

from ...engine.conftest import TINY_V2, tiny_networks
from ...engine.helpers.motions import standing, walking_in_a_circle
from ...engine.helpers.random_model import save_random_model
from ..data.test_data import made_up_data  # noqa: F401


@pytest.fixture(scope="module")
def patch_folder(tmp_path_factory):
    return save_random_model(tmp_path_factory.mktemp("model") / "untrained")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Four clips of different lengths, the last shorter than models like."""
    made = []
    from blender_addon.shared.features import canonicalize, joints_to_features

    for number, frames in enumerate((49, 61, 53, 45)):
        joints = canonicalize(walking_in_a_circle(frames, radius=1 + number))
        text = "a person walks" if number < 2 else "a person runs in a circle"
        made.append(Clip(f"c{number}", "val", joints_to_features(joints).astype(np.float32), (text,)))
    return made


def test_densities_are_the_published_ones():
    mask = torch.arange(40)[None] < torch.tensor([40, 21])[:, None]
    generator = torch.Generator().manual_seed(0)
    for density, counts in ((1, (1, 1)), (2, (2, 2)), (5, (5, 5)), (25, (10, 5)), (100, (40, 21))):
        shown = hint_mask_for(mask, ("pelvis", "head"), density, generator)
        assert not (shown & ~mask[..., None]).any()
        assert set(torch.nonzero(shown.any(0).any(0)).flatten().tolist()) == set(SKELETON.indices("pelvis", "head"))
        assert tuple(shown[..., 0].sum(1).tolist()) == counts
    assert len(CONTROLS) == 8 and CONTROLS["all 22"] == SKELETON.names and len(CONTROLS["six joints"]) == 6


def test_raw_and_refined_figures_of_a_model_with_patches(patch_folder, clips):
    networks = load_folder(patch_folder)
    held_out = CaptionedClips(clips, torch.randn(len(clips), 384, generator=torch.Generator().manual_seed(1)))
    figures = control_figures(networks, held_out, ControlProtocol(("pelvis",), 5, 2))
    raw, refined = figures["raw"], figures["refined"]
    assert refined["error_cm"] < raw["error_cm"] and refined["seconds"] > raw["seconds"] > 0
    assert raw["worst_cm"] >= raw["error_cm"] and raw["location_error_20cm"] <= raw["trajectory_error_20cm"]
    assert {"skating", "jerk_p99", "floor_mm", "seam_speed_p99", "seam_sharpness"} <= set(raw)
    again = control_figures(networks, held_out, ControlProtocol(("pelvis",), 5, 2, refining=False))
    assert set(again) == {"raw"}
    assert again["raw"] | {"seconds": 0} == raw | {"seconds": 0}
    other = control_figures(networks, held_out, ControlProtocol(("pelvis",), 5, 2, seed=1, refining=False))
    assert other["raw"]["error_cm"] != raw["error_cm"]


def test_the_error_is_the_distance_from_the_hints(patch_folder, clips):
    """A model whose decoder ignores the latent makes one known motion: its distance is taken by hand."""
    networks = load_folder(patch_folder)
    decoded = torch.zeros(1, 60, 263)
    networks.vae.decode = lambda latent, mask: decoded[:, : mask.shape[1]].expand(len(latent), -1, -1)
    got = control_figures(
        networks,
        CaptionedClips(clips, torch.zeros(len(clips), 384)),
        ControlProtocol(("head",), 100, 1, refining=False),
    )["raw"]
    from blender_addon.shared.features import features_to_joints

    mean, _ = statistics_of(networks)
    still = features_to_joints(mean.expand(60, -1)).numpy()
    head = SKELETON.index("head")
    errors = [np.linalg.norm(c.joints[:, head] - still[: c.num_frames, head], axis=-1) for c in clips]
    assert got["error_cm"] == pytest.approx(100 * np.mean([e.mean() for e in errors]), rel=1e-4)
    assert got["worst_cm"] == pytest.approx(100 * max(e.mean() for e in errors), rel=1e-4)
    assert got["location_error_50cm"] == pytest.approx(np.mean([(e > 0.5).mean() for e in errors]))


@pytest.mark.parametrize("kind", ["lcm", "mld"])
def test_published_layouts_are_evaluated_raw(clips, kind):
    networks = tiny_networks(TINY_V2 if kind == "lcm" else as_mld(TINY_V2))
    text = torch.randn(len(clips) + 1, 12, generator=torch.Generator().manual_seed(0))
    steps = (1, 2) if kind == "lcm" else (3,)
    held_out = CaptionedClips(clips, text[1:], text[:1])
    figures = evaluate(networks, held_out, ControlGrid(steps, 2, controls=("pelvis", "all 22"), densities=(1, 100)))
    assert {row["kind"] for row in figures["control"]} == {"raw"}
    assert len(figures["control"]) == 2 * 2 * len(steps)
    for row in figures["control"]:
        assert np.isfinite(row["error_cm"]) and row["error_cm_ci"] >= 0 and "seam_speed_p99" not in row
    assert figures["reconstruction"]["mpjpe_mm"] != figures["reconstruction_sampled"]["mpjpe_mm"]
    watched = quick_control_figures(networks, clips, ["", *(c.captions[0] for c in clips)], text)
    assert set(watched) == {"pelvis_cm", "keys5_cm", "six_cm", "drawn_cm", "drawn_skating", "skating", "jerk_p99"}


def test_a_perfect_autoencoder_reconstructs_perfectly(patch_folder, clips):
    networks = load_folder(patch_folder)
    networks.vae.encode = lambda features, mask: (features, torch.full_like(features, -100.0))
    networks.vae.decode = lambda latent, mask: latent
    for generator in (None, torch.Generator()):
        figures = reconstruction(networks, clips, generator)
        assert figures["mpjpe_mm"] == pytest.approx(0, abs=1e-3) and figures["path_cm"] == pytest.approx(0, abs=1e-3)
    networks.vae.decode = lambda latent, mask: latent + 0.01
    assert reconstruction(networks, clips)["feature_error"] > 0


def test_motions_are_cut_to_what_the_model_takes(patch_folder, clips):
    networks = load_folder(patch_folder)
    networks.config = dataclasses.replace(networks.config, max_frames=50)
    motions = motions_of(networks, clips)
    assert motions.lengths == [48, 50, 50, 44]
    np.testing.assert_allclose(motions.of(motions.joints)[3], clips[3].joints, atol=1e-4)


def test_text_figures_with_our_evaluator(patch_folder, clips):
    networks = load_folder(patch_folder)
    torch.manual_seed(0)
    judge = OwnEvaluator(263, 384, 16, 8).eval()

    def encode(texts):
        return torch.stack([torch.randn(384, generator=torch.Generator().manual_seed(len(t))) for t in texts])

    evaluator = Evaluator(OWN_LABEL, judge, judge.mean, judge.std, lambda texts: judge.embed_sentence(encode(texts)))
    protocol = TextProtocol(2, multimodality_texts=2, multimodality_repeats=4, multimodality_pairs=2)
    figures = text_figures(TextGenerator(networks, encode, evaluator, 2), clips, protocol)
    assert figures["evaluator"] == OWN_LABEL and figures["samples"] == figures["group"] == len(clips)
    real, made = figures["real"], figures["generated"]
    assert "fid" not in real and made["fid"] > 0 and made["multimodality"] > 0
    assert real["diversity"] >= 0 and made["fid_ci"] >= 0
    assert 0 <= made["r_precision_1"] <= made["r_precision_2"] <= made["r_precision_3"] <= 1
    blind = dataclasses.replace(evaluator, embed_texts=None)
    figures = text_figures(TextGenerator(networks, encode, blind, 1), clips, protocol)
    assert "matching" not in figures["generated"] and "fid" in figures["generated"]


def test_movement_of_known_motions(clips):
    joints = standing(81)
    joints[..., 2] += 1.5 * np.arange(81)[:, None] / FPS
    joints[:40, 0, 1] += 0.2
    figures = movement(joints)
    assert figures["speed"] == pytest.approx(1.5, abs=1e-4) == figures["speed_p95"]
    assert figures["height_range_cm"] == pytest.approx(20, abs=0.01) and figures["footfalls"] == 0
    rows = {row["prompt"]: row for row in real_rows(clips)}
    assert set(rows) == {"a person walks", "a person runs"} and rows["a person walks"]["motions"] == 2


def test_the_path_leaves_the_height_free():
    signal = straight_path(40, (0, 1, -1))
    assert np.flatnonzero(signal.hint_mask[:, 0]).tolist() == [0, 1, 39]
    assert signal.hint[39, 0, 2] == pytest.approx(PATH_SPEED_M_S * 39 / FPS)
    assert signal.free_height and not signal.coordinates[..., 1].any()
    assert straight_path(40, slice(None)).hint_mask[:, 0].all() and not straight_path(40, None).hint_mask.any()


def test_paths_are_the_clips_own(clips):
    clip = clips[1]
    captured = path_of(clip, 100, drawn=False, num_frames=196)
    np.testing.assert_allclose(captured.hint[:, 0], clip.joints[:, 0], atol=1e-6)
    assert captured.hint_mask.sum() == clip.num_frames and not captured.free_height
    assert path_of(clip, 5, drawn=False, num_frames=196).hint_mask.sum() == 5
    drawn = path_of(clip, 100, drawn=True, num_frames=40)
    assert drawn.free_height and drawn.hint.shape[0] == 40 and np.ptp(drawn.hint[:, 0, 1]) < 1e-6


def test_what_leaves_the_engine_is_measured_switch_by_switch(patch_folder, clips):
    networks = load_folder(patch_folder)
    encoder = load_text_encoder(networks.config.text_encoder, networks.config.text_width, torch.device("cpu"))
    rows = delivered_rows(Pipeline(networks, encoder, torch.device("cpu")), clips[:2])
    assert len(rows) == len(PATHS) * len(KINDS) and all(np.isfinite(row["jerk_ratio"]) for row in rows)
    for path in PATHS:
        raw, exact, delivered = (
            next(row for row in rows if (row["path"], row["kind"]) == (path, kind))
            for kind in ("raw", "exact", "delivered")
        )
        assert raw["error_cm"] > 5 and max(exact["error_cm"], delivered["error_cm"]) < 0.5 + raw["error_cm"] / 100


def call(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, arguments)])
    command.main()


def test_the_command_prints_and_writes(made_up_data, patch_folder, tmp_path, monkeypatch, capsys):  # noqa: F811
    wanted = ["--checkpoint", patch_folder, "--data", made_up_data, "--quick", "--device", "cpu"]
    monkeypatch.setattr(sentences, "EVERYDAY", sentences.EVERYDAY[:3])  # a few show that all are measured
    monkeypatch.setattr(text_sensitivity, "NUM_FRAMES", 60)
    call(monkeypatch, *wanted, "--json", tmp_path / "f.json", "--report", tmp_path / "r.html")
    shown = capsys.readouterr().out
    for title in ("Reconstruction", "Control", "Motion under control", "What leaves the engine", "Text that matters"):
        assert title in shown
    assert "refined" in shown and "sneaks" in shown
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["about"]["model"] == "untrained" and len(figures["control"]) == 2 * 2 * 2
    assert len(figures["text_matters"]) == 3 * 5
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/png;base64") >= 2 and "Text that matters" in page
    from training.evaluation.report import write_report

    write_report(figures, [], tmp_path / "r.png")
    assert image.imread(tmp_path / "r.png").shape[1] == 1560


def test_an_autoencoder_alone_is_reconstructed(made_up_data, tmp_path, monkeypatch, capsys):  # noqa: F811
    networks = tiny_networks(vae_only(TINY_V2))
    networks.config = dataclasses.replace(networks.config, min_frames=16)
    folder = save_folder(networks, tmp_path / "vae", "# A test\n")
    call(monkeypatch, "--checkpoint", folder, "--data", made_up_data, "--device", "cpu")
    shown = capsys.readouterr().out
    assert "from a sampled latent" in shown and "Control" not in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--split", "test"], "has no clip"),
        (["--report", "report.pdf"], "cannot be written"),
        (["--json", "nowhere/at/all.json"], "does not exist"),
        (["--steps", "99"], "99"),
        (["--replications", "0"], "at least one replication"),
        (["--evaluator", "missing.ckpt"], "no checkpoint"),
        (["--device", "abacus"], "no device"),
    ],
)
def test_errors_come_in_two_sentences(made_up_data, patch_folder, monkeypatch, capsys, tmp_path, arguments, told):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, "--checkpoint", patch_folder, "--data", made_up_data, "--quick", *arguments)
    output = capsys.readouterr()
    assert stopped.value.code == 2 and told in output.err and "Traceback" not in output.err
    assert len(output.err.strip().splitlines()) == 2


def test_real_data_is_measured(shared_dir):
    """Held-out captures: they slide as the data's own description says, and stand on the floor."""
    clips = load_clips(shared_dir / "data" / "cmu")["val"]
    from training.evaluation.motion_quality import quality

    figures = quality([clip.joints for clip in clips])
    assert 0.05 < figures["skating"] < 0.4 and figures["floor_mm"] < 20
    walks = {row["prompt"]: row for row in real_rows(clips)}["a person walks"]
    assert 0.8 < walks["speed"] < 1.8 and 1.2 < walks["footfalls"] < 2.6
