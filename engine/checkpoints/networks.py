# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of one model, held together with their configuration and the statistics of their training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from blender_addon.shared.errors import BadCheckpoint

from ..compute.device import threads_for
from ..models.build import build_trajectory_encoder, build_vae
from ..models.config import ModelConfig
from ..models.controlnet import ControlNet
from ..models.corrector import Corrector
from ..models.denoiser import Denoiser

if TYPE_CHECKING:
    from ..compute.cuda_graphs import GraphCache
    from ..models.patch_trajectory_encoder import PatchTrajectoryEncoder
    from ..models.patch_vae import PatchVae
    from ..models.trajectory_encoder import TrajectoryEncoder
    from ..models.vae import MldVae

_LISTED = 8  # names shown of a long list in an error


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of the training data: features (F,), hints (J,3) metres; float32."""

    feature_mean: np.ndarray
    feature_std: np.ndarray
    hint_mean: np.ndarray | None = None
    hint_std: np.ndarray | None = None


@dataclass
class Networks:
    """What a checkpoint holds. Parts that a model of its kind does not have are None."""

    config: ModelConfig
    vae: MldVae | PatchVae  # .encode(features, mask) -> mu, logvar; .decode(latent, mask)
    denoiser: Denoiser | None = None
    controlnet: ControlNet | None = None
    trajectory_encoder: TrajectoryEncoder | PatchTrajectoryEncoder | None = None
    corrector: Corrector | None = None
    statistics: Statistics | None = None
    model_hash: str = ""  # of the files it was loaded from
    graph_cache: GraphCache | None = None  # where the device keeps recordings of calls; frozen networks only
    _scale: tuple[Statistics, Tensor, Tensor] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """'vae', 'mld' or 'lcm'."""
        return self.config.kind

    @property
    def variant(self) -> str:
        """'v1' or 'v2'."""
        return self.config.variant

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks that are there, by their prefix in a checkpoint."""
        named = {
            "vae": self.vae,
            "denoiser": self.denoiser,
            "controlnet": self.controlnet,
            "traj_encoder": self.trajectory_encoder,
            "corrector": self.corrector,
        }
        return {prefix: network for prefix, network in named.items() if network is not None}

    def decode(self, latent: Tensor, mask: Tensor) -> Tensor:
        """A sampled latent (B,N,D) to normalised features (B,T,F), the latent's scale undone."""
        return self.decode_unscaled(latent / self.config.vae_scale_factor, mask)

    def decode_unscaled(self, latent: Tensor, mask: Tensor) -> Tensor:
        """The autoencoder's own latent (B,N,D) to normalised features (B,T,F)."""
        if self.graph_cache is not None and not torch.is_grad_enabled():
            return self.graph_cache("decode", self.vae.decode, latent, mask)
        with threads_for(mask.numel() if self.config.token_layout == "global" else latent.shape[:-1].numel()):
            return self.vae.decode(latent, mask)

    def feature_scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of features (F,), where and as precise as ``like`` is; the last ones are kept."""
        statistics = self.statistics
        assert statistics is not None  # who asks has looked
        kept = self._scale
        if kept is None or kept[0] is not statistics or (kept[1].device, kept[1].dtype) != (like.device, like.dtype):
            mean, std = (torch.from_numpy(v).to(like) for v in (statistics.feature_mean, statistics.feature_std))
            kept = self._scale = statistics, mean, std
        return kept[1:]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Networks:
        for network in self.parts.values():
            network.to(device=device, dtype=dtype)
        return self

    def eval(self) -> Networks:
        for network in self.parts.values():
            network.eval()
        return self

    def freeze(self) -> Networks:
        """For good: no weight will change, so that what depends on weights alone may be kept."""
        for network in self.parts.values():
            network.eval().requires_grad_(False)
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors under their published names."""
        return {
            f"{prefix}.{name}": tensor
            for prefix, network in self.parts.items()
            for name, tensor in network.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take all tensors; raises BadCheckpoint with the names that are missing, unexpected or of another shape."""
        own = self.state_dict()
        problems = [
            _listed("missing", [name for name in own if name not in state]),
            _listed("unexpected", [name for name in state if name not in own]),
            _listed(
                "of another shape",
                [
                    f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
                    for name, tensor in own.items()
                    if name in state and state[name].shape != tensor.shape
                ],
            ),
        ]
        if any(problems):
            raise BadCheckpoint(
                f"The weights do not fit the model: {'; '.join(p for p in problems if p)}.",
                "Check that the file is complete and is the model you expect; for other sizes give the heads and the "
                "activation it was trained with.",
            )
        for prefix, network in self.parts.items():
            named = network.state_dict()
            given = {name: state[f"{prefix}.{name}"].to(held.dtype).contiguous() for name, held in named.items()}
            # Without memory of their own, networks take the tensors themselves.
            network.load_state_dict(given, assign=any(held.is_meta for held in named.values()))


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{len(names)} {what} ({', '.join(names[:_LISTED])}{more})"


def build_networks(config: ModelConfig) -> Networks:
    """The networks that ``config`` describes, with fresh weights from torch's global random numbers, in training
    mode.
    """
    networks = Networks(config, vae=build_vae(config))
    if config.has_denoiser:
        networks.denoiser = Denoiser(config)
    if config.has_control:
        networks.controlnet = ControlNet(config)
        networks.trajectory_encoder = build_trajectory_encoder(config)
    if config.has_corrector:
        networks.corrector = Corrector(config)
    return networks


def empty_networks(config: ModelConfig) -> Networks:
    """As :func:`build_networks`, in evaluation mode and without memory for the weights, which loading brings."""
    with torch.device("meta"):
        networks = build_networks(config)
    for network in networks.parts.values():
        held = {name for name, _ in network.named_parameters()} | {name for name, _ in network.named_buffers()}
        if held != set(network.state_dict()):
            raise TypeError(f"{type(network).__name__} keeps values that its state dict does not hold")
    return networks.eval()
