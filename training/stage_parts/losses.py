# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses the stages share. Pure functions of tensors; random draws are arguments.

Shapes: B batch, T frames, J = 22 joints, F = 263 features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.models.controlnet import ControlNet
from engine.models.denoiser import Denoiser

from ..loop.batch_split import COUNT

_FEET = SKELETON.indices("left_ankle", "left_foot", "right_ankle", "right_foot")

_TOES = (1, 3)  # of _FEET, and of the four contacts
_LOW, _LOW_WIDTH = 0.05, 0.01  # metres: a toe below counts as standing where it is believed in contact

# How much a group of normalised features counts in the principal components, and in the patch layout's feature loss.
CODE_WEIGHTS = (
    (feature_set.YAW_VELOCITY, 3.0),
    (feature_set.GROUND_VELOCITY, 3.0),
    (feature_set.ROOT_HEIGHT, 1.0),
    (feature_set.JOINT_POSITIONS, 1.0),
    (feature_set.JOINT_ROTATIONS, 0.0),
    (feature_set.JOINT_VELOCITIES, 0.3),
    (feature_set.FOOT_CONTACTS, 0.3),
)

MOTION_TERMS = {"pose", "path", "speed", "acceleration", "planted", "standing"}

ELEMENTWISE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": lambda a, b: functional.l1_loss(a, b, reduction="none"),
    "l1_smooth": lambda a, b: functional.smooth_l1_loss(a, b, reduction="none"),
    "l2": lambda a, b: functional.mse_loss(a, b, reduction="none"),
}


def group_weights(groups: Iterable[tuple[slice, float]]) -> Tensor:
    """(F,): a weight for each feature from weights for groups of them."""
    weight = torch.ones(feature_set.NUM_FEATURES)
    for group, value in groups:
        weight[group] = value
    return weight


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the last axis of (B, T, C), then over each sample's real frames, then over the batch."""
    per_frame = values.mean(-1) * mask
    return (per_frame.sum(1) / mask.sum(1).clamp(min=1)).mean()


def control_loss(source: Tensor, target: Tensor, mask: Tensor, kind: str, function: str) -> Tensor:
    """Error at the controlled points of (B, T, J, C) or (B, T, C), mask (..., 1).

    ``kind``: 'sum' total over all points / number of points; 'sum_mask' the same ratio a sample, then the mean; 'mask'
    a sample's sum / (its points x C), then the mean. The latter two are NaN when a sample has no controlled point,
    as in the published work. ``function``: 'l1', 'l1_smooth' (beta 1) or 'l2' elementwise.
    """
    values = ELEMENTWISE[function](source, target)
    mask = mask.to(values.dtype)
    axes = tuple(range(1, values.ndim))
    if kind == "sum":
        return (values.sum(-1, keepdim=True) * mask).sum() / mask.sum()
    if kind == "sum_mask":
        return ((values.sum(-1, keepdim=True) * mask).sum(axes) / mask.sum(axes)).mean()
    if kind == "mask":
        return ((values * mask).sum(axes) / (mask.sum(axes) * values.shape[-1])).mean()
    raise ValueError(f"unknown kind of control loss: {kind!r}")


@dataclass(frozen=True)
class ControlLossConfig:
    """``kind`` and ``function``: see :func:`control_loss`. ``use_3d``: compare metres with the
    denormalised hint (V2, spatial), else normalised joints with the normalised hint (V1, temporal). ``motion_weights``:
    the small recipe's terms of :func:`motion_terms`.
    """

    kind: str = "mask"
    function: str = "l1_smooth"
    use_3d: bool = True
    cond_ratio: float = 1.0
    rot_ratio: float = 0.0
    latent_weight: float = 1.0
    motion_weights: Mapping[str, float] = field(default_factory=dict)


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """Kullback-Leibler divergence of N(mu, exp(logvar)) from N(0, 1), mean over all elements."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean()


def joints_of(features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Joints (B, T, J, 3) in metres of normalised features (B, T, F)."""
    return feature_set.features_to_joints(features * std + mean)


def motion_terms(joints: Tensor, target: Tensor, mask: Tensor, contacts: Tensor | None = None) -> dict[str, Tensor]:
    """How far ``joints`` (B, T, J, 3) move unlike ``target``: pose, path, joint velocity and acceleration, and feet
    that slide while planted.

    ``pose``: smooth-L1 (beta 2 cm) of joints seen from the pelvis; ``path``: smooth-L1 (beta 5 cm) of the pelvis;
    ``speed``: smooth-L1 (beta 0.5 m/s) of joint velocities; ``acceleration``: smooth-L1 (beta 5 m/s^2) of theirs, which
    a code that smooths loses first; ``planted``: mean speed (m/s) of the feet where the
    target's feet hardly move; ``standing``, given the motion's own ``contacts`` (B, T, 4): see :func:`_standing`.
    """
    path = functional.smooth_l1_loss(joints[:, :, 0], target[:, :, 0], reduction="none", beta=0.05)
    velocity, wanted = joints.diff(dim=1) * FPS, target.diff(dim=1) * FPS
    moving = mask[:, 1:] & mask[:, :-1]
    speed = functional.smooth_l1_loss(velocity, wanted, reduction="none", beta=0.5)
    faster, asked = velocity.diff(dim=1) * FPS, wanted.diff(dim=1) * FPS
    acceleration = functional.smooth_l1_loss(faster, asked, reduction="none", beta=5.0)
    planted = planted_feet(target, mask).to(joints.dtype)
    slide = (velocity[:, :, _FEET].square().sum(-1) + 1e-6).sqrt()
    standing = {} if contacts is None else {**_standing(joints, velocity, contacts, moving)}
    pose = functional.smooth_l1_loss(joints - joints[:, :, :1], target - target[:, :, :1], reduction="none", beta=0.02)
    return {
        "pose": masked_mean(pose.flatten(2), mask),
        "path": masked_mean(path, mask),
        "speed": masked_mean(speed.flatten(2), moving),
        "acceleration": masked_mean(acceleration.flatten(2), moving[:, 1:] & moving[:, :-1]),
        "planted": (slide * planted).sum() / planted.sum().clamp(min=1),
        **standing,
    }


def planted_feet(target: Tensor, mask: Tensor) -> Tensor:
    """(B, T-1, 4) bool: from which frame to the next which foot of ``target`` hardly moves."""
    speed = (target.diff(dim=1) * FPS)[:, :, _FEET].norm(dim=-1)
    moving = mask[:, 1:] & mask[:, :-1]
    return (speed < feature_set.CONTACT_SPEED * FPS * 0.5) & moving[..., None]


def router_term(network: object) -> dict[str, Tensor]:
    """``router``: the load-balancing loss of the last call's mixtures of experts; nothing without them."""
    value = network.router_loss() if isinstance(network, (Denoiser, ControlNet)) else None
    return {} if value is None else {"router": value}


def sum_of(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """``terms`` and their sum ``loss``."""
    return terms | {"loss": torch.stack(list(terms.values())).sum()}


def _standing(joints: Tensor, velocity: Tensor, contacts: Tensor, moving: Tensor) -> dict[str, Tensor]:
    """Mean speed over the ground (m/s) of toes that are low and that the motion itself believes in contact, and the
    sum of these weights that the mean is over (see :mod:`training.loop.batch_split`).

    Unlike ``planted`` it does not ask for the target's steps, only that the motion's own steps do not slide.
    """
    toes = [_FEET[toe] for toe in _TOES]
    low = torch.sigmoid((_LOW - joints[:, 1:, toes, 1]) / _LOW_WIDTH)
    believed = contacts[:, 1:, list(_TOES)].clamp(0, 1) * contacts[:, :-1, list(_TOES)].clamp(0, 1)
    stands = (low * believed * moving[..., None]).detach()
    slide = (velocity[:, :, toes][..., [0, 2]].square().sum(-1) + 1e-6).sqrt()
    return {"standing": (slide * stands).sum() / stands.sum().clamp(min=1), f"{COUNT}standing": stands.sum()}


def masked_latent_mean(values: Tensor, mask: Tensor | None, weights: Tensor | None = None) -> Tensor:
    """Mean of (B, N, D) over the real tokens of mask (B, N), over everything when there is no mask; ``weights`` (D,),
    1 on average, say how much each number of a token counts.
    """
    if weights is not None:
        values = values * weights
    if mask is None:
        return values.mean()
    weight = mask[..., None].to(values.dtype).expand_as(values)
    return (values * weight).sum() / weight.sum()


def elementwise_distance(difference: Tensor, kind: str, c: float) -> Tensor:
    """Elementwise distance of distillation: pseudo-Huber with ``c``, or 'l2', the square."""
    return huber(difference, c) if kind == "huber" else difference.square()


def huber(difference: Tensor, c: float) -> Tensor:
    """Pseudo-Huber sqrt(d^2 + c^2) - c, elementwise (Song and Dhariwal 2023)."""
    return torch.sqrt(difference.square() + c * c) - c
