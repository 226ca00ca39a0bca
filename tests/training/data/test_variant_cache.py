# SPDX-License-Identifier: GPL-3.0-or-later
"""Variants on disk are those that would be made in memory, made once for a state of data and recipe."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blender_addon.shared import features as f
from training.data import variant_cache
from training.data.augment import Variants
from training.data.clips import load_clips, packed, unpacked
from training.data.variant_cache import open_clips

from ...shared.test_features import walking
from .test_data import made_up_data  # noqa: F401

VARIANTS = Variants(mirrored=True, tempos=(0.8,), bends=(0.4, -0.4), carried=(0.5,), weights=(("turns", 2.0),))


def test_features_are_packed_to_a_tenth_of_a_millimetre():
    plain = f.joints_to_features(f.canonicalize(walking(160))).astype(np.float32)
    back = unpacked(packed(plain))
    assert np.abs(f.features_to_joints(back) - f.features_to_joints(plain)).max() < 1e-3, "of a path of 8 seconds"
    np.testing.assert_allclose(back[:, f.JOINT_POSITIONS], plain[:, f.JOINT_POSITIONS], atol=7e-5)
    np.testing.assert_array_equal(back[:, f.FOOT_CONTACTS], plain[:, f.FOOT_CONTACTS])


@pytest.mark.parametrize("few", [64, 0], ids=["in this process", "in two"])
def test_clips_from_disk_are_those_made_in_memory(made_up_data, tmp_path, monkeypatch, few):  # noqa: F811
    monkeypatch.setattr(variant_cache, "_FEW", few)
    made, kept = load_clips(made_up_data, VARIANTS), open_clips(made_up_data, VARIANTS, tmp_path / "kept")
    assert made.keys() == kept.keys() and len(made["train"]) == 8
    for split, clips in made.items():
        for one, other in zip(clips, kept[split], strict=True):
            assert (one.name, one.captions, one.weak, one.weight) == (
                other.name, other.captions, other.weak, other.weight
            )  # fmt: skip
            np.testing.assert_allclose(other.features, one.features, atol=1e-4)
            np.testing.assert_array_equal(other.crop(5, 10), other.features[5:15])


def test_they_are_made_once_and_anew_when_anything_changes(made_up_data, tmp_path):  # noqa: F811
    def kept():
        return sorted((tmp_path / "kept" / "variants").iterdir())

    open_clips(made_up_data, VARIANTS, tmp_path / "kept")
    (first,) = kept()
    stamp = (first / "features.i16").stat().st_mtime_ns
    open_clips(made_up_data, VARIANTS, tmp_path / "kept")
    assert kept() == [first] and (first / "features.i16").stat().st_mtime_ns == stamp
    open_clips(made_up_data, Variants(mirrored=True), tmp_path / "kept")
    assert len(kept()) == 2
    captions = made_up_data / "captions.jsonl"
    captions.write_text(captions.read_text().replace("turns left", "spins"))
    clips = open_clips(made_up_data, Variants(mirrored=True), tmp_path / "kept")
    assert len(kept()) == 3 and clips["train"][0].captions == ("a person spins",)


def test_what_was_cut_short_is_made_again(made_up_data, tmp_path):  # noqa: F811
    open_clips(made_up_data, VARIANTS, tmp_path)
    (folder,) = (tmp_path / "variants").iterdir()
    lines = json.loads((folder / "clips.json").read_text())
    (folder / "clips.json").unlink()
    (folder / "features.i16").write_bytes(b"ab")
    open_clips(made_up_data, VARIANTS, tmp_path)
    assert json.loads((folder / "clips.json").read_text()) == lines
    assert (folder / "features.i16").stat().st_size == sum(length for length, _ in lines) * 263 * 2
