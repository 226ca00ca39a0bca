# SPDX-License-Identifier: GPL-3.0-or-later
"""Move a sampled latent onto what is asked of the joints: Gauss-Newton in the latent, for time-local latents.

The decoder of the patch layout is a linear code plus a small correction, and joints are smooth functions of its
features, so hitting the hints is a well-conditioned least-squares problem. Each step minimises

    sum of squared misses / 2 + prior |z + d - z0|^2 / 2 + damping |d|^2 / 2

over the move d of the latent. The misses are the true ones (full decoder); their derivative is taken through the
features exactly and through the decoder's linear part, which costs no pass through the network for each hint; what a
step shows of the network's own part is added to it token by token (Broyden 1965, "good" update). The solve runs along
the chain of tokens (``chain.py``), so that all 22 joints in all frames cost little more than a path.

The prior is the variance of a miss that is taken for granted. A path in all frames is nearly within what latents can
say; the more joints are asked for, the less they can, and the further they would go astray in trying.

Shapes: T frames, J = 22 joints, F = 263 features, P frames a patch, N tokens, D latent width.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared.series import dilate
from blender_addon.shared.skeleton import SKELETON

from ..checkpoints.networks import Networks
from ..models.patch_vae import PatchVae
from .goals import Goals, QuadraticCost
from .riccati import feature_columns, linearize_chain, solve, split_patches

PRIOR = 1.2e-6  # m^2 a squared standard deviation: how dear it is to leave the sampled latent for one joint a frame
SMALL_STEP = 0.01  # of a token, below which little is learned: the decoder's rounding would be taken for slopes
CROWDED = 1.9  # power of the joints asked for in a frame by which it grows
STEPS = 16
STALL, PATIENCE = 0.95, 3  # refining stops when so many steps in a row each leave more than this share of the cost
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.1)
FIRST_DAMPING = 1e-3
TOLERANCE = 5e-4  # metres; mean miss at which refining stops
HEIGHT_WEIGHT = 0.05  # of pelvis and feet leaving their heights beside a miss: a foot that kicks shall lift no more
KICK = 10  # frames before and after a hint of a leg in which it is on its way
_LEGS = {
    SKELETON.index(f"{side}_foot"): SKELETON.indices(*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot")))
    for side in ("left", "right")
}


def can_refine(networks: Networks) -> bool:
    """Whether this model's latents are time-local, which :func:`refine` needs."""
    return isinstance(networks.vae, PatchVae)


def refine(
    networks: Networks,
    latent: Tensor,
    mask: Tensor,
    goals: Goals,
    *,
    steps: int = STEPS,
    prior: float | None = None,
    tolerance: float = TOLERANCE,
    budget: float | None = None,
) -> Iterator[Tensor]:
    """Yield the best latent (1, N, D) so far after each step; the last one is the result, and there is at least one.

    mask (1, T) frames; ``goals`` in the canonical frame, ``prior`` follows from them if None. It ends
    after ``steps``, when the mean miss is below ``tolerance`` metres, when little is gained any more, or after
    ``budget`` seconds. A step that does not lower the squares is taken back and tried shorter (Levenberg-Marquardt);
    what is yielded never misses by more, on average, than what was there before.
    """
    began = time.perf_counter()
    vae, statistics = networks.vae, networks.statistics
    assert isinstance(vae, PatchVae) and statistics is not None  # can_refine() has looked
    prior = prior_for(goals) if prior is None else prior
    scale = networks.config.vae_scale_factor
    weight = vae.decoder_linear.weight
    mean, std = (np.asarray(value, np.float64) for value in (statistics.feature_mean, statistics.feature_std))
    code = weight.detach().double().cpu().numpy().reshape(vae.patch_size, vae.num_features, -1) * std[:, None]

    def look(z: np.ndarray) -> _Seen:
        with torch.no_grad():
            decoded = networks.decode_unscaled(torch.from_numpy(z[None]).to(weight), mask)[0]
        vectors = decoded.double().cpu().numpy() * std + mean
        joints, yaw = feature_set.features_to_joints(vectors), heading_angles(vectors)
        misses = goals.residuals(joints, yaw)
        miss = float(misses.mean()) if len(misses) else 0.0
        left = z - start
        cost = float((misses**2).sum() + prior * (left**2).sum())
        if ground is not None:
            cost += ground.cost(joints)
        return _Seen(z, vectors, joints, yaw, miss, cost)

    start, ground = (latent[0] / scale).double().cpu().numpy(), None
    at = look(start)
    if not goals.asked[:, 0, 1].any():
        ground = _Ground.of(at.joints, goals)
        at = replace(at, cost=at.cost + ground.cost(at.joints))
    nearest = at
    used = feature_columns(sorted({*goals.joints, *(ground.joints if ground is not None else ())}))
    code = np.repeat(code[None, :, used], len(start), 0)
    damping, stalled = 0.0, 0
    for _ in range(steps):
        if nearest.miss >= tolerance:
            pull = goals.linearize(at.joints, at.yaw)
            if ground is not None:
                pull = ground.pull_too(pull, at.joints)
            chain = linearize_chain(at.vectors, code, pull.joints)
            step = solve(chain, pull.gradient, pull.matrix, at.latent - start, prior + damping, prior)
            # Far from the hints the heading makes the problem bend: a shorter step on the same way is cheap to try.
            for length in STEP_LENGTHS:
                tried = look(at.latent + length * step)
                if tried.cost < at.cost:
                    break
            _learn(code, length * step, split_patches((tried.vectors - at.vectors)[:, used], vae.patch_size))
            gained = tried.cost < STALL * at.cost
            stalled = 0 if gained else stalled + 1
            if tried.cost < at.cost:
                at, damping = tried, damping / 10
            if not gained:
                damping = max(10 * damping, FIRST_DAMPING)
            nearest = min(nearest, at, key=lambda seen: seen.miss)
        yield torch.from_numpy(nearest.latent[None]).to(latent) * scale
        late = budget is not None and time.perf_counter() - began > budget
        if nearest.miss < tolerance or stalled >= PATIENCE or late:
            return


def prior_for(goals: Goals) -> float:
    """How dear it is to leave the sampled latent for ``goals``, in m^2."""
    asked = goals.insisted.sum() + sum(target.num_frames for target in goals.relative)
    return PRIOR * max(asked / len(goals.hint), 1.0) ** CROWDED


def _learn(code: np.ndarray, step: np.ndarray, moved: np.ndarray) -> None:
    """Change the derivative ``code`` (N, P, U, D) in place by the least that tells of a ``step`` (N, D) that it has
    ``moved`` the features (N, P, U).
    """
    surprise = moved - (code @ step[:, None, :, None])[..., 0]
    code += surprise[..., None] * (step / ((step**2).sum(1, keepdims=True) + SMALL_STEP**2))[:, None, None]


@dataclass(frozen=True, eq=False)
class _Seen:
    """A latent (N, D) and what it decodes to; the mean miss in metres, and the cost that a step lowers."""

    latent: np.ndarray
    vectors: np.ndarray
    joints: np.ndarray
    yaw: np.ndarray
    miss: float
    cost: float


@dataclass(frozen=True, eq=False)
class _Ground:
    """What keeps a body on the ground whose height nobody has asked for: the ``height`` (T, G) that ``joints`` shall
    have, and the ``weight`` (T, G) of that.
    """

    joints: list[int]
    height: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, joints: np.ndarray, goals: Goals) -> _Ground:
        """The pelvis's height in ``joints`` (T, J, 3), and that of a leg's toes while the other leg is asked for."""
        busy = [_around(goals.asked.any(-1)[:, leg].any(1)) for leg in _LEGS.values()]
        weight = np.stack([np.ones(len(joints), bool), busy[1] & ~busy[0], busy[0] & ~busy[1]], 1)
        which = [0, *_LEGS] if weight[:, 1:].any() else [0]
        height = joints[:, which, 1]
        height[:, 0] = np.minimum(height[:, 0], SKELETON.standing_height)
        return cls(which, height, HEIGHT_WEIGHT * weight[:, : len(which)])

    def cost(self, joints: np.ndarray) -> float:
        return float((self.weight * (joints[:, self.joints, 1] - self.height) ** 2).sum())

    def pull_too(self, pull: QuadraticCost, joints: np.ndarray) -> QuadraticCost:
        """The pull, and that onto the heights."""
        together = sorted({*self.joints, *pull.joints})
        place = {joint: 3 * i for i, joint in enumerate(together)}
        own = np.array([place[joint] + axis for joint in pull.joints for axis in range(3)], int)
        gradient = np.zeros((len(joints), 3 * len(together)))
        matrix = np.zeros((len(joints), 3 * len(together), 3 * len(together)))
        gradient[:, own], matrix[:, own[:, None], own] = pull.gradient, pull.matrix
        for joint, height, weight in zip(self.joints, self.height.T, self.weight.T, strict=True):
            up = place[joint] + 1
            gradient[:, up] += weight * (joints[:, joint, 1] - height)
            matrix[:, up, up] += weight
        return QuadraticCost(together, gradient, matrix)


def _around(frames: np.ndarray) -> np.ndarray:
    """(T,) bool: those of ``frames`` (T,) bool and their neighbours, as far as a kick goes."""
    return dilate(frames, KICK)


def heading_angles(vectors: np.ndarray) -> np.ndarray:
    """Radians (T,) about +Y that the body of the features ``vectors`` (T, F) faces; 0 faces +Z."""
    return -2 * np.concatenate([[0.0], np.cumsum(vectors[:-1, feature_set.YAW_VELOCITY][:, 0])])
