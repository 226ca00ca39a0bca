# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a motion comes out on the rig: Blender evaluates the character, and we read where its bones are.

A generator, a few frames a tick, for a heavy rig takes Blender 15 ms a frame.
"""

from __future__ import annotations

from collections.abc import Generator

import bpy
import numpy as np

from .. import offscreen
from ..capture.capture import CapturedScene
from ..capture.obstacles import depths
from ..character import setup as character
from ..lookup import object_by_uid, scene_by_uid
from ..retarget.proportions import relative_targets
from ..shared import space
from ..shared.errors import RetargetError
from ..shared.skeleton import CONTACT_JOINTS
from ..takes.arrivals import Arrivals
from ..takes.faults import find_faults
from ..takes.observed import Observed, slide
from . import visible


def observe(
    captured: CapturedScene, joints: np.ndarray, contacts: np.ndarray, arrivals: Arrivals, fps: float
) -> Generator[None, None, Observed]:
    """Evaluate the character of ``captured`` at each frame of the engine's motion (``joints`` (T, 22, 3), ``contacts``
    (T, 4)) and at each control's, which are met as ``arrivals`` tell; ``fps``: the scene's.

    Raises RetargetError when the character is gone.
    """
    detour, captured = arrivals.detour_frames(captured, fps), arrivals.with_actual_timing(captured, fps)
    on_model = np.asarray(space.model_to_scene_frame(np.arange(len(contacts)), captured.start_frame, fps), np.float64)
    # In place the character is not meant to come to where its controls are, nor do its feet stand.
    in_place = character.root_motion(armature_of(captured)).in_place
    tracks = [track for track in captured.tracks if track.joint in captured.body.bones and not in_place]
    frames = np.unique(np.concatenate([on_model, *(track.frames for track in tracks)]).round(4))
    names = tuple(captured.body.bones)
    points = [(bone, captured.body.tips.get(joint, (0.0, 0.0, 0.0))) for joint, bone in captured.body.bones.items()]
    points += [(sole.bone, sole.point) for sole in captured.body.soles]
    places = yield from offscreen.world_points(lambda: armature_of(captured), points, frames)
    positions, soles = places[:, : len(names)], places[:, len(names) :]
    model_frames = np.asarray(space.scene_to_model_frame(frames, captured.start_frame, fps))
    by_joint = dict(zip(names, positions.swapaxes(0, 1), strict=True))
    errors = {}
    for track in tracks:
        rows = np.searchsorted(frames, track.frames.round(4))
        distances = track.distances(positions[rows, names.index(track.joint)]) * captured.unit_scale
        errors[track.joint] = (track.frames, distances)
    if captured.relations and not in_place:
        yaw = relative_targets.headings(joints, model_frames)
        for relation in captured.relations:
            errors |= _relative_errors(relation, frames, by_joint, yaw, captured)
    standing = (np.asarray(contacts, bool) & (not in_place))[
        np.searchsorted(on_model, frames + 1e-3, side="right").clip(1) - 1
    ]
    slides = np.stack(
        [
            slide(positions[:, names.index(joint)], standing[:, column]) * captured.unit_scale
            if joint in names
            else np.zeros(len(frames))
            for column, joint in enumerate(CONTACT_JOINTS)
        ],
        axis=-1,
    )
    inside = depths(() if in_place else captured.obstacles, captured.body.to_model(positions, captured.unit_scale)).max(
        -1
    )
    yield
    floor = visible.floor_of(captured, scene_by_uid(captured.scene_uid))
    over = {} if floor is None else visible.clearances(captured, floor, model_frames, soles)
    motion = model_frames, visible.at_frames(np.asarray(joints, np.float64), model_frames)
    yield
    shown = visible.motion_on_rig(captured, frames, by_joint, motion, (standing, slides), over, tracks, errors, fps)
    faults = yield from find_faults(shown)
    return Observed(
        frames=frames,
        joints=names,
        positions=positions,
        tracks=tuple(tracks),
        errors=errors,
        contacts=standing,
        slides=slides,
        depths=inside * captured.body.scale,
        detour=detour,
        faults=faults,
    )


def _relative_errors(
    relation: relative_targets.RigRelativeTarget,
    frames: np.ndarray,
    positions: dict[str, np.ndarray],
    yaw: np.ndarray,
    captured: CapturedScene,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The frames (C,) of a relation and how far (C,) in metres the joint was from its place beside the other one, under
    a name for both; nothing where the character lacks one of them or no frame is requested. ``positions``: joint
    -> (K, 3).
    """
    requested = (frames >= relation.first) & (frames <= relation.last)
    if not requested.any() or relation.joint not in positions or relation.to_joint not in positions:
        return {}
    targets = relative_targets.positions_beside(relation, positions[relation.to_joint][requested], yaw[requested])
    distances = np.linalg.norm(positions[relation.joint][requested] - targets, axis=-1) * captured.unit_scale
    return {f"{relation.joint} beside {relation.to_joint}": (frames[requested], distances)}


def armature_of(captured: CapturedScene) -> bpy.types.Object:
    """The character of the capture. Raises RetargetError when it, or a bone of it, was deleted or the bone renamed."""
    armature = object_by_uid(captured.body.uid)
    if armature is None or not armature.users_scene:
        # A property that still points to it keeps a deleted object in the file, but no longer in a scene.
        raise RetargetError(
            f"The armature '{captured.body.name}' was deleted while its motion was being generated.",
            "Choose another character and generate again; the same seed gives the same motion.",
        )
    missing = [bone for bone in captured.body.bones.values() if bone not in armature.pose.bones]
    if missing:
        raise RetargetError(
            f"The bone '{missing[0]}' of '{armature.name}' was renamed or deleted during generation.",
            "Check the joints under Bones and generate again; the same seed gives the same motion.",
        )
    return armature
