# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips, mirroring, crops and statistics, on real captures where they are there."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from blender_addon.shared import features as f
from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import FPS, SKELETON
from training.data.augment import Variants, bend, carry, change_tempo, mirror, mirror_text, prolong, wind
from training.data.clips import Clip, feature_statistics, load_clips
from training.data.sampling import CropSampler, motion_sampler, pad
from training.loop.schedule import StageSchedule

from ...shared.test_features import walking


@pytest.fixture
def made_up_data(tmp_path):
    """A folder in the data's own form, with two made-up motions."""
    motions = [walking(60), walking(45)]
    positions = np.round(np.concatenate(motions) / 0.00025).astype(np.int16)
    np.savez(
        tmp_path / "clips.npz", pos=positions, unit=0.00025, offset=np.array([0, 60, 105]), ids=np.array(["a", "b"])
    )
    lines = [
        {"id": name, "split": split, "weak": False, "captions": [{"text": "a person turns left", "kind": "index"}]}
        for name, split in (("a", "train"), ("b", "val"))
    ]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def test_clips_come_back_with_their_mirror_image(made_up_data):
    clips = load_clips(made_up_data, Variants(mirrored=True))
    assert [clip.name for clip in clips["train"]] == ["a", "a_mirrored"] and [clip.name for clip in clips["val"]] == [
        "b"
    ]
    plain, mirrored = clips["train"]
    np.testing.assert_allclose(plain.joints, f.canonicalize(walking(60))[:-1], atol=2e-3)
    assert mirrored.captions == ("a person turns right",)
    np.testing.assert_allclose(mirrored.joints[:, 0, 0], -plain.joints[:, 0, 0], atol=1e-3)


def test_variants_of_a_walk():
    joints = f.canonicalize(walking(81))
    variants = Variants(mirrored=True, tempos=(0.8,), bends=(0.4,), weights=(("walk", 2.0), ("^a", 1.5), ("run", 9.0)))
    made = {name: (vectors, texts) for name, vectors, texts in variants.of("w", joints, ["a man walks left"])}
    assert list(made) == ["w", "w@0.8", "w@bend0.4", "w_mirrored", "w_mirrored@0.8", "w_mirrored@bend0.4"]
    assert made["w_mirrored@0.8"][1] == ("a man walks right",)
    assert len(made["w@0.8"][0]) == 100 and variants.weight_of(["a man walks left"]) == 3.0
    assert list(variants.of("s", joints, ["a man sits"]))[-1][0] == "s_mirrored@0.8"


def test_tempo_passes_through_the_same_poses():
    joints = walking(41)
    np.testing.assert_allclose(change_tempo(joints, 0.5)[::2], joints, atol=1e-6)
    np.testing.assert_allclose(change_tempo(joints, 2.0), joints[::2], atol=1e-6)


def test_a_bent_walk_turns_and_keeps_its_poses():
    plain = f.joints_to_features(f.canonicalize(walking(101)))
    bent = bend(plain, 0.4)
    # The heading is smoothed over time, and so turns less near the ends.
    assert 2 * FPS * (bent[45:55, 0] - plain[45:55, 0]).mean() == pytest.approx(0.4, rel=0.06)
    np.testing.assert_allclose(bent[40:60, 4:67], plain[40:60, 4:67], atol=0.03)


def test_mirror_is_its_own_inverse():
    joints = walking(30)
    np.testing.assert_array_equal(mirror(mirror(joints)), joints)
    assert mirror(joints)[0, SKELETON.index("left_wrist"), 0] == -joints[0, SKELETON.index("right_wrist"), 0]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("he lifts his left arm and looks right", "he lifts his right arm and looks left"),
        ("she turns clockwise", "she turns counterclockwise"),
        ("a bright light", "a bright light"),
    ],
)
def test_mirrored_text(text, other):
    assert mirror_text(text) == other and mirror_text(other) == text


def test_missing_or_broken_data_is_told(tmp_path, made_up_data):
    with pytest.raises(BadFile, match=r"clips\.npz"):
        load_clips(tmp_path / "nowhere")
    (made_up_data / "captions.jsonl").write_text("")
    with pytest.raises(BadFile, match="captions"):
        load_clips(made_up_data)


def test_crops_are_repeatable_and_within_their_clip():
    vectors = f.joints_to_features(f.canonicalize(walking(120))).astype(np.float32)
    clips = [Clip("a", "train", vectors, ("x", "y")), Clip("b", "train", vectors[:50], ("z",), weak=True)]
    mean, std = feature_statistics(clips)
    sampler = CropSampler(clips, mean, std, ["", "x", "y", "z"])
    one = sampler.draw(16, 20, 80, torch.Generator().manual_seed(3))
    two = sampler.draw(16, 20, 80, torch.Generator().manual_seed(3))
    assert torch.equal(one.features, two.features) and torch.equal(one.captions, two.captions)
    assert not torch.equal(one.features, sampler.draw(16, 20, 80, torch.Generator().manual_seed(4)).features)
    assert all(int(n) % 4 == 0 for n in one.mask.sum(1)) and not one.features[~one.mask].any()
    normalised = torch.from_numpy((vectors - mean) / std)
    length = int(one.mask[0].sum())
    windows = normalised.unfold(0, length, 1).transpose(1, 2)
    assert (windows - one.features[0, :length]).abs().amax((1, 2)).min() < 1e-6
    dropped = sampler.draw(64, 20, 80, torch.Generator().manual_seed(5), weak_drop=1.0)
    assert (dropped.captions == -1).any() and 3 not in dropped.captions.tolist()


def test_padding_marks_what_is_real():
    padded, mask = pad([torch.ones(3, 2), torch.ones(5, 2)])
    assert padded.shape == (2, 5, 2) and mask.sum(1).tolist() == [3, 5] and padded.sum() == 16


def test_real_captures_have_plausible_features(shared_dir):
    folder = shared_dir / "data" / "cmu"
    if not folder.is_dir():
        pytest.skip("needs the motion capture clips")
    clips = load_clips(folder)
    assert {split: len(c) for split, c in clips.items()} == {"train": 640, "val": 20, "test": 28, "excluded": 11}
    vectors = np.concatenate([clip.features for clip in clips["val"] + clips["test"]])
    assert np.isfinite(vectors).all()
    assert np.abs(vectors[:, 0]).max() < 1.6, "heading velocities stay on one cover"
    assert np.abs(vectors[:, f.GROUND_VELOCITY]).max() < 0.5


def test_a_walk_is_prolonged_without_a_seam():
    frames = np.arange(61)
    swing = np.sin(2 * np.pi * frames / 20)[:, None, None]  # a cycle of a second
    joints = np.repeat(walking(1), 61, 0)
    joints = joints + 0.05 * swing * np.array([0.0, 0.0, 1.0]) * (np.arange(22)[:, None] % 2)
    joints[..., 2] += 0.06 * frames[:, None]
    plain = f.joints_to_features(joints)
    long = prolong(plain)
    assert long is not None and len(long) == 200
    np.testing.assert_array_equal(long[:18], plain[:18])
    positions = long[:, f.JOINT_POSITIONS]
    assert np.abs(np.diff(positions, axis=0)).max() < 1.3 * np.abs(np.diff(plain[:, f.JOINT_POSITIONS], axis=0)).max()
    travelled = f.features_to_joints(long)[-1, 0, 2]
    assert travelled == pytest.approx(0.06 * 199, rel=0.04)
    assert prolong(plain[:20]) is None and prolong(np.concatenate([plain] * 4)) is None


def test_a_winding_way_turns_back_and_forth():
    plain = f.joints_to_features(f.canonicalize(walking(161)))
    wound = wind(plain, 0.6, 4.0, 0.0)
    extra = 2 * FPS * (wound[:, 0] - plain[:, 0])
    assert extra[15:25].mean() > 0.15 and extra[55:65].mean() < -0.15  # smoothed as every heading is


def stepping_on_the_spot(frames=121):
    """Each foot in turn stands for half a second and is up for half a second; nothing travels."""
    joints = np.repeat(walking(1), frames, 0).astype(np.float64)
    legs = [SKELETON.index(f"{side}_{name}") for side in ("left", "right") for name in ("knee", "ankle", "foot")]
    body = [joint for joint in range(22) if joint not in legs]
    joints[:, body, 1] -= 0.1  # on bent legs
    for knee in SKELETON.indices("left_knee", "right_knee"):
        joints[:, knee] += (0.0, -0.04, 0.18)
    phase = np.arange(frames) / FPS
    for side, shift in (("left", 0.0), ("right", 0.5)):
        lift = 0.15 * np.maximum(0.0, np.sin(2 * np.pi * (phase + shift)))
        for name in ("knee", "ankle", "foot"):
            joints[:, SKELETON.index(f"{side}_{name}"), 1] += lift
    return joints


def test_a_motion_is_carried_along_and_its_standing_feet_stay():
    still = stepping_on_the_spot()
    along = carry(still, 0.5)
    pelvis = along[:, SKELETON.index("pelvis")]
    assert pelvis[-1, 2] - pelvis[0, 2] == pytest.approx(0.5 * 120 / FPS, rel=0.03)
    toe = SKELETON.index("left_foot")
    stands = f.foot_contacts(f.canonicalize(still))[:-1, 1] > 0.5
    speed = np.linalg.norm(np.diff(along[:, toe, [0, 2]], axis=0), axis=-1) * FPS
    assert np.median(speed[stands]) < 0.15 < 0.5 < np.median(speed[~stands])


def test_only_stages_with_hints_see_carried_motions():
    variants = Variants(carried=(0.5,))
    made = {name: captions for name, _, captions in variants.of("a", walking(60), ["a person dances"])}
    assert list(made) == ["a", "a@carried0"]
    assert len(list(variants.of("b", walking(60), ["a person walks"]))) == 1
    clips = [Clip(name, "train", vectors, texts) for name, vectors, texts in variants.of("a", walking(60), ["x"])]
    marked = [Clip(clip.name, "train", clip.features + 100 * clip.carried, clip.captions) for clip in clips]
    mean, std = feature_statistics(clips)
    stage = StageSchedule(steps=1, batch_size=64, learning_rate=0.1, warmup_steps=0, min_frames=20, max_frames=40)

    def most(stage):
        draw = motion_sampler(marked, 0 * mean, 1 + 0 * std, [], stage, 0.0, 0)
        return float(draw(torch.Generator().manual_seed(0), 0).features.max())

    assert most(stage) < 50 < most(dataclasses.replace(stage, carried=True))
