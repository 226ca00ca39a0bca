# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 5, of the patch layout only: the corrector. ``python -m training.correct --recipe small --data FOLDER --run
FOLDER``.

Everything else is frozen. The model answers hints as it does in use; the corrector sees by how much the answer misses
them and learns to change the latent so that it does not - without sliding feet, jerks or limbs of another length, which
it mends as well, also where there are no hints.

Shapes: B batch, T frames, J = 22 joints, F = 263 features, N tokens, D latent width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.checkpoints.networks import Networks
from engine.models.corrector import Corrector
from engine.sampling import sample
from engine.sampling.correct import correction

from .control import CPU, assemble, hint_statistics, load_base
from .data.drawn_hints import drawn_hints
from .evaluation.control_accuracy import quick_control_figures
from .loop.batch_split import COUNT, Batch
from .loop.checkpoints import load_exported
from .loop.loop import run_task
from .loop.trainer import Task, on_cpu
from .runs.command_line import command_line
from .runs.run import Run
from .stage_parts.latents import LatentSampler, latent_mask_of
from .stage_parts.losses import joints_of, masked_latent_mean, masked_mean, motion_terms, sum_of
from .stage_parts.modules import ControlParts, base_config, build_parts

STEPS = (1, 2, 4)  # of sampling, that the answers are drawn with
FREE = 0.15  # share of the steps without any hint: text alone
LEAD = 0.4  # share of the samples whose hints are led aside from the captured motion
LED_BY = (0.35, 0.08, 0.35)  # metres, deviation of where they are led to, x y z
_SMOOTH = (8.0, 40.0)  # frames, deviation of the Gaussian that makes the way there smooth


# A pure function of every random draw, each a tensor of its own, as the other stages' losses.
def correct_step_loss(
    corrector: Corrector,
    networks: Networks,
    latent: Tensor,
    mask: Tensor,
    hint: Tensor,
    hint_mask: Tensor,
    lengths: Tensor,
    jerk: Tensor,
    mean: Tensor,
    std: Tensor,
    weights: Mapping[str, float],
    latent_mask: Tensor | None = None,
) -> dict[str, Tensor]:
    """Means over the model's passes of the terms ``control`` (metres), ``drift`` (of the latent), ``standing`` (m/s),
    ``jerk`` (1000 m/s^3, what is above the captured motion's own) and ``bones`` (metres), each times its weight, and
    their sum ``loss``.

    latent (B, N, D): the model's answer; mask (B, T); hint (B, T, J, 3) metres with hint_mask (B, T, J); lengths (B,
    J): of the bone that ends in each joint, metres; jerk (B,): of the captured motion; mean, std (F,). A pass starts
    where the one before it ended.
    """
    asked = hint_mask[..., None].expand(*hint_mask.shape, 3)
    passes: list[dict[str, Tensor]] = []
    present = latent
    with torch.no_grad():
        vectors = networks.decode(present, mask) * std + mean
    for _ in range(networks.config.corrector_passes):
        corrected = present + correction(corrector, present, vectors, mask, hint, asked)
        vectors = networks.decode(corrected, mask) * std + mean
        joints = feature_set.features_to_joints(vectors)
        contacts = vectors[..., feature_set.FOOT_CONTACTS]
        standing = motion_terms(joints, joints.detach(), mask, contacts)
        bones = (joints - joints[:, :, list(_PARENTS)]).square().sum(-1).clamp(min=1e-8).sqrt()[:, :, 1:]
        passes.append(
            {
                "control": _misses(joints, hint, hint_mask),
                "drift": masked_latent_mean((corrected - latent).square(), latent_mask),
                "standing": standing["standing"],
                "jerk": (mean_jerk(joints, mask) - jerk).clamp(min=0).mean(),
                "bones": masked_mean((bones - lengths[:, None, 1:]).abs(), mask),
                f"{COUNT}standing": standing[f"{COUNT}standing"],
            }
        )
        present, vectors = corrected.detach(), vectors.detach()
    means = {name: torch.stack([terms[name] for terms in passes]).mean() for name in passes[0]}
    # A ratio of sums over all passes, so that parts of a batch can be added up.
    stands = torch.stack([terms[f"{COUNT}standing"] for terms in passes])
    slides = torch.stack([terms["standing"] for terms in passes]) * stands.clamp(min=1)
    means["standing"] = slides.sum() / stands.sum().clamp(min=1)
    terms = sum_of({name: weight * means[name] for name, weight in weights.items()})
    return terms | {f"{COUNT}standing": stands.sum()}


def _misses(joints: Tensor, hint: Tensor, hint_mask: Tensor) -> Tensor:
    """Mean over samples of the mean distance along an axis at the hints; 0 for a sample without any."""
    distance = (joints - hint).abs().mean(-1) * hint_mask
    return (distance.sum((1, 2)) / hint_mask.sum((1, 2)).clamp(min=1)).mean()


_PARENTS = tuple(max(0, parent) for parent in SKELETON.parents)


def mean_jerk(joints: Tensor, mask: Tensor) -> Tensor:
    """(B,) 1000 m/s^3: mean over joints and frames of the third derivative's length, of joints (B, T, J, 3)."""
    jerk = joints.diff(n=3, dim=1).norm(dim=-1).mean(-1) * FPS**3 / 1000
    return (jerk * mask[:, 3:]).sum(1) / mask[:, 3:].sum(1).clamp(min=1)


def bone_lengths(joints: Tensor) -> Tensor:
    """(B, J) metres: the bone that ends in each joint, in the first frame of joints (B, T, J, 3); 0 for the pelvis."""
    return (joints[:, 0] - joints[:, 0, list(_PARENTS)]).norm(dim=-1)


def led_aside(hints: Tensor, generator: torch.Generator, share: float = LEAD) -> Tensor:
    """``hints`` (B, T, J, 3), of which a ``share`` of the samples is led smoothly to somewhere else, all joints alike;
    on the ground from where they start.
    """
    led = hints.clone()
    batch, frames = hints.shape[:2]
    draw = torch.rand(batch, 2, generator=generator).tolist()
    noise = torch.randn(batch, frames, 3, generator=generator).double().numpy()
    for sample_, (chosen, width) in enumerate(draw):
        if chosen >= share:
            continue
        sigma = _SMOOTH[0] + width * (_SMOOTH[1] - _SMOOTH[0])
        way = gaussian_filter1d(noise[sample_], sigma, axis=0, mode="nearest")
        way /= way.std(0, keepdims=True) + 1e-6
        way[:, [0, 2]] -= way[0, [0, 2]]
        led[sample_] += torch.from_numpy(way * LED_BY).to(hints)[:, None]
    return led


@dataclass(frozen=True, eq=False)
class CorrectDraws:
    """Random draws of the stage: motions, hints, and the noise, steps and guidance that the model answers with."""

    run: Run
    sampler: LatentSampler

    def __call__(self, generator: torch.Generator, step: int) -> Batch:
        recipe = self.run.recipe
        batch = self.sampler.draw(generator, step, recipe.control_text_dropout)
        joints = joints_of(batch["features"], *self.run.statistics)
        hint = drawn_hints(joints, batch["mask"], recipe.drawn_share, generator)
        size, shape = len(joints), batch["eps"].shape
        count = STEPS[int(torch.randint(0, len(STEPS), (1,), generator=generator))]
        low, high = recipe.guidance_range
        guidance = 1 + low + (high - low) * float(torch.rand(1, generator=generator))
        led = float(torch.rand(1, generator=generator)) >= FREE
        return batch | {
            "hint": led_aside(hint, generator),
            "hint_mask": recipe.control_task.draw(batch["mask"], generator) & led,
            "lengths": bone_lengths(joints),
            "jerk": mean_jerk(joints, batch["mask"]),
            "start": torch.randn(shape, generator=generator),
            "step_noise": torch.randn((size, max(STEPS) - 1, *shape[1:]), generator=generator),
            "steps": torch.full(
                (size,), count
            ),  # one number for all, as many as there are samples: see loop/batch_split.py
            "guidance": torch.full((size,), guidance),
        }


@torch.no_grad()
def answer(networks: Networks, part: Batch, hints: tuple[Tensor, Tensor], uncond: Tensor) -> Tensor:
    """The latent (B, N, D) that the model answers a part of a batch with; uncond (1, 1, W): the empty text's."""
    encoder = networks.trajectory_encoder
    assert encoder is not None
    mean, std = (value.to(part["hint"]) for value in hints)
    normalised = (part["hint"] - mean) / std * part["hint_mask"][..., None]
    *_, latent = sample(
        networks,
        part["text"],
        num_inference_steps=int(part["steps"][0]),
        guidance_scale=float(part["guidance"][0]),
        latent=part["start"],
        step_noise=list(part["step_noise"].unbind(1)),
        control_embedding=encoder(normalised, part["hint_mask"]) if part["hint_mask"].any() else None,
        latent_mask=latent_mask_of(networks.vae, part["mask"]),
        uncond_embedding=uncond,
    )
    return latent


def train(run: Run, max_minutes: float | None = None) -> Corrector:
    """Run the stage (or what is left of it) in ``run.folder``."""
    stage, model = run.recipe.correct, base_config(run.recipe)
    sampler, held_out = (
        LatentSampler(run, stage, device, split) for device, split in ((run.device, "train"), (CPU, "val"))
    )
    denoiser = load_base(run).requires_grad_(False).to(run.device).eval()
    parts: ControlParts = load_exported(run.folder / "control.pt", build_parts(model), run.recipe.control.use)
    parts = parts.requires_grad_(False).to(run.device).eval()
    hints = hint_statistics(run)
    networks = assemble(run, sampler.vae.eval(), denoiser, parts, hints)
    torch.manual_seed(run.seed)
    corrector = Corrector(model)

    def loss(module: Corrector, part: Batch) -> dict[str, Tensor]:
        mean, std = (value.to(part["mask"].device) for value in run.statistics)
        latent = answer(networks, part, hints, sampler.uncond)
        return correct_step_loss(
            module, networks, latent, part["mask"], part["hint"], part["hint_mask"],
            part["lengths"], part["jerk"], mean, std, stage.weights, latent_mask_of(networks.vae, part["mask"]),
        )  # fmt: skip

    def validate(module: Corrector) -> dict[str, float]:
        whole = assemble(run, held_out.vae, on_cpu(denoiser), on_cpu(parts), hints, module)
        return quick_control_figures(whole, run.validation, run.texts, sampler.embeddings)

    task = Task(
        "correct", stage, corrector, CorrectDraws(run, sampler), loss, validate, ("pelvis_cm", "keys5_cm"),
        lambda batch: sampler.token_counts(batch, "drift"),
    )  # fmt: skip
    return run_task(task, run.folder, run.seed, max_minutes, run.recipe.mixed_precision, run.swanlab)


if __name__ == "__main__":
    command_line(train, "Stage 5: train the corrector")
