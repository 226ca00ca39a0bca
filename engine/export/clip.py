# SPDX-License-Identifier: GPL-3.0-or-later
"""One finished motion and its targets: all that an exporter needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from blender_addon.shared.errors import ExportError
from blender_addon.shared.skeleton import FPS, SKELETON

FPS_MAX = 1000


@dataclass(frozen=True, eq=False)
class ExportClip:
    """A motion of T frames in model axes (metres, Y up, facing +Z at rest).

    ``joints`` (T,22,3); ``hint`` (T,22,3) and ``hint_mask`` (T,22) are the target points and where there are any, or
    None for both without targets; with ``free_height`` the height of the pelvis is not one.
    """

    joints: np.ndarray
    fps: float = FPS
    prompt: str = ""
    seed: int | None = None
    model: str = ""
    hint: np.ndarray | None = None
    hint_mask: np.ndarray | None = None
    free_height: bool = False
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def num_frames(self) -> int:
        return len(self.joints)

    @property
    def seconds(self) -> float:
        return self.num_frames / self.fps

    def validate(self) -> ExportClip:
        """The clip itself; raises ExportError when it is not finite (T,22,3) positions at a positive rate."""
        if self.joints.ndim != 3 or self.joints.shape[1:] != (SKELETON.num_joints, 3) or not len(self.joints):
            raise ExportError(
                f"A motion must have shape (frames, {SKELETON.num_joints} joints, 3); this has {self.joints.shape}.",
                "Use `gaitway convert` for files of other tools: it knows their shapes.",
            )
        if not np.isfinite(self.joints).all():
            raise ExportError(
                "The motion contains positions that are not finite numbers.",
                "Generate it again with another seed, or convert the original file again.",
            )
        if not 0 < self.fps <= FPS_MAX:
            raise ExportError(
                f"{self.fps} is not a valid number of frames per second.",
                f"Give a rate above 0 and up to {FPS_MAX}; the models use 20.",
            )
        return self
