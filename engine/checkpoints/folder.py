# SPDX-License-Identifier: GPL-3.0-or-later
"""Models on disk: our folder, the published files, and how these become that.

A folder holds config.json, model.safetensors (published tensor names), statistics.npz (means and standard deviations of
features and hints), README.md (the model card) and SHA256SUMS, which is checked at every load. It is written beside its
place and moved there when it is whole, so that a full disk leaves nothing half done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize

from blender_addon.shared.errors import BadCheckpoint, BadFile, ExportError

from ..export.atomic import atomic_folder, flush_to_disk
from ..models.config import ModelConfig
from .networks import Networks, Statistics, build_networks, empty_networks
from .published import deduce_config, read_tensors

__all__ = [
    "Networks",
    "Statistics",
    "build_networks",
    "import_published",
    "load",
    "load_default",
    "load_folder",
    "load_published",
    "save_folder",
    "verify_folder",
]

CONFIG, WEIGHTS, STATISTICS, CARD, SUMS = (
    "config.json",
    "model.safetensors",
    "statistics.npz",
    "README.md",
    "SHA256SUMS",
)
_COPY_AGAIN = "Copy the folder again from its source, or export it again."


EMBEDDED = Path(__file__).parents[1] / "weights"
"""The default model that comes with the engine."""


def load_default() -> Networks:
    """The embedded default model. Raises BadCheckpoint when it is missing or damaged."""
    return load_folder(EMBEDDED)


def load(path: Path | str) -> Networks:
    """Load our folder or a published file, whichever ``path`` is. Raises BadCheckpoint."""
    path = Path(path)
    return load_folder(path) if path.is_dir() else load_published(path)


def load_published(
    path: Path | str,
    *,
    num_heads: int = 4,
    vae_num_heads: int | None = None,
    activation: str = "gelu",
    normalize_before: bool = False,
) -> Networks:
    """Load a published .ckpt (or the same tensors as .safetensors), without statistics, float32, evaluation mode.

    Kind, variant and sizes come from the names and shapes; the arguments say what those cannot. Raises BadCheckpoint.
    """
    path = Path(path)
    state = read_tensors(path)
    config = deduce_config(
        state,
        path,
        num_heads=num_heads,
        vae_num_heads=vae_num_heads,
        activation=activation,
        normalize_before=normalize_before,
    )
    networks = empty_networks(config)
    networks.load_state_dict(state)
    networks.model_hash = _sha256(path)
    return networks


def verify_folder(path: Path | str) -> str:
    """Check every file of a checkpoint folder against SHA256SUMS; returns the hash of the whole. Raises
    BadCheckpoint.
    """
    path = Path(path)
    if not path.is_dir():
        raise BadCheckpoint(f"There is no checkpoint folder at {path}.", "Check the path.")
    missing = [name for name in (CONFIG, WEIGHTS, STATISTICS, SUMS) if not (path / name).is_file()]
    if missing:
        raise BadCheckpoint(f"The checkpoint folder {path} has no {' and no '.join(missing)}.", _COPY_AGAIN)
    sums = (path / SUMS).read_bytes()
    if sums != _sums(path):
        raise BadCheckpoint(
            f"The files in {path} do not match their checksums: one is damaged or was changed.", _COPY_AGAIN
        )
    return hashlib.sha256(sums).hexdigest()


def load_folder(path: Path | str) -> Networks:
    """Load a folder that :func:`save_folder` has written: float32, CPU, evaluation mode. Raises BadCheckpoint."""
    path = Path(path)
    model_hash = verify_folder(path)
    try:
        config = ModelConfig.from_dict(json.loads((path / CONFIG).read_text(encoding="utf-8")))
        state = load_file(path / WEIGHTS)
        with np.load(path / STATISTICS, allow_pickle=False) as arrays:
            values = {key: arrays[key].astype(np.float32) for key in arrays.files}
        statistics = Statistics(**values)
    except (OSError, ValueError, TypeError, SafetensorError, zipfile.BadZipFile) as error:
        raise BadCheckpoint(f"The checkpoint folder {path} cannot be read ({error}).", _COPY_AGAIN) from error
    networks = empty_networks(config)
    networks.load_state_dict(state)
    return dataclasses.replace(networks, statistics=statistics, model_hash=model_hash)


def save_folder(networks: Networks, path: Path | str, model_card: str, dtype: torch.dtype | None = None) -> Path:
    """Write ``networks`` with their statistics as a checkpoint folder; ``dtype`` of the stored floats, None = as they
    are.

    All or nothing: an older checkpoint at ``path`` is replaced only by a complete new one. Raises ExportError when the
    disk is full or the place not writable, or when something else than a checkpoint stands there.
    """
    path = Path(path).absolute()
    if networks.statistics is None:
        raise ExportError("A model without the statistics of its training data cannot be exported.", "Set statistics.")
    if path.exists() and not (path / SUMS).is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise ExportError(f"{path} exists and is not a checkpoint folder.", "Choose another folder, or move it away.")
    with atomic_folder(path) as folder:
        _write_files(networks, folder, model_card, dtype)
    return path


def _write_files(networks: Networks, folder: Path, model_card: str, dtype: torch.dtype | None) -> None:
    state = {
        name: (tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in networks.state_dict().items()
    }
    assert networks.statistics is not None  # save_folder has looked
    arrays = {key: value for key, value in vars(networks.statistics).items() if value is not None}
    _write(folder / CONFIG, (json.dumps(networks.config.to_dict(), indent=2) + "\n").encode())
    _write(folder / WEIGHTS, serialize(state))
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    _write(folder / STATISTICS, packed.getvalue())
    _write(folder / CARD, model_card.encode())
    _write(folder / SUMS, _sums(folder))


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        flush_to_disk(file)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(folder: Path) -> bytes:
    """What ``sha256sum`` prints for the files that make up the model."""
    return "".join(f"{_sha256(folder / name)}  {name}\n" for name in (CONFIG, WEIGHTS, STATISTICS)).encode()


def import_published(
    file: Path | str,
    humanml3d_dir: Path | str,
    spatial_stats_dir: Path | str | None = None,
    out: Path | str | None = None,
) -> Path:
    """Turn a published file into our folder at ``out`` (None: beside the file, named as it without suffix); returns it.

    humanml3d_dir holds Mean.npy and Std.npy (263), spatial_stats_dir holds Mean_raw.npy and Std_raw.npy (22,3); the
    latter is needed for models with a ControlNet only. Raises BadCheckpoint, BadFile or ExportError.
    """
    networks = load_published(file)
    config = networks.config
    mean, std = _read_statistics(humanml3d_dir, ("Mean.npy", "Std.npy"), (config.num_features,), "HumanML3D")
    hint_mean = hint_std = None
    if spatial_stats_dir is not None:
        names, shape = ("Mean_raw.npy", "Std_raw.npy"), (config.num_joints, 3)
        hint_mean, hint_std = _read_statistics(spatial_stats_dir, names, shape, "humanml_spatial_norm")
    elif config.has_control:
        raise BadFile(
            "A model with controls needs the statistics of the joints' positions.",
            "Give the folder that contains Mean_raw.npy and Std_raw.npy with --spatial-stats.",
        )
    networks.statistics = Statistics(mean, std, hint_mean, hint_std)
    return save_folder(
        networks, Path(file).with_suffix("") if out is None else out, _imported_card(Path(file), networks)
    )


def _read_statistics(
    folder: Path | str, names: tuple[str, str], shape: tuple[int, ...], usual: str
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation from ``folder``, or from the data set's usual folder inside it; float32."""
    candidates = [Path(folder), Path(folder) / usual, Path(folder) / "datasets" / usual]
    found = next((p for p in candidates if all((p / name).is_file() for name in names)), None)
    if found is None:
        raise BadFile(
            f"There are no {names[0]} and {names[1]} in {folder}.", f"Give the {usual} folder that contains them."
        )
    arrays = []
    for name in names:
        try:
            array = np.load(found / name, allow_pickle=False)
            if array.size != np.prod(shape):
                raise ValueError(f"its shape is {array.shape}, expected is {shape}")
            array = array.astype(np.float32).reshape(shape)
            if not np.isfinite(array).all():
                raise ValueError("it contains values that are not finite")
        except (OSError, ValueError, EOFError) as error:
            raise BadFile(
                f"{found / name} cannot be used: {error}.", f"Give the {usual} folder that belongs to the checkpoint."
            ) from error
        arrays.append(array)
    if not (arrays[1] > 0).all():
        raise BadFile(
            f"{found / names[1]} contains standard deviations that are not positive.",
            "Check that the two are not swapped.",
        )
    return arrays[0], arrays[1]


def _imported_card(file: Path, networks: Networks) -> str:
    config = networks.config
    parameters = sum(p.numel() for part in networks.parts.values() for p in part.parameters())
    return f"""# {config.name}

Imported from `{file.name}` (sha256 {networks.model_hash}).

- kind: {config.kind}, variant: {config.variant}, controls: {"yes" if config.has_control else "no"}
- parameters: {parameters / 1e6:.1f} million
- text encoder: {config.text_encoder} ({config.text_width} wide), not included

The weights are their authors' work and stay under their authors' licence, which may forbid commercial use; Gaitway's
own licence does not change that.
"""
