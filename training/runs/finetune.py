# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tuning: a run that begins from the weights of a published or own checkpoint (``--from``).

The checkpoint's networks become the run's stages at step 0: each can be trained further, and later stages can build on
earlier ones without training them. What does not fit keeps its fresh weights and is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from blender_addon.shared.errors import BadCheckpoint
from engine.checkpoints.folder import load_folder
from engine.checkpoints.published import read_tensors
from engine.models.build import build_vae
from engine.models.corrector import Corrector
from engine.models.denoiser import Denoiser

from ..data.statistics import Numbers
from ..loop.checkpoints import write_state
from ..recipes import Recipe
from ..stage_parts.modules import base_config, build_parts, mld_config

_PREFIXES = {
    "vae": {"": "vae."},
    "mld": {"": "denoiser."},
    "distill": {"": "denoiser."},
    "correct": {"": "corrector."},
    "control": {"controlnet.": "controlnet.", "trajectory_encoder.": "traj_encoder."},
}
"""Stage -> prefix in its module -> prefix in a checkpoint."""


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], Numbers]:
    """Tensors under their published names, and the statistics a folder comes with. Raises BadCheckpoint."""
    if not path.is_dir():
        return read_tensors(path), {}
    networks = load_folder(path)
    assert networks.statistics is not None  # a folder always has them
    held = vars(networks.statistics)
    names = {"feature_mean": "mean", "feature_std": "std", "hint_mean": "hint_mean", "hint_std": "hint_std"}
    return networks.state_dict(), {own: held[name] for name, own in names.items() if held[name] is not None}


def initialise_from_checkpoint(
    state: Mapping[str, Tensor], recipe: Recipe, folder: Path, seed: int, source: str
) -> list[str]:
    """Write the stages that ``state`` has weights for into ``folder``, at step 0; returns what did not fit.

    A stage that has begun already is left alone. Raises BadCheckpoint when nothing fits.
    """
    problems: list[str] = []
    written = 0
    for stage in _stages_in(state, recipe):
        path = folder / f"{stage}.pt"
        if path.exists():
            continue
        torch.manual_seed(seed)
        module = _module(stage, recipe)
        offered = _renamed(state, _PREFIXES[stage])
        fitting, wrong = partial_load(module, offered)
        problems += [f"{stage}: {line}" for line in wrong]
        if fitting:
            write_state({"step": 0, "module": module.state_dict(), "from": source}, path)
            written += 1
    if problems and not written:
        raise BadCheckpoint(
            f"Nothing in {source} fits the recipe '{recipe.name}' ({problems[0]}).",
            "Choose the recipe whose networks have the checkpoint's sizes.",
        )
    return problems


def partial_load(module: nn.Module, state: Mapping[str, Tensor]) -> tuple[int, list[str]]:
    """Copy what has the same name and shape; returns how many tensors that were, and lines about all others."""
    own = module.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    lines = []
    for name, tensor in own.items():
        if name not in state:
            lines.append(f"{name} is not in the checkpoint")
        elif name not in fitting:
            lines.append(f"{name} is {tuple(state[name].shape)} in the checkpoint, {tuple(tensor.shape)} here")
    lines += [f"{name} of the checkpoint has no place here" for name in state if name not in own]
    module.load_state_dict(fitting, strict=False)
    return len(fitting), lines


def _stages_in(state: Mapping[str, Tensor], recipe: Recipe) -> list[str]:
    """The stages whose result a checkpoint with these names holds."""
    has = {name.split(".")[0] for name in state}
    stages = ["vae"] if "vae" in has else []
    if "denoiser" in has:
        stages.append("distill" if "denoiser.time_embedding.cond_proj.weight" in state else "mld")
    stages += ["control"] if "controlnet" in has else []
    return [*stages, "correct"] if "corrector" in has and recipe.model.has_corrector else stages


def _module(stage: str, recipe: Recipe) -> nn.Module:
    if stage == "vae":
        return build_vae(recipe.model)
    if stage == "control":
        return build_parts(base_config(recipe))
    if stage == "correct":
        return Corrector(base_config(recipe))
    return Denoiser(mld_config(recipe.model) if stage == "mld" else recipe.model)


def _renamed(state: Mapping[str, Tensor], prefixes: Mapping[str, str]) -> dict[str, Tensor]:
    return {
        own + name.removeprefix(theirs): tensor
        for own, theirs in prefixes.items()
        for name, tensor in state.items()
        if name.startswith(theirs)
    }
