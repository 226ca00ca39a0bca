# SPDX-License-Identifier: GPL-3.0-or-later
"""What one variation asks of one window, as the networks are told it.

Shapes: T frames of the window, J = 22 joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from blender_addon.shared.control import CanonicalFrame, ControlSignal
from blender_addon.shared.protocol import Generate
from blender_addon.shared.skeleton import SKELETON

from .timeline import Context

_PELVIS = SKELETON.index("pelvis")


@dataclass(frozen=True, eq=False)
class Asked:
    """The request for a window, the canonical frame in which it starts, and what it sees of its surroundings."""

    request: Generate
    frame: CanonicalFrame
    context: Context

    @property
    def signal(self) -> ControlSignal:
        return ControlSignal(self.request.hint, self.request.hint_mask, self.request.free_height)

    @property
    def leads(self) -> bool:
        """Whether the way is given."""
        return bool(self.signal.hint_mask[:, _PELVIS].any()) or self.context.arrives

    @property
    def shown(self) -> ControlSignal:
        """The hints that the networks see. Without a path, hints that end with the known frames would read as standing
        still from there on.
        """
        return self.context.add_hints(self.signal, [_PELVIS]) if self.leads else self.signal

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The shown hints (1, T, J, 3) in the canonical frame, their mask (1, T, J), and which of their coordinates are
        asked for (1, T, J, 3).
        """
        shown = self.shown
        hint = torch.from_numpy(self.frame.to_model(shown.hint)).float()[None]
        mask, coordinates = (torch.from_numpy(values)[None] for values in (shown.hint_mask, shown.coordinates))
        return hint, mask, coordinates

    def frames(self, device: torch.device, count: int = 1) -> Tensor:
        """A mask (count, T) for motions that all are as long as the window."""
        return torch.ones(count, self.request.num_frames, dtype=torch.bool, device=device)
