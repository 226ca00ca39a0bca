# SPDX-License-Identifier: GPL-3.0-or-later
"""The request of one variation for one window, as the networks are given it.

Shapes: T frames of the window, J = 22 joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from blender_addon.shared import features as feature_set
from blender_addon.shared.control import CanonicalFrame, ControlSignal
from blender_addon.shared.skeleton import SKELETON

from ..motion_order import MotionOrder
from .timeline import Context

_PELVIS = SKELETON.index("pelvis")


@dataclass(frozen=True, eq=False)
class WindowRequest:
    """The order for a window, the canonical frame in which it starts, and what it sees of its surroundings."""

    order: MotionOrder
    frame: CanonicalFrame
    context: Context

    @property
    def has_path(self) -> bool:
        """Whether it is given where the pelvis goes."""
        return bool(self.order.signal.hint_mask[:, _PELVIS].any()) or self.context.arrives

    @property
    def shown(self) -> ControlSignal:
        """The hints that the networks see. Without a path, hints that end with the known frames would read as standing
        still from there on.
        """
        signal = self.order.signal
        return self.context.add_hints(signal, [_PELVIS]) if self.has_path else signal

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The shown hints (1, T, J, 3) in the canonical frame, their mask (1, T, J), and which of their coordinates are
        requested (1, T, J, 3).
        """
        shown = self.shown
        hint = torch.from_numpy(self.frame.to_model(shown.hint)).float()[None]
        mask, coordinates = (torch.from_numpy(values)[None] for values in (shown.hint_mask, shown.coordinates))
        return hint, mask, coordinates

    def frames(self, device: torch.device, count: int = 1) -> Tensor:
        """A mask (count, T) for motions that all are as long as the window."""
        return torch.ones(count, self.order.num_frames, dtype=torch.bool, device=device)


@dataclass(frozen=True, eq=False)
class WindowJoints:
    """World ``joints`` (T + 1, J, 3) of a window and one frame more, and their ``contacts`` (T + 1, 4) 0..1."""

    joints: np.ndarray
    contacts: np.ndarray


@dataclass(frozen=True, eq=False)
class WindowMotion:
    """What was made of a :class:`WindowRequest`: ``features`` (T, 263) that start in the canonical ``frame``, and its
    hints in the frames in which they are met; ``met`` (T, J) int32 tells which frame of the window that is for each.
    ``captured``: it was found in the library, so it has no seams between a model's patches.
    """

    features: np.ndarray
    frame: CanonicalFrame
    signal: ControlSignal
    met: np.ndarray
    captured: bool = False

    @classmethod
    def of_joints(cls, found: WindowJoints, signal: ControlSignal, met: np.ndarray) -> Self:
        """What was ``found`` in the library; ``signal`` and ``met`` as above."""
        joints = found.joints
        features = feature_set.joints_to_features(feature_set.canonicalize(joints))
        features[:, feature_set.FOOT_CONTACTS] = found.contacts[:-1]
        ground = joints[0, _PELVIS] * np.array([1.0, 0.0, 1.0])
        frame = CanonicalFrame(ground, float(feature_set.yaw_of(joints)[0]))
        return cls(features, frame, signal, met, captured=True)
