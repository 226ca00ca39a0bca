# SPDX-License-Identifier: GPL-3.0-or-later
"""From the motion that the model made to the one that leaves the engine.

Jumps between patches go (``patch_seams.py``); each foot gets its steps and their positions (``gait.py``,
``footprints.py``); then the body, with bones of constant length, is brought onto hints and footprints
(``fit_body.py``), and knees that came to bend backward are mirrored (``knees.py``). Every part is equivariant to
translations and rotations over the ground: it does not matter in which frame of reference a motion is finished.

Shapes: T frames, J = 22 joints. Metres, Y up, floor at Y = 0; numpy.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared.control import CanonicalFrame
from blender_addon.shared.protocol import Obstacle
from blender_addon.shared.solids import penetration

from ..control.goals import Goals, goals_of
from ..control.ground import obstacles_on_level, under_path
from ..motion_order import MotionOrder
from .fit_body import fit_body, hold_in_place
from .footprints import FootPlan, place_feet
from .knees import KNEES, mirror_backward_knees
from .on_ground import CONTACTS, LEGS, bring_onto_ground, joined_to_final, on_level_ground
from .patch_seams import remove_jumps
from .step_over import is_step_over

_HERE = CanonicalFrame(np.zeros(3), 0.0)
# Who lies or rolls is captured with joints up to some centimetres under the floor; what brings hints and feet about is
# not to push others further down.
_SINKS_M, _SINKS_MORE_M = 0.03, 0.01
_UNDERGROUND = Obstacle("box", (0.0, -10.0 - _SINKS_M, 0.0), (2000.0, 10.0, 2000.0))
_RAISING_STEPS = 6


def finish(
    order: MotionOrder,
    joints: np.ndarray,
    contacts: np.ndarray,
    seams: Sequence[int] = (),
    frozen: np.ndarray | None = None,
) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Joints (T, J, 3) as they leave the engine, and which contact joints stand (T, 4); may be abandoned wherever it
    yields.

    ``order``: for these frames, its hints where they are met, in the axes of ``joints`` (T, J, 3). contacts (T, 4):
    the model's belief 0..1. ``seams``: first frames of patches. frozen (T,) bool: frames that are final already and
    stay as they are, but for bones whose lengths are not the skeleton's. With ``order.exact`` hints are hit, else the
    hinted joints stay where refining has brought them; with ``order.plant_feet`` feet that stand do not slide.
    """
    made, contacts = np.asarray(joints, np.float64), np.asarray(contacts, np.float64)
    frozen = frozen if frozen is not None and frozen.any() else None
    if order.ground is not None and frozen is not None:
        made = np.where(frozen[:, None, None], on_level_ground(made, order.ground), made)
    smooth = remove_jumps(made, _headings(made), seams, frozen)
    yield
    hint_mask, feet, low = order.signal.hint_mask, None, set[Obstacle]()
    if order.plant_feet:
        level = obstacles_on_level(order, smooth[:, 0, [0, 2]])
        low = {given for given, one in zip(order.obstacles, level, strict=True) if is_step_over(one)}
        over = [one for one in level if is_step_over(one)]
        feet = yield from place_feet(smooth, contacts, hint_mask, frozen, over)
    if order.ground is not None:
        smooth, feet = _onto_ground(order, np.asarray(joints, np.float64), smooth, feet, frozen)
        made = smooth
    goals = goals_of(order, _HERE)
    if not order.exact:
        goals = replace(hold_in_place(goals, made), relative=(), obstacles=())
    if not order.plant_feet and (not goals or not (order.exact or order.refine)):
        return smooth, contacts > 0.5  # a preview: nothing was brought anywhere that could be kept
    yield
    high = goals
    if feet is not None:
        # Feet that walk through what lies low would be pushed out on any side: first they go where they step over it.
        high = replace(goals, obstacles=tuple(o for o in goals.obstacles if o not in low))
    for fitted in fit_body(smooth, _headings(smooth), high, feet, frozen):  # noqa: B007
        yield
    if len(high.obstacles) < len(goals.obstacles) and _touches(fitted, goals):
        before = fitted
        for fitted in fit_body(before, _headings(smooth), goals, feet, frozen):  # noqa: B007
            yield
    if feet is not None:
        free = ~hint_mask[:, KNEES] & (True if frozen is None else ~frozen[:, None])
        fitted = mirror_backward_knees(fitted, free)
        if order.ground is None and _sinks(fitted, smooth, hint_mask):
            above, before = replace(goals, obstacles=(*goals.obstacles, _UNDERGROUND)), fitted
            for fitted in fit_body(before, _headings(smooth), above, feet, frozen, _RAISING_STEPS):  # noqa: B007
                yield
    if frozen is None and not goals:
        fitted = fitted - (fitted[0, 0] - made[0, 0]) * np.array([1.0, 0.0, 1.0])  # starts where it started
    return fitted, contacts > 0.5 if feet is None else feet.in_contact


def _onto_ground(
    order: MotionOrder, final: np.ndarray, level: np.ndarray, feet: FootPlan | None, frozen: np.ndarray | None
) -> tuple[np.ndarray, FootPlan | None]:
    """The ``level`` joints (T, J, 3) and their feet on the order's ground; ``frozen`` (T,) frames as in ``final``."""
    if order.ground is None:
        return level, feet
    if feet is None:
        raised = level.copy()
        raised[..., 1] += under_path(order.ground, level[:, 0, [0, 2]])[:, None]
    else:
        unchanged = np.stack([order.signal.hint_mask[:, leg].any(1) for leg in LEGS], 1)
        if frozen is not None:
            unchanged |= frozen[:, None]
        raised, feet = bring_onto_ground(order.ground, level, feet, unchanged)
    if frozen is not None:
        raised[frozen] = final[frozen]
        if feet is not None:
            feet = joined_to_final(feet, final[:, CONTACTS], frozen)
    return raised, feet


def _sinks(joints: np.ndarray, before: np.ndarray, hint_mask: np.ndarray) -> bool:
    """Whether ``joints`` (T, J, 3) are under the floor that were not ``before``, and are not led there."""
    deepest = np.minimum(before[..., 1], -_SINKS_M)
    return bool(((joints[..., 1] < deepest - _SINKS_MORE_M) & ~hint_mask).any())


def _touches(joints: np.ndarray, goals: Goals) -> bool:
    return any(bool((penetration(obstacle, joints)[0] > 0).any()) for obstacle in goals.obstacles)


def _headings(joints: np.ndarray) -> np.ndarray:
    """Headings (T,) about +Y, continuous."""
    return np.unwrap(feature_set.yaw_of(joints))
