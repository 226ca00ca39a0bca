# SPDX-License-Identifier: GPL-3.0-or-later
"""Published MotionLCM and MLD files: reading them safely, and telling from names and shapes what they are.

A published file is a torch file {'state_dict': {...}} whose names begin with vae, denoiser, controlnet and
traj_encoder; evaluation networks (t2m_*) may stand beside them and are left out. Nothing is ever unpickled but tensors
and plain containers.
"""

from __future__ import annotations

import dataclasses
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blender_addon.shared.errors import BadCheckpoint

from ..models.config import PAPER_V1, PAPER_V2, ModelConfig, as_mld, vae_only

_EVALUATORS = ("t2m_textencoder.", "t2m_moveencoder.", "t2m_motionencoder.")
_EVALUATOR_PARTS = {
    "text_encoder": "t2m_textencoder.",
    "movement_encoder": "t2m_moveencoder.",
    "motion_encoder": "t2m_motionencoder.",
}
_PARTS = ("vae.", "denoiser.", "controlnet.", "traj_encoder.")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The generator's tensors in a .ckpt (torch) or .safetensors file, evaluators and text encoders left out.

    Raises BadCheckpoint when the file is missing, damaged, asks for more than tensors, or holds something else.
    """
    return {
        name: tensor
        for name, tensor in _read(path).items()
        if not name.startswith(_EVALUATORS) and "text_encoder" not in name
    }


def read_evaluator_tensors(path: Path) -> dict[str, Tensor]:
    """The evaluation networks' tensors (t2m_*) of the same files; empty when there are none. Raises as above."""
    return {name: tensor for name, tensor in _read(path).items() if name.startswith(_EVALUATORS)}


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise BadCheckpoint(
            f"There is no checkpoint at {path}.", "Check the path; downloads end in .ckpt or .safetensors."
        )
    return _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on pickle protocols, of files that then fail anyway
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):  # torch names the function or class that the file wanted
            raise BadCheckpoint(
                f"{path.name} would run code when loaded, so it was not opened.",
                "A checkpoint should contain only tensors. Get it from its authors' own page, and do not open this one "
                "with other tools.",
            ) from error
        raise _damaged(path, error) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    elif isinstance(content, Mapping) and all(isinstance(content.get(part), Mapping) for part in _EVALUATOR_PARTS):
        parts = {prefix: content[part] for part, prefix in _EVALUATOR_PARTS.items()}  # the evaluators' own file
        content = {f"{prefix}{name}": value for prefix, part in parts.items() for name, value in part.items()}
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise _another_kind(path)
    return dict(content)


def _damaged(path: Path, error: Exception) -> BadCheckpoint:
    told = str(error).rpartition("WeightsUnpickler error:")[2].strip()
    reason = told.splitlines()[0][:200] if told else type(error).__name__
    return BadCheckpoint(
        f"{path.name} is damaged, incomplete or not a checkpoint ({reason}).", "Download or copy the file again."
    )


def _another_kind(path: Path) -> BadCheckpoint:
    return BadCheckpoint(
        f"{path.name} is not a MotionLCM or MLD checkpoint.",
        "Give one of the published files, such as motionlcm_humanml_s_pelvis.ckpt, or a folder that Gaitway has "
        "written.",
    )


def deduce_config(
    state: Mapping[str, Tensor],
    path: Path,
    *,
    num_heads: int = 4,
    vae_num_heads: int | None = None,
    activation: str = "gelu",
    normalize_before: bool = False,
) -> ModelConfig:
    """The configuration that names and shapes tell; what they do not tell is the official one unless given.

    Raises BadCheckpoint when the tensors are not those of such a model.
    """
    if not any(name.startswith(_PARTS) for name in state):
        raise _another_kind(path)
    if "vae.skel_embedding.weight" not in state:
        raise BadCheckpoint(f"{path.name} contains no autoencoder (vae.*).", "Give a complete published checkpoint.")
    variant = PAPER_V2 if "vae.latent_pre.weight" in state else PAPER_V1
    has_denoiser = "denoiser.time_embedding.linear_1.weight" in state
    if not has_denoiser:
        config = vae_only(variant)
    else:
        config = variant if "denoiser.time_embedding.cond_proj.weight" in state else as_mld(variant)
    try:
        sizes = _vae_sizes(state, activation)
        if has_denoiser:
            sizes |= _denoiser_sizes(state, activation)
            own = {"hidden_width", "feedforward_width", "num_layers"}
            sizes |= {f"vae_{key}": None for key in own if sizes[f"vae_{key}"] == sizes[key]}
        else:
            sizes |= {key: sizes.pop(f"vae_{key}") for key in ("hidden_width", "feedforward_width", "num_layers")}
    except (KeyError, IndexError) as error:
        raise BadCheckpoint(
            f"{path.name} is incomplete: it contains no {error}.", "Download or copy the file again."
        ) from error
    return dataclasses.replace(
        config,
        name=path.stem,
        control="controlnet.controlnet_cond_embedding.0.weight" in state,
        num_heads=num_heads,
        vae_num_heads=vae_num_heads,
        activation=activation,
        normalize_before=normalize_before,
        **sizes,
    )


def _stack_sizes(state: Mapping[str, Tensor], stack: str, activation: str) -> dict[str, int]:
    """Width, feed-forward width and number of layers of the skip stack under ``stack``."""
    blocks = {name[len(stack) :].split(".")[2] for name in state if name.startswith(f"{stack}.input_blocks.")}
    inner, width = state[f"{stack}.middle_block.linear1.weight"].shape
    return {
        "hidden_width": width,
        "feedforward_width": inner // 2 if activation == "geglu" else inner,
        "num_layers": 2 * len(blocks) + 1,
    }


def _vae_sizes(state: Mapping[str, Tensor], activation: str) -> dict[str, Any]:
    width, features = state["vae.skel_embedding.weight"].shape
    projected = "vae.latent_pre.weight" in state
    return {
        "num_features": features,
        "num_latent_tokens": state["vae.global_motion_token"].shape[0] // 2,
        "latent_width": state["vae.latent_pre.weight"].shape[0] if projected else width,
        **{f"vae_{key}": size for key, size in _stack_sizes(state, "vae.encoder", activation).items()},
    }


def _denoiser_sizes(state: Mapping[str, Tensor], activation: str) -> dict[str, Any]:
    sizes: dict[str, Any] = {
        **_stack_sizes(state, "denoiser.encoder", activation),
        "text_width": state["denoiser.emb_proj.1.weight"].shape[1],
        "time_width": state["denoiser.time_embedding.linear_1.weight"].shape[1],
    }
    if "denoiser.time_embedding.cond_proj.weight" in state:
        sizes["guidance_width"] = state["denoiser.time_embedding.cond_proj.weight"].shape[1]
    if "controlnet.controlnet_cond_embedding.0.weight" in state:
        sizes["control_embedding_width"] = state["controlnet.controlnet_cond_embedding.0.weight"].shape[0]
        sizes["num_joints"] = state["traj_encoder.skel_embedding.weight"].shape[1] // 3
    return sizes
