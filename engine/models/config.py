# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a checkpoint has to say about its networks before a weight is read: sizes, layout, sampling, text encoder.

One frozen dataclass covers the published models (``PAPER_V1``, ``PAPER_V2`` and their text-only, MLD and VAE-only
relatives) and our own: the default model is another configuration, not another code path. ``to_dict``/``from_dict`` are
the JSON form that stands beside the weights.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blender_addon.shared.errors import BadCheckpoint

MAX_POSITIONS = 500
"""Rows of every learned position table in the published checkpoints: no token sequence may be longer."""

_ADDED_LATER = ("refining_steps",)  # entries that folders exported before do not have: their defaults hold
_CHOICES = {
    "variant": ("v1", "v2"),
    "kind": ("vae", "mld", "lcm"),
    "token_layout": ("global", "patch"),
    "activation": ("gelu", "relu", "geglu"),
    "positions": ("learned", "sine"),
    "prediction_type": ("epsilon", "sample"),
}


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and conventions of one model.

    ``variant`` decides the details in which the two published generations differ (V2 projects latents in and out of the
    hidden width, V1 has a ReLU before the text projection and no activations in the control embedding); ``kind`` what
    the checkpoint can do; ``control`` whether a ControlNet and a trajectory encoder belong to it. Raises BadCheckpoint
    when the values contradict each other.
    """

    name: str
    variant: str  # 'v1' | 'v2'
    kind: str  # 'vae' | 'mld' | 'lcm'
    latent_width: int  # D
    num_latent_tokens: int = 0  # N of the 'global' layout
    token_layout: str = (
        "global"  # 'global': N learned tokens for the whole motion | 'patch': a token every patch_size frames
    )
    patch_size: int = 0
    control: bool = True

    hidden_width: int = 256  # H
    feedforward_width: int = 1024
    num_layers: int = 9
    num_heads: int = 4
    dropout: float = 0.1
    activation: str = "gelu"
    normalize_before: bool = False
    positions: str = "learned"
    moe: bool = False
    moe_num_experts: int = 4
    moe_top_k: int = 2
    moe_jitter: float = 0.0
    moe_loss_weight: float = 1e-2

    text_width: int = 768
    text_encoder: str = "sentence-t5-large"
    time_width: int = 768
    guidance_width: int | None = 256  # None: no guidance embedding (MLD)
    control_embedding_width: int = 256
    control_width: int | None = None  # width of the trajectory encoder's output; None = latent_width
    corrector_passes: int = 0  # how often the answer is corrected where it misses its hints; 0 = no corrector
    corrector_width: int = 256

    vae_hidden_width: int | None = None  # None = as the denoiser
    vae_feedforward_width: int | None = None
    vae_num_layers: int | None = None
    vae_num_heads: int | None = None
    vae_scale_factor: float = 1.0

    prediction_type: str = "epsilon"
    original_inference_steps: int = 50
    timesteps_map: Mapping[int, tuple[int, ...]] | None = None
    guidance_scale: float = 7.5
    guidance_scales: Mapping[int, float] = field(default_factory=dict)  # by number of steps; guidance_scale elsewhere
    text_guidance: float = 0.0  # how much of what the sentence alone says is added where controls lead; see sampler.py
    refining_steps: int = 0  # by which each step's answer is brought onto the hints, so that later steps fit to them
    default_num_inference_steps: int = 4

    num_features: int = 263
    num_joints: int = 22
    min_frames: int = 40
    max_frames: int = 196

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise _bad(f"{key} is {getattr(self, key)!r}, but must be one of {', '.join(choices)}.")
        if self.hidden_width % self.num_heads:
            raise _bad(f"hidden_width {self.hidden_width} is not a multiple of num_heads {self.num_heads}.")
        if self.num_layers % 2 == 0 or (self.token_layout == "global" and self.vae_layers % 2 == 0):
            raise _bad("The skip stacks need an odd number of layers.")
        if self.variant == "v1" and self.latent_width != self.hidden_width:
            raise _bad(f"A V1 latent is as wide as the network ({self.hidden_width}), not {self.latent_width}.")
        if self.token_layout == "global" and self.num_latent_tokens < 1:
            raise _bad("The 'global' layout needs num_latent_tokens of at least 1.")
        if self.token_layout == "patch" and self.patch_size < 1:
            raise _bad("The 'patch' layout needs a patch_size of at least 1.")
        if self.corrector_passes and self.token_layout != "patch":
            raise _bad("Only the 'patch' layout has a corrector.")
        if self.refining_steps and not (self.token_layout == "patch" and self.kind == "mld" and self.timesteps_map):
            raise _bad("Only a diffusion model of the 'patch' layout with a timesteps_map refines between its steps.")
        if self.kind == "lcm" and self.guidance_width is None:
            raise _bad("A consistency model (kind 'lcm') needs a guidance_width.")

    @property
    def has_denoiser(self) -> bool:
        return self.kind != "vae"

    @property
    def has_control(self) -> bool:
        return self.has_denoiser and self.control

    @property
    def takes_hints(self) -> bool:
        """Whether a motion can be led: by a ControlNet, or by refining between the steps of sampling."""
        return self.has_control or (self.has_denoiser and self.refining_steps > 0)

    @property
    def has_corrector(self) -> bool:
        return self.has_control and self.corrector_passes > 0

    @property
    def control_input_width(self) -> int:
        return self.latent_width if self.control_width is None else self.control_width

    @property
    def vae_width(self) -> int:
        return self.vae_hidden_width or self.hidden_width

    @property
    def vae_feedforward(self) -> int:
        return self.vae_feedforward_width or self.feedforward_width

    @property
    def vae_layers(self) -> int:
        return self.vae_num_layers or self.num_layers

    @property
    def vae_heads(self) -> int:
        return self.vae_num_heads or self.num_heads

    def num_tokens(self, num_frames: int) -> int:
        """N for a motion of ``num_frames`` frames."""
        return self.num_latent_tokens if self.token_layout == "global" else -(-num_frames // self.patch_size)

    def guidance_for(self, num_inference_steps: int) -> float:
        """The model's own guidance scale for this number of steps: the entry of the next smaller listed count."""
        listed = [steps for steps in self.guidance_scales if steps <= num_inference_steps]
        return self.guidance_scales[max(listed)] if listed else self.guidance_scale

    def to_dict(self) -> dict[str, Any]:
        """Plain values for config.json (integer keys become text there; ``from_dict`` turns them back)."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        if self.timesteps_map is not None:
            values["timesteps_map"] = {str(steps): list(times) for steps, times in self.timesteps_map.items()}
        values["guidance_scales"] = {str(steps): scale for steps, scale in self.guidance_scales.items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Read config.json's content. Raises BadCheckpoint for unknown, missing or contradicting entries."""
        known = [f.name for f in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                raise _bad(f"Unknown entry {key!r}.", f"Did you mean {close[0]!r}? " if close else "")
        missing = [key for key in known if key not in values and key not in _ADDED_LATER]
        if missing:
            raise _bad(f"Missing: {', '.join(missing)}.")
        try:
            read = dict(values)
            if read["timesteps_map"] is not None:
                read["timesteps_map"] = {int(k): tuple(int(t) for t in v) for k, v in read["timesteps_map"].items()}
            read["guidance_scales"] = {int(k): float(v) for k, v in read["guidance_scales"].items()}
            return cls(**read)
        except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise _bad(f"An entry has the wrong type ({error}).") from error


def _bad(problem: str, suggestion: str = "") -> BadCheckpoint:
    return BadCheckpoint(
        f"The model's configuration cannot be used. {problem}",
        f"{suggestion}Export or import the checkpoint again with this version of Gaitway, or correct its config.json.",
    )


PAPER_V2 = ModelConfig(
    name="motionlcm-v2",
    variant="v2",
    kind="lcm",
    num_latent_tokens=16,
    latent_width=32,
    original_inference_steps=10,
    timesteps_map={1: (799,), 2: (699, 299), 4: (699, 399, 299, 299)},
    guidance_scale=8.0,
    guidance_scales={1: 8.0, 2: 12.5, 4: 13.5},
)
"""MotionLCM-V2 with ControlNet as published (749 tensors with its evaluators)."""

PAPER_V1 = ModelConfig(name="motionlcm-v1", variant="v1", kind="lcm", num_latent_tokens=1, latent_width=256)
"""MotionLCM (ECCV 2024) with ControlNet as published."""


def text_only(config: ModelConfig) -> ModelConfig:
    """The same model without ControlNet and trajectory encoder (the published ``motionlcm_humanml*`` files)."""
    return dataclasses.replace(config, control=False, name=f"{config.name}-t2m")


def as_mld(config: ModelConfig) -> ModelConfig:
    """The diffusion model that stands before distillation: DDIM, 50 steps, classifier-free guidance 7.5."""
    return dataclasses.replace(
        config,
        name=config.name.replace("motionlcm", "mld"),
        kind="mld",
        guidance_width=None,
        timesteps_map=None,
        refining_steps=0,
        original_inference_steps=50,
        guidance_scale=7.5,
        guidance_scales={},
        default_num_inference_steps=50,
    )


def vae_only(config: ModelConfig) -> ModelConfig:
    """The autoencoder alone (the published ``vae_humanml.ckpt``)."""
    return dataclasses.replace(as_mld(config), name=f"{config.name}-vae", kind="vae", control=False)
