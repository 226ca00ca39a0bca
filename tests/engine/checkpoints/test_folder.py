# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoint folders and published files: everything comes back, and what is broken is refused with a remedy."""

from __future__ import annotations

import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from blender_addon.shared.errors import BadCheckpoint, BadFile, ExportError, GaitwayError
from engine.checkpoints.folder import (
    Networks,
    import_published,
    load,
    load_folder,
    load_published,
    save_folder,
    verify_folder,
)
from engine.models.config import ModelConfig, as_mld, text_only, vae_only

from ..conftest import TINY_V2, tiny_networks

TINY_V1 = dataclasses.replace(
    TINY_V2, name="tiny-v1", variant="v1", num_latent_tokens=1, latent_width=16, timesteps_map=None, guidance_scales={}
)
KINDS = [f(c) for f in (lambda c: c, text_only, as_mld, vae_only) for c in (TINY_V2, TINY_V1)]


def write_published(networks: Networks, path: Path) -> Path:
    """A .ckpt as published: the tensors, and evaluators that a generator does not need."""
    state = networks.state_dict() | {"t2m_textencoder.hidden": torch.zeros(2, 1, 4), "t2m_moveencoder.x": torch.ones(1)}
    torch.save({"state_dict": state}, path)
    return path


def assert_same_tensors(actual: Networks, expected: Networks) -> None:
    ours, theirs = actual.state_dict(), expected.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def assert_refused(call: Callable[[], object], kind: type[GaitwayError], match: str) -> None:
    with pytest.raises(kind, match=match) as caught:
        call()
    assert caught.value.hint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_folder(tiny_networks(), tmp_path / "model", "# A tiny model\n")


# --- published files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", KINDS, ids=lambda c: c.name)
def test_kind_variant_and_sizes_are_told_by_the_keys(config: ModelConfig, tmp_path: Path) -> None:
    expected = tiny_networks(config)
    loaded = load_published(write_published(expected, tmp_path / "file.ckpt"), num_heads=2)
    assert_same_tensors(loaded, expected)
    assert (loaded.kind, loaded.variant) == (config.kind, config.variant)
    assert (loaded.denoiser is None, loaded.controlnet is None) == (not config.has_denoiser, not config.has_control)
    told = ("num_latent_tokens", "latent_width", "hidden_width", "feedforward_width", "num_layers", "control")
    told += ("text_width", "time_width", "guidance_width", "control_embedding_width") if config.has_control else ()
    assert all(getattr(loaded.config, key) == getattr(config, key) for key in told)


def test_safetensors_and_the_old_torch_format(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    expected = tiny_networks()
    save_file(expected.state_dict(), tmp_path / "a.safetensors")
    torch.save({"state_dict": expected.state_dict()}, tmp_path / "b.ckpt", _use_new_zipfile_serialization=False)
    assert_same_tensors(load(tmp_path / "a.safetensors"), expected)
    assert_same_tensors(load(tmp_path / "b.ckpt"), expected)


def test_loading_leaves_the_global_random_numbers_alone(tmp_path: Path) -> None:
    path = write_published(tiny_networks(), tmp_path / "file.ckpt")
    before = torch.get_rng_state()
    load_published(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_names_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    networks = tiny_networks()
    state = networks.state_dict()
    del state["denoiser.encoder.norm.bias"]
    state["denoiser.surprise"] = torch.zeros(1)
    state["vae.final_layer.bias"] = torch.zeros(7)
    torch.save({"state_dict": state}, tmp_path / "file.ckpt")
    with pytest.raises(BadCheckpoint) as caught:
        load_published(tmp_path / "file.ckpt")
    for part in (
        "1 missing (denoiser.encoder.norm.bias)",
        "1 unexpected (denoiser.surprise)",
        "(7,) instead of (263,)",
    ):
        assert part in caught.value.message


class Hostile:
    """A pickle that would make a file if it were obeyed."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    state = tiny_networks().state_dict() | {"denoiser.extra": Hostile(tmp_path / "owned")}
    torch.save({"state_dict": state}, tmp_path / "file.ckpt", _use_new_zipfile_serialization=zipped)
    assert_refused(lambda: load(tmp_path / "file.ckpt"), BadCheckpoint, "would run code")
    (tmp_path / "bare.ckpt").write_bytes(pickle.dumps(Hostile(tmp_path / "owned")))
    assert_refused(lambda: load(tmp_path / "bare.ckpt"), BadCheckpoint, "bare.ckpt")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path: Path, zipped: bool, share: float) -> None:
    path = tmp_path / "file.ckpt"
    torch.save({"state_dict": tiny_networks().state_dict()}, path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert_refused(lambda: load(path), BadCheckpoint, "damaged, incomplete or not a checkpoint")


def test_truncated_safetensors(tmp_path: Path, folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[: len(data) // 2])
    assert_refused(lambda: load(tmp_path / "cut.safetensors"), BadCheckpoint, "damaged")


@pytest.mark.parametrize(
    "content",
    [{"state_dict": {"bert.embeddings.weight": torch.zeros(2, 2)}}, [1, 2], {"state_dict": {"epoch": 3}}, {}],
    ids=["other names", "a list", "no tensors", "empty"],
)
def test_files_of_another_kind(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "file.ckpt")
    assert_refused(lambda: load(tmp_path / "file.ckpt"), BadCheckpoint, "not a MotionLCM or MLD checkpoint")


def test_missing_and_incomplete(tmp_path: Path) -> None:
    assert_refused(lambda: load(tmp_path / "none.ckpt"), BadCheckpoint, "no checkpoint at")
    state = tiny_networks().state_dict()
    torch.save({k: v for k, v in state.items() if not k.startswith("vae.")}, tmp_path / "a.ckpt")
    assert_refused(lambda: load(tmp_path / "a.ckpt"), BadCheckpoint, "no autoencoder")
    torch.save({k: v for k, v in state.items() if not k.startswith("traj_encoder.")}, tmp_path / "b.ckpt")
    assert_refused(lambda: load(tmp_path / "b.ckpt"), BadCheckpoint, "incomplete.*traj_encoder")


# --- our folder --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", KINDS, ids=lambda c: c.name)
def test_a_folder_comes_back_whole(config: ModelConfig, tmp_path: Path) -> None:
    expected = tiny_networks(config)
    loaded = load(save_folder(expected, tmp_path / "model", "# Card\n"))
    assert loaded.config == config
    assert_same_tensors(loaded, expected)
    for field in dataclasses.fields(expected.statistics):
        np.testing.assert_array_equal(getattr(loaded.statistics, field.name), getattr(expected.statistics, field.name))
    assert (tmp_path / "model" / "README.md").read_text() == "# Card\n"
    assert not any(part.training for part in loaded.parts.values())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]


def test_half_precision_on_disk(tmp_path: Path) -> None:
    expected = tiny_networks()
    loaded = load_folder(save_folder(expected, tmp_path / "model", "", dtype=torch.float16))
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, expected.state_dict()[name].half().float()), name


def test_the_hash_speaks_for_weights_configuration_and_statistics(tmp_path: Path) -> None:
    networks = tiny_networks()
    first = load_folder(save_folder(networks, tmp_path / "a", "one card")).model_hash
    assert load_folder(save_folder(networks, tmp_path / "b", "another card")).model_hash == first
    other = [
        dataclasses.replace(networks, config=dataclasses.replace(networks.config, guidance_scale=3.0)),
        dataclasses.replace(networks, statistics=tiny_networks(seed=1).statistics),
        tiny_networks(seed=1),
    ]
    hashes = {load_folder(save_folder(n, tmp_path / f"c{i}", "")).model_hash for i, n in enumerate(other)}
    assert len(hashes | {first}) == 4


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "statistics.npz"])
def test_a_changed_file_is_noticed(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert_refused(lambda: load(folder), BadCheckpoint, "do not match their checksums")
    assert_refused(lambda: verify_folder(folder), BadCheckpoint, "do not match their checksums")


def test_the_checksums_are_what_sha256sum_reads(folder: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "statistics.npz", "SHA256SUMS"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert_refused(lambda: load(folder), BadCheckpoint, f"has no {name}")


def test_a_new_checkpoint_replaces_an_old_one(folder: Path) -> None:
    other = tiny_networks(seed=1)
    save_folder(other, folder, "# Another\n")
    assert_same_tensors(load(folder), other)
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_other_peoples_folders_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"meow")
    assert_refused(
        lambda: save_folder(tiny_networks(), tmp_path / "photos", ""), ExportError, "not a checkpoint folder"
    )
    (tmp_path / "file").write_text("text")
    assert_refused(lambda: save_folder(tiny_networks(), tmp_path / "file", ""), ExportError, "not a checkpoint folder")
    assert (tmp_path / "photos" / "cat.png").read_bytes() == b"meow"


EXPORT = """
import sys
from engine.checkpoints.folder import save_folder
from blender_addon.shared.errors import ExportError
from tests.engine.conftest import tiny_networks
networks = tiny_networks(seed=1)
if sys.argv[2] == "limit":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    save_folder(networks, sys.argv[1], "card")
except ExportError as error:
    print(error)
"""


def export_elsewhere(path: Path, mode: str) -> str:
    command = [sys.executable, "-c", EXPORT, str(path), mode]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs the file size limit of Unix")
def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path, folder: Path) -> None:
    assert "File too large" in export_elsewhere(tmp_path / "new", "limit")
    assert "File too large" in export_elsewhere(folder, "limit")
    assert sorted(p.name for p in tmp_path.iterdir()) == [folder.name]
    assert_same_tensors(load(folder), tiny_networks())  # the old one still stands


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("needs the right to mount a small tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_nothing_behind(small_disk: Path) -> None:
    assert "disk is full" in export_elsewhere(small_disk / "model", "full")
    assert not list(small_disk.iterdir())


# --- from published to ours --------------------------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """A control checkpoint of standard heads, and the statistics as the data sets hold them."""
    random = np.random.default_rng(0)
    dataset, spatial = tmp_path / "HumanML3D", tmp_path / "humanml_spatial_norm"
    for place, suffix, shape in ((dataset, "", 263), (spatial, "_raw", (22, 3))):
        place.mkdir()
        np.save(place / f"Mean{suffix}.npy", random.normal(size=shape))
        np.save(place / f"Std{suffix}.npy", random.uniform(0.5, 2.0, size=shape))
    config = dataclasses.replace(TINY_V2, num_heads=4)
    return {
        "file": write_published(tiny_networks(config), tmp_path / "motionlcm.ckpt"),
        "humanml3d_dir": dataset,
        "spatial_stats_dir": spatial,
        "out": tmp_path / "out",
    }


@pytest.mark.parametrize("parent", [False, True], ids=["the folders", "their parent"])
def test_import(sources: dict[str, Path], tmp_path: Path, parent: bool) -> None:
    given = sources | ({"humanml3d_dir": tmp_path, "spatial_stats_dir": tmp_path} if parent else {})
    loaded = load_folder(import_published(**given))
    assert_same_tensors(loaded, load_published(sources["file"]))
    statistics = loaded.statistics
    assert (statistics.feature_mean.shape, statistics.hint_std.shape) == ((263,), (22, 3))
    np.testing.assert_array_equal(
        statistics.hint_mean, np.load(sources["spatial_stats_dir"] / "Mean_raw.npy").astype(np.float32)
    )
    assert "sentence-t5-large" in (sources["out"] / "README.md").read_text()


def test_import_without_a_place_goes_beside_the_file(sources: dict[str, Path], tmp_path: Path) -> None:
    assert import_published(**sources | {"out": None}) == tmp_path / "motionlcm"
    assert load(tmp_path / "motionlcm").config.name == "motionlcm"


def test_import_without_controls_needs_no_spatial_statistics(sources: dict[str, Path]) -> None:
    assert_refused(
        lambda: import_published(**sources | {"spatial_stats_dir": None}), BadFile, "statistics of the joints"
    )
    config = text_only(dataclasses.replace(TINY_V2, num_heads=4))
    write_published(tiny_networks(config), sources["file"])
    loaded = load_folder(import_published(**sources | {"spatial_stats_dir": None}))
    assert loaded.statistics.hint_mean is None


@pytest.mark.parametrize(
    ("name", "array", "match"),
    [
        ("HumanML3D/Mean.npy", np.zeros(251), r"shape is \(251,\), expected is \(263,\)"),
        ("HumanML3D/Std.npy", np.zeros(263), "not positive"),
        ("HumanML3D/Mean.npy", np.full(263, np.nan), "not finite"),
        ("humanml_spatial_norm/Std_raw.npy", np.ones((21, 3)), "expected is"),
        ("humanml_spatial_norm/Mean_raw.npy", np.array([{}], dtype=object), "cannot be used"),
        ("humanml_spatial_norm/Mean_raw.npy", None, "no Mean_raw.npy"),
    ],
)
def test_statistics_that_do_not_fit(
    sources: dict[str, Path], tmp_path: Path, name: str, array: np.ndarray | None, match: str
) -> None:
    if array is None:
        (tmp_path / name).unlink()
    else:
        np.save(tmp_path / name, array)
    assert_refused(lambda: import_published(**sources), BadFile, match)
    assert not sources["out"].exists()
