# SPDX-License-Identifier: GPL-3.0-or-later
"""Move a sampled latent onto the goals of its joints: Gauss-Newton in the latent, for time-local latents.

The decoder of the patch layout is a linear code plus a small correction, and joints are smooth functions of its
features, so hitting the hints is a well-conditioned least-squares problem. Each step minimises

    sum of squared residuals / 2 + prior |z + d - z0|^2 / 2 + damping |d|^2 / 2

over the move d of the latent. The residuals are the true ones (full decoder); their derivative is taken through the
features exactly and through the decoder's linear part, which costs no pass through the network for each hint; what a
step shows of the network's own part is added to it token by token (Broyden 1965, "good" update). The solve runs along
the chain of tokens (``riccati.py``), so that all 22 joints in all frames cost little more than a path.

The prior is the variance of a residual that is taken for granted. A path in all frames is nearly within what latents
can say; the more joints have hints, the less they can, and the further they would go astray in trying.

Shapes: T frames, J = 22 joints, F = 263 features, P frames a patch, N tokens, D latent width, U features in use.
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
from .goals import Goals
from .quadratic_cost import QuadraticCost
from .riccati import feature_columns, half_yaw, linearize_chain, solve_chain, split_patches

PRIOR_M2 = 1.2e-6  # a squared standard deviation: the cost of leaving the sampled latent, for one joint a frame
CROWDING_EXPONENT = 1.9  # of the joints with hints in a frame, by which the prior grows
SMALL_STEP = 0.01  # of a token, below which little is learned: the decoder's rounding would be taken for slopes
REFINING_STEPS = 16
STALL_SHARE, PATIENCE_STEPS = 0.95, 3  # it stops after so many steps in a row that each leave more of the cost
_STEP_LENGTHS = (1.0, 0.5, 0.25, 0.1)
_FIRST_DAMPING = 1e-3
TOLERANCE_M = 5e-4  # mean residual at which refining stops
HEIGHT_WEIGHT = 0.05  # of pelvis and feet leaving their heights beside a residual: a kick lifts one foot, not the body
KICK_FRAMES = 10  # before and after a hint of a leg in which it moves there
_LEGS = {
    SKELETON.index(f"{side}_foot"): SKELETON.indices(*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot")))
    for side in ("left", "right")
}


def can_refine(networks: Networks) -> bool:
    """Whether this model's latents are time-local, which :func:`refine` needs."""
    return isinstance(networks.vae, PatchVae)


# Eight parameters: what is refined, onto what, and four ways to end it or hold it back, all named.
def refine(
    networks: Networks,
    latent: Tensor,
    mask: Tensor,
    goals: Goals,
    *,
    steps: int = REFINING_STEPS,
    prior: float | None = None,
    tolerance: float = TOLERANCE_M,
    budget: float | None = None,
) -> Iterator[Tensor]:
    """Yield the best latent (1, N, D) so far after each step; the last one is the result, and there is at least one.

    mask (1, T) frames; ``goals`` in the canonical frame (:func:`.goals.hint_goals` for hints alone). ``prior`` follows
    from them if None. It ends after ``steps``, when the mean residual is below ``tolerance`` metres, when little is
    gained any more, or after ``budget`` seconds. A step that does not lower the squares is taken back and tried shorter
    (Levenberg-Marquardt); what is yielded never misses by more, on average, than what was there before.
    """
    began = time.perf_counter()
    problem = _Problem(networks, latent, mask, goals, prior)
    current = nearest = problem.first
    damping, stalled = 0.0, 0
    for _ in range(steps):
        if nearest.residual >= tolerance:
            step = problem.step(current, damping)
            # Far from the hints the heading makes the problem bend: a shorter step the same way is cheap to try.
            for length in _STEP_LENGTHS:
                tried = problem.decode(current.latent + length * step)
                if tried.cost < current.cost:
                    break
            problem.learn(length * step, tried.features - current.features)
            gained = tried.cost < STALL_SHARE * current.cost
            stalled = 0 if gained else stalled + 1
            if tried.cost < current.cost:
                current, damping = tried, damping / 10
            if not gained:
                damping = max(10 * damping, _FIRST_DAMPING)
            nearest = min(nearest, current, key=lambda decoded: decoded.residual)
        yield torch.from_numpy(nearest.latent[None]).to(latent) * problem.scale
        late = budget is not None and time.perf_counter() - began > budget
        if nearest.residual < tolerance or stalled >= PATIENCE_STEPS or late:
            return


def prior_for(goals: Goals) -> float:
    """The cost of leaving the sampled latent for ``goals``, in m^2 a squared standard deviation."""
    requested = goals.required.sum() + sum(target.num_frames for target in goals.relative)
    return PRIOR_M2 * max(requested / len(goals.hint), 1.0) ** CROWDING_EXPONENT


def broyden_update(code: np.ndarray, step: np.ndarray, moved: np.ndarray) -> None:
    """Change the derivative ``code`` (N, P, U, D) in place by the least that explains that a ``step`` (N, D) has
    ``moved`` the features (N, P, U).
    """
    surprise = moved - (code @ step[:, None, :, None])[..., 0]
    code += surprise[..., None] * (step / ((step**2).sum(1, keepdims=True) + SMALL_STEP**2))[:, None, None]


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A latent (N, D) and what it decodes to; the mean residual in metres, and the cost that a step lowers."""

    latent: np.ndarray
    features: np.ndarray
    joints: np.ndarray
    yaw: np.ndarray
    residual: float
    cost: float


class _Problem:
    """What latents decode to, what that costs, and which step lowers it; ``first``: the latent that was sampled."""

    def __init__(
        self, networks: Networks, latent: Tensor, mask: Tensor, goals: Goals, prior: float | None = None
    ) -> None:
        vae, statistics = networks.vae, networks.statistics
        assert isinstance(vae, PatchVae) and statistics is not None  # can_refine() has looked
        self.networks, self.mask, self.goals = networks, mask, goals
        self.prior = prior_for(goals) if prior is None else prior
        self.scale = networks.config.vae_scale_factor
        self.patch = vae.patch_size
        self.weight = vae.decoder_linear.weight
        self.mean, self.std = (
            np.asarray(value, np.float64) for value in (statistics.feature_mean, statistics.feature_std)
        )
        self.start = (latent[0] / self.scale).double().cpu().numpy()
        self.ground: _GroundHeights | None = None
        self.first = self.decode(self.start)
        if not goals.requested[:, 0, 1].any():
            self.ground = _GroundHeights.of(self.first.joints, goals)
            self.first = replace(self.first, cost=self.first.cost + self.ground.cost(self.first.joints))
        self.columns = feature_columns(sorted({*goals.joints, *(self.ground.joints if self.ground else ())}))
        code = self.weight.detach().double().cpu().numpy().reshape(vae.patch_size, vae.num_features, -1)
        self.code = np.repeat((code * self.std[:, None])[None, :, self.columns], len(self.start), 0)

    def decode(self, latent: np.ndarray) -> _Decoded:
        """What ``latent`` (N, D) decodes to."""
        with torch.no_grad():
            decoded = self.networks.decode_unscaled(torch.from_numpy(latent[None]).to(self.weight), self.mask)[0]
        features = decoded.double().cpu().numpy() * self.std + self.mean
        joints, yaw = feature_set.features_to_joints(features), -2 * half_yaw(features)
        residuals = self.goals.residuals(joints, yaw)
        residual = float(residuals.mean()) if len(residuals) else 0.0
        left = latent - self.start
        cost = float((residuals**2).sum() + self.prior * (left**2).sum())
        if self.ground is not None:
            cost += self.ground.cost(joints)
        return _Decoded(latent, features, joints, yaw, residual, cost)

    def step(self, current: _Decoded, damping: float) -> np.ndarray:
        """The Gauss-Newton step (N, D) from ``current``."""
        cost = self.goals.linearize(current.joints, current.yaw)
        if self.ground is not None:
            cost = self.ground.add_to(cost, current.joints)
        chain = linearize_chain(current.features, self.code, cost.joints)
        return solve_chain(chain, cost, current.latent - self.start, self.prior + damping, self.prior)

    def learn(self, step: np.ndarray, moved: np.ndarray) -> None:
        """Learn from a ``step`` (N, D) that has ``moved`` the features (T, F)."""
        broyden_update(self.code, step, split_patches(moved[:, self.columns], self.patch))


@dataclass(frozen=True, eq=False)
class _GroundHeights:
    """What keeps a body on the ground whose height no hint gives: the ``height`` (T, G) that ``joints`` keep, and the
    ``weight`` (T, G) of that.
    """

    joints: list[int]
    height: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, joints: np.ndarray, goals: Goals) -> _GroundHeights:
        """The pelvis's height in ``joints`` (T, J, 3), and that of a leg's toes while the other leg has a hint."""
        busy = [dilate(goals.requested.any(-1)[:, leg].any(1), KICK_FRAMES) for leg in _LEGS.values()]
        weight = np.stack([np.ones(len(joints), bool), busy[1] & ~busy[0], busy[0] & ~busy[1]], 1)
        which = [0, *_LEGS] if weight[:, 1:].any() else [0]
        height = joints[:, which, 1]
        height[:, 0] = np.minimum(height[:, 0], SKELETON.standing_height)
        return cls(which, height, HEIGHT_WEIGHT * weight[:, : len(which)])

    def cost(self, joints: np.ndarray) -> float:
        return float((self.weight * (joints[:, self.joints, 1] - self.height) ** 2).sum())

    def add_to(self, cost: QuadraticCost, joints: np.ndarray) -> QuadraticCost:
        """The ``cost`` around ``joints`` (T, J, 3), and that of leaving the heights."""
        total = cost.embed(sorted({*self.joints, *cost.joints}))
        for joint, height, weight in zip(self.joints, self.height.T, self.weight.T, strict=True):
            total.add(joint, [1], (joints[:, joint, 1] - height)[:, None], weight[:, None])
        return total
