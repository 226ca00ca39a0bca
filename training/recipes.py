# SPDX-License-Identifier: GPL-3.0-or-later
"""Named recipes: frozen dataclasses, every hyper-parameter of a run in one place.

``small`` makes the embedded default model on two CPU cores, ``debug`` runs all four stages in a minute or two.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from blender_addon.shared.errors import BadRequest
from engine.models.config import ModelConfig

from .augment import Variants


@dataclass(frozen=True)
class Stage:
    """One stage's schedule: AdamW, linear warm-up, then cosine; crops of ``min_frames`` to ``max_frames``."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    min_frames: int = 48
    max_frames: int = 196
    weights: Mapping[str, float] = field(default_factory=dict)
    gradient_clip: float = 1.0
    weight_decay: float = 0.0
    freeze: tuple[str, ...] = ()  # parameters whose name starts so keep their initial value
    ema_decay: float = 0.0  # of the weights that are exported; 0 = off
    validate_every: int = 250
    checkpoint_every: int = 250


@dataclass(frozen=True)
class EvaluatorSizes:
    """Our own text-motion evaluator: width of its layers and of the common embedding."""

    width: int = 192
    embedding_width: int = 64


EVALUATOR = Stage(
    steps=1500,
    batch_size=64,
    learning_rate=1e-3,
    warmup_steps=100,
    min_frames=48,
    weight_decay=0.01,
    ema_decay=0.99,
)


@dataclass(frozen=True)
class Recipe:
    """A model and its four stages."""

    name: str
    model: ModelConfig
    vae: Stage
    mld: Stage
    distill: Stage
    control: Stage
    text_dropout: float = 0.1
    weak_caption_dropout: float = 0.5
    guidance_range: tuple[float, float] = (5.0, 15.0)
    num_ddim_steps: int = 10
    huber_c: float = 0.5
    distill_ema: float = 0.95
    control_loss_kind: str = "mask"
    control_loss_function: str = "l1_smooth"
    pelvis_share: float = 0.6  # of training samples that control the pelvis (the others: any other joints)
    mixed_precision: str = "no"
    variants: Variants = field(default_factory=Variants)
    evaluator: Stage = EVALUATOR
    evaluator_sizes: EvaluatorSizes = EvaluatorSizes()


SMALL_MODEL = ModelConfig(
    name="gaitway-small",
    variant="v2",
    kind="lcm",
    token_layout="patch",
    patch_size=8,
    latent_width=64,
    hidden_width=256,
    feedforward_width=1024,
    num_layers=5,
    num_heads=4,
    dropout=0.1,
    normalize_before=True,
    text_width=384,
    text_encoder="all-MiniLM-L6-v2",
    time_width=256,
    guidance_width=256,
    control_width=256,
    vae_hidden_width=384,
    vae_num_layers=3,
    prediction_type="sample",
    original_inference_steps=10,
    timesteps_map={1: (799,), 2: (699, 299), 4: (699, 399, 299, 299)},
    guidance_scale=2.5,
    guidance_scales={},
    default_num_inference_steps=4,
    min_frames=16,
    max_frames=196,
)

SMALL = Recipe(
    name="small",
    model=SMALL_MODEL,
    vae=Stage(
        steps=12000,
        batch_size=24,
        learning_rate=4e-4,
        warmup_steps=300,
        min_frames=48,
        max_frames=128,
        freeze=("encoder_linear", "decoder_linear"),
        weights={"features": 1.0, "pose": 5.0, "path": 1.0, "speed": 1.0, "planted": 1.2, "kl": 5e-4},
        ema_decay=0.998,
        validate_every=500,
    ),
    mld=Stage(
        steps=8000,
        batch_size=40,
        learning_rate=6e-4,
        warmup_steps=200,
        ema_decay=0.998,
        weight_decay=0.01,
    ),
    distill=Stage(steps=1500, batch_size=32, learning_rate=2e-4, warmup_steps=50, ema_decay=0.99),
    control=Stage(
        steps=9000,
        batch_size=32,
        learning_rate=1e-3,
        warmup_steps=300,
        weights={"latent": 1.0, "control": 4.0, "path": 3.0, "speed": 0.5, "planted": 0.3, "standing": 0.3},
        ema_decay=0.998,
        weight_decay=0.01,
    ),
    guidance_range=(0.0, 4.0),
    control_loss_function="l1",
    variants=Variants(
        mirrored=True,
        tempos=(0.85, 1.18),
        bends=(-0.8, -0.35, 0.35, 0.8),
        weights=((r"\b(walk|run|jog|sprint)", 2.5), ("salsa", 0.5)),
    ),
)

DEBUG = dataclasses.replace(
    SMALL,
    name="debug",
    model=dataclasses.replace(
        SMALL_MODEL,
        name="gaitway-debug",
        hidden_width=64,
        feedforward_width=128,
        num_layers=3,
        vae_hidden_width=64,
        vae_num_layers=1,
        control_width=64,
        latent_width=32,
        control_embedding_width=64,
    ),
    vae=dataclasses.replace(SMALL.vae, steps=60, batch_size=8, warmup_steps=5, validate_every=30, checkpoint_every=30),
    mld=dataclasses.replace(SMALL.mld, steps=60, batch_size=8, warmup_steps=5, validate_every=30, checkpoint_every=30),
    distill=dataclasses.replace(
        SMALL.distill, steps=30, batch_size=8, warmup_steps=5, validate_every=30, checkpoint_every=30
    ),
    control=dataclasses.replace(
        SMALL.control, steps=60, batch_size=8, warmup_steps=5, validate_every=30, checkpoint_every=30
    ),
    evaluator=dataclasses.replace(
        EVALUATOR, steps=60, batch_size=32, warmup_steps=5, validate_every=30, checkpoint_every=30
    ),
    evaluator_sizes=EvaluatorSizes(width=64, embedding_width=32),
)

RECIPES = {recipe.name: recipe for recipe in (SMALL, DEBUG)}


def get_recipe(name: str) -> Recipe:
    """The recipe called ``name``. Raises BadRequest with a suggestion when there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "The recipes are: " + ", ".join(RECIPES) + "."
    raise BadRequest(f"There is no recipe called '{name}'.", hint)
