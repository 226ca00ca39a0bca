# SPDX-License-Identifier: GPL-3.0-or-later
"""Named recipes: frozen dataclasses, every hyper-parameter of a run in one place.

``small`` makes the embedded default model on two CPU cores, ``debug`` runs all stages in a minute or two, and the
``paper`` recipes hold the published hyper-parameters of MotionLCM (ECCV 2024) and MotionLCM-V2.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, field

from blender_addon.shared.errors import BadRequest
from engine.models.config import PAPER_V1, PAPER_V2, ModelConfig

from .data.augment import Variants
from .data.hint_masks import ControlTask
from .loop.schedule import StageSchedule, check_choices

_CHOICES = {
    "control_loss_kind": ("sum", "sum_mask", "mask"),
    "control_loss_function": ("l1", "l1_smooth", "l2"),
    "control_times": ("grid", "uniform"),
    "control_base": ("lcm", "mld"),
    "distance": ("huber", "l2"),
}


@dataclass(frozen=True)
class EvaluatorSizes:
    """Our own text-motion evaluator: width of its layers and of the common embedding."""

    width: int = 192
    embedding_width: int = 64


EVALUATOR = StageSchedule(
    steps=1500,
    batch_size=64,
    learning_rate=1e-3,
    warmup_steps=100,
    min_frames=48,
    weight_decay=0.01,
    ema_decay=0.99,
)


CORRECT = StageSchedule(
    steps=4000,
    batch_size=24,
    learning_rate=1e-3,
    warmup_steps=100,
    weights={"control": 4.0, "drift": 0.3, "standing": 1.0, "jerk": 1.0, "bones": 2.0},
    carried=True,
    ema_decay=0.998,
)
"""Of models with a corrector."""


@dataclass(frozen=True)
class Recipe:
    """A model and its stages."""

    name: str
    model: ModelConfig
    vae: StageSchedule
    mld: StageSchedule
    distill: StageSchedule
    control: StageSchedule
    correct: StageSchedule = CORRECT
    text_dropout: float = 0.1
    channel_power: float = 0.0  # of what a latent's number changes in the motion, by which its error counts; 0: alike
    weak_caption_dropout: float = 0.5
    paraphrased: bool = False  # captions also in other words and by what was measured, by rule
    drawn_share: float = 0.0  # of the ControlNet's hints that are smoothed as a hand would draw them
    rolled_share: float = 0.0  # of the ControlNet's samples that start from the model's own first answer
    guidance_range: tuple[float, float] = (5.0, 15.0)
    num_ddim_steps: int = 10
    distance: str = "huber"  # of distillation
    huber_c: float = 0.5
    distill_ema: float = 0.95
    control_loss_kind: str = "mask"
    control_loss_function: str = "l1_smooth"
    control_use_3d: bool = True  # compare metres with metres; False: normalised joints with normalised hints
    control_times: str = "grid"  # the times that were distilled, or 'uniform' over all 1000
    control_guidance: float | None = None  # a fixed w instead of one from guidance_range
    control_base: str = "lcm"  # what the ControlNet is trained on: the consistency model, or the 'mld' before it
    control_text_dropout: float = 0.0
    control_task: ControlTask = field(default_factory=ControlTask)
    mixed_precision: str | None = None  # None: what `accelerate launch` says
    variants: Variants = field(default_factory=Variants)
    evaluator: StageSchedule = EVALUATOR
    evaluator_sizes: EvaluatorSizes = field(default_factory=EvaluatorSizes)

    def __post_init__(self) -> None:
        check_choices(self, _CHOICES)


SMALL_MODEL = ModelConfig(
    name="gaitway-small",
    variant="v2",
    kind="mld",
    token_layout="patch",
    patch_size=8,
    latent_width=128,
    hidden_width=256,
    feedforward_width=1024,
    num_layers=5,
    num_heads=4,
    dropout=0.0,  # time limits the default model, not data
    normalize_before=True,
    text_width=384,
    text_encoder="all-MiniLM-L6-v2",
    time_width=256,
    guidance_width=None,
    control=False,
    refining_steps=1,
    vae_hidden_width=384,
    vae_num_layers=3,
    prediction_type="sample",
    timesteps_map={4: (999, 749, 499, 249)},
    guidance_scale=4.0,
    guidance_scales={},
    default_num_inference_steps=4,
    min_frames=16,
    max_frames=196,
)

"""The default model: guided diffusion in a few steps, each refined onto the hints in place of a ControlNet."""

LCM_MODEL = dataclasses.replace(
    SMALL_MODEL,
    kind="lcm",
    guidance_width=256,
    control=True,
    control_width=256,
    corrector_passes=2,
    refining_steps=0,
    guidance_scale=2.5,
    original_inference_steps=10,
    timesteps_map={1: (799,), 2: (699, 299), 4: (699, 399, 299, 299)},
    text_guidance=1.0,
)
"""The same distilled, with ControlNet and corrector."""

SMALL = Recipe(
    name="small",
    model=SMALL_MODEL,
    vae=StageSchedule(
        steps=35000,
        batch_size=24,
        learning_rate=4e-4,
        warmup_steps=300,
        min_frames=48,
        max_frames=128,
        scheduler="flat_then_zero",
        # Latents are the principal components themselves: a library of motion can keep them, the diffusion model can
        # be trained beside the decoder, and what the components lose the decoder's network makes good.
        freeze=("encoder_linear", "encoder_net", "decoder_linear"),
        weights={
            "features": 1.0,
            "pose": 10.0,
            "path": 5.0,
            "speed": 2.0,
            "acceleration": 0.05,
            "planted": 0.3,
            "kl": 5e-4,
        },
        ema_decay=0.998,
        validate_every=500,
    ),
    mld=StageSchedule(
        steps=40000,
        batch_size=64,
        learning_rate=8e-4,
        warmup_steps=300,
        scheduler="flat_then_zero",
        ema_decay=0.999,
        weight_decay=0.01,
        validate_every=500,
    ),
    distill=StageSchedule(steps=1500, batch_size=32, learning_rate=2e-4, warmup_steps=50, ema_decay=0.99),
    control=StageSchedule(
        steps=9000,
        batch_size=32,
        learning_rate=1e-3,
        warmup_steps=300,
        weights={"latent": 2.0, "control": 3.0, "path": 2.0, "speed": 0.5, "planted": 0.3, "standing": 0.3},
        carried=True,
        ema_decay=0.998,
        weight_decay=0.01,
    ),
    channel_power=1.0,
    guidance_range=(0.0, 4.0),
    control_loss_function="l1",
    control_task=ControlTask("mixed", ("all",), pelvis_share=0.6),
    control_text_dropout=0.1,
    paraphrased=True,
    drawn_share=0.5,
    rolled_share=0.4,
    variants=Variants(
        mirrored=True,
        tempos=(0.85, 1.18),
        bends=(-1.8, -1.3, -0.8, -0.35, 0.35, 0.8, 1.3, 1.8),  # 1.2 is a circle of a metre at 1.2 m/s
        windings=(
            (0.0, 1.0, 0.0),
            (0.9, 5.0, 0.0),
            (0.9, 6.0, 3.1),
            (0.6, 20.0, 1.57),
            (1.0, 20.0, 1.57),
            (1.6, 4.0, 0.0),
            (1.6, 4.0, 3.1),
            (1.5, 20.0, 1.57),
            (1.5, 20.0, -1.57),
        ),
        carried=(0.35, 0.7, 1.1),
        weights=(
            (r"\b(walk|run|jog|sprint)", 2.5),
            (r"\b(jump|hop|leap)", 3.0),
            (r"\b(sneak|tiptoe|creep|stealth)", 3.0),
            (r"\b(kick|punch|sits? down|stands? up|gets? up|lies? down|picks?|turns?)", 1.5),
            ("salsa", 0.5),
            (r"acts? like an? |imitates|in the manner of an? (cat|dog|dinosaur|monkey|chicken|bear)", 0.3),
            ("rhyme|vacation|scenes of a journey|referee|teapot|several scenes|series of actions", 0.4),
        ),
    ),
)

SMALL_LCM = dataclasses.replace(SMALL, name="small_lcm", model=LCM_MODEL)
"""All stages: distillation, ControlNet and corrector after those of ``small``."""

DEBUG = dataclasses.replace(
    SMALL_LCM,
    name="debug",
    rolled_share=0.0,  # a part of a batch without rolled samples weighs its terms otherwise than one with some
    model=dataclasses.replace(
        LCM_MODEL,
        name="gaitway-debug",
        hidden_width=64,
        feedforward_width=128,
        num_layers=3,
        vae_hidden_width=64,
        vae_num_layers=1,
        control_width=64,
        corrector_width=64,
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
    correct=dataclasses.replace(
        CORRECT, steps=30, batch_size=8, warmup_steps=5, validate_every=30, checkpoint_every=30
    ),
    evaluator=dataclasses.replace(
        EVALUATOR, steps=60, batch_size=32, warmup_steps=5, validate_every=30, checkpoint_every=30
    ),
    evaluator_sizes=EvaluatorSizes(width=64, embedding_width=32),
)

_CLIPS = StageSchedule(
    steps=0,
    batch_size=128,
    learning_rate=2e-4,
    warmup_steps=1000,
    min_frames=40,
    max_frames=199,
    sampling="clips",
    validate_every=2000,
    checkpoint_every=2000,
)

PAPER_V2_RECIPE = Recipe(
    name="paper_v2",
    model=PAPER_V2,
    vae=dataclasses.replace(
        _CLIPS, epochs=6000, pad_to=200, weights={"features": 1.0, "joints": 1.0, "velocity": 0.0, "kl": 1e-4}
    ),
    mld=dataclasses.replace(_CLIPS, epochs=3000, batch_size=64, learning_rate=1e-4),
    distill=dataclasses.replace(_CLIPS, epochs=1000),
    control=dataclasses.replace(
        _CLIPS, epochs=1000, learning_rate=1e-4, weights={"latent": 1.0, "control": 1.0, "rotation": 0.0}
    ),
    weak_caption_dropout=0.0,
    control_task=ControlTask("spatial", ("pelvis",)),
)
"""MotionLCM-V2 with its spatial ControlNet for the pelvis."""


def _temporal(recipe: Recipe) -> Recipe:
    """The same, controlled by the first quarter of the six joints' paths."""
    return dataclasses.replace(
        recipe,
        control_task=ControlTask("temporal", ("six",)),
        control_loss_kind="sum",
        control_loss_function="l2",
        control_use_3d=False,
    )


PAPER_V1_RECIPE = dataclasses.replace(
    _temporal(PAPER_V2_RECIPE),
    name="paper_v1",
    model=PAPER_V1,
    distill=dataclasses.replace(PAPER_V2_RECIPE.distill, batch_size=256),  # 96 000 iterations in the paper
    num_ddim_steps=50,
    huber_c=1e-3,
    control_times="uniform",
    control_guidance=PAPER_V1.guidance_scale - 1,
)
"""MotionLCM as published at ECCV 2024: control by the first quarter of the motion."""

PAPER_RECIPES = (
    PAPER_V1_RECIPE,
    PAPER_V2_RECIPE,
    dataclasses.replace(PAPER_V2_RECIPE, name="paper_v2_six", control_task=ControlTask("spatial", ("six",))),
    dataclasses.replace(PAPER_V2_RECIPE, name="paper_v2_all", control_task=ControlTask("spatial", ("all",))),
    dataclasses.replace(_temporal(PAPER_V2_RECIPE), name="paper_v2_temporal"),
)

RECIPES = {recipe.name: recipe for recipe in (SMALL, SMALL_LCM, DEBUG, *PAPER_RECIPES)}


def get_recipe(name: str) -> Recipe:
    """The recipe called ``name``. Raises BadRequest with a suggestion when there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "The recipes are: " + ", ".join(RECIPES) + "."
    raise BadRequest(f"There is no recipe called '{name}'.", hint)
