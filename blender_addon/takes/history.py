# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of takes: every motion that was made, what it was made of, and what the character did before.

A take is *pending* until it is accepted. Discarding gives the character back what it had, to the key; accepting only
says that there is nothing to give back any more. The list stands in the scene; request, capture, joints and the state
before lie with the take's Action, so that a take which is deleted takes all of it along.

Every function here changes Blender's data and pushes no undo step: who calls does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import compat
from ..capture.capture import CapturedScene
from ..keying import keyframes
from ..shared.errors import BadFile, BadRequest
from ..shared.protocol import Generate
from ..shared.skeleton import FPS, SKELETON
from . import fault_words, pose_snapshot, settings_snapshot
from .arrivals import Arrivals
from .merge import merge_keys
from .observed import Observed
from .origin import Origin
from .packing import pack, unpack
from .pose_snapshot import PoseSnapshot

if TYPE_CHECKING:
    from ..properties.take import GaitwayTake

KEY = "gaitway"
"""Custom property of an Action under which lies what the take was made of. Its entries ("order" for the request) are
the file format of .blend files with takes, and keep their names.
"""


@dataclass(frozen=True, eq=False)
class TakeSource:
    """What a take was made of: the request, what was captured for it, the engine's ``joints`` (T, 22, 3) in metres and
    ``contacts`` (T, 4), what the character was before, when and where the controls are met, and what it comes from.
    """

    request: Generate
    captured: CapturedScene
    joints: np.ndarray
    contacts: np.ndarray
    before: PoseSnapshot
    arrivals: Arrivals
    origin: Origin


# ---- the list


def add(
    scene: bpy.types.Scene,
    action: bpy.types.Action,
    armature: bpy.types.Object,
    source: TakeSource,
    variation: int,
    frames: tuple[int, int],
) -> GaitwayTake:
    """Put a new Action into the history; it is pending."""
    action[KEY] = {
        "order": pack(source.request),
        "captured": pack(source.captured),
        "before": pack(source.before),
        "arrivals": pack(source.arrivals),
        "origin": pack(source.origin),
        "joints": np.asarray(source.joints, "<f4").tobytes(),
        "contacts": np.asarray(source.contacts, bool).tobytes(),
    }
    take = scene.gaitway.takes.items.add()
    take.name, take.action, take.character = action.name, action, armature
    take.before = pose_snapshot.action_before(source.before)
    take.generation, take.variation = source.request.request_id, variation
    take.prompt, take.seed = source.request.prompts[0].text, source.request.seed
    take.settings = settings_snapshot.to_text(scene.gaitway)
    take.frame_start, take.frame_end = frames
    take.notice, take.credits = source.origin.notice, ", ".join(source.origin.credits())
    take.origin = source.origin.summary(len(source.joints))
    for caption, num_frames in source.origin.captions():
        clip = take.clips.add()
        clip.name, clip.seconds = caption, num_frames / FPS
    return take


def note(take: GaitwayTake, observed: Observed) -> None:
    """Write down how ``take`` came out on the rig."""
    summary = observed.summary()
    take.is_measured = True
    take.average, take.percentile95 = summary.get("average", 0.0), summary.get("percentile95", 0.0)
    take.worst = summary.get("maximum", 0.0)
    take.worst_joint, take.worst_frame = observed.worst()
    take.drift, take.drift_frame = observed.drift()
    take.entered, take.entered_frame = observed.entered()
    take.broken = fault_words.broken_notice(observed.faults)
    take.faults.clear()
    for fault in observed.faults:
        row = take.faults.add()
        row.name, row.amount, row.frame = fault_words.label(fault), fault_words.amount(fault), fault.frame
        row.is_broken = fault.is_broken


def source_of(take: GaitwayTake) -> TakeSource:
    """What ``take`` was made of. Raises BadFile when its Action was deleted, or does not tell."""
    kept = take.action.get(KEY) if take.action is not None else None
    if kept is None:
        raise BadFile(
            f"The Action of the take '{take.name}' was deleted, and the take's motion data with it.",
            "Restore its settings and generate again.",
        )
    return TakeSource(
        request=unpack(Generate, kept["order"]),
        captured=unpack(CapturedScene, kept["captured"]),
        joints=np.frombuffer(kept["joints"], "<f4").reshape(-1, SKELETON.num_joints, 3).copy(),
        contacts=np.frombuffer(kept["contacts"], bool).reshape(-1, 4).copy(),
        before=_before(take.action),
        arrivals=unpack(Arrivals, kept["arrivals"]) if "arrivals" in kept else Arrivals(),  # none before protocol 3
        origin=unpack(Origin, kept["origin"]) if "origin" in kept else Origin(),  # likewise
    )


def _before(action: bpy.types.Action) -> PoseSnapshot:
    return unpack(PoseSnapshot, action[KEY]["before"] if KEY in action else b"")


def played(armature: bpy.types.Object | None) -> bpy.types.Action | None:
    """The Action that ``armature`` plays."""
    animation = armature.animation_data if armature is not None else None
    return animation.action if animation is not None else None


def shown(scene: bpy.types.Scene) -> GaitwayTake | None:
    """The take that the scene's character plays, None when it plays anything else."""
    character = scene.gaitway.character
    action = played(character)
    if action is None:
        return None
    return next(
        (take for take in scene.gaitway.takes.items if take.action == action and take.character == character), None
    )


def active(scene: bpy.types.Scene) -> GaitwayTake | None:
    """The take that is chosen in the list."""
    history = scene.gaitway.takes
    return history.items[history.active] if 0 <= history.active < len(history.items) else None


def has(scene: bpy.types.Scene, generation: str) -> bool:
    """Whether a take of that request is in the history."""
    return any(take.generation == generation for take in scene.gaitway.takes.items)


def index_of(scene: bpy.types.Scene, take: GaitwayTake) -> int:
    """Its index in the list."""
    return next(index for index, other in enumerate(scene.gaitway.takes.items) if other == take)


# ---- what the buttons do


def show_take(scene: bpy.types.Scene, take: GaitwayTake) -> None:
    """Let its character play ``take``. Raises BadRequest when the character or the Action is gone."""
    armature = take.character
    if armature is None or not armature.users_scene:
        raise BadRequest(f"The character of '{take.name}' is gone.", "Choose another take, or remove this one.")
    if take.action is None:
        raise BadRequest(
            f"The Action of '{take.name}' was deleted.", "Restore its settings and generate it again, or remove it."
        )
    old = played(armature)
    if old == take.action:
        return
    if not take.accepted and not _is_pending(scene, old):
        # From one pending take to another what came before both is still what Discard brings back.
        _replace_before(take, pack(pose_snapshot.snapshot_pose(armature)), old)
    pose_snapshot.play(armature, take.action)
    scene.gaitway.character = armature
    scene.gaitway.takes.active = index_of(scene, take)
    keep_hand_made(old)


def accept(scene: bpy.types.Scene, take: GaitwayTake, to_nla: bool = False) -> None:
    """Keep ``take`` for good; with ``to_nla`` as a strip on top of the character's tracks, and nothing else plays."""
    before, take.accepted, take.before = take.before, True, None
    keep_hand_made(before)
    armature = take.character
    if not to_nla or armature is None or take.action is None:
        return
    animation = armature.animation_data or armature.animation_data_create()
    slot = compat.played_slot(armature) if animation.action == take.action else None
    track = animation.nla_tracks.new()
    track.name = take.name
    strip = track.strips.new(take.name, int(take.action.frame_range[0]), take.action)
    compat.assign_slot(strip, slot or pose_snapshot.slot_of(take.action))
    animation.action = None


def accept_into_action(take: GaitwayTake) -> None:
    """Keep ``take`` by putting its keys into the Action that the character played before, which it plays again; where
    it played none the take's own is kept as it is.

    Raises BadRequest when the character or the take's Action is gone.
    """
    armature, action = take.character, take.action
    if armature is None or action is None:
        raise BadRequest(f"The character or the Action of '{take.name}' is gone.", "Choose another take.")
    if take.before is not None:
        source = compat.bag_of(action, pose_snapshot.slot_of(action))
        _restore_before(armature, take)
        target = compat.ensure_played_bag(armature)
        if source is not None and target is not None:
            merge_keys(source, target, (take.frame_start, take.frame_end))
    take.accepted, take.before = True, None


def discard(scene: bpy.types.Scene, take: GaitwayTake) -> None:
    """Remove ``take``, and with it all the pending takes of the same request."""
    remove_takes(
        scene,
        [
            other
            for other in scene.gaitway.takes.items
            if other == take or (other.generation == take.generation and not other.accepted)
        ],
    )


def remove_takes(scene: bpy.types.Scene, takes: Iterable[GaitwayTake]) -> None:
    """Delete ``takes`` and their Actions; a character that plays one of them gets back what it had before."""
    # Indices and not pointers: an entry moves when one before it goes.
    for index in sorted((index_of(scene, take) for take in takes), reverse=True):
        take = scene.gaitway.takes.items[index]
        action, armature = take.action, take.character
        if action is not None:
            if armature is not None and played(armature) == action:
                _restore_before(armature, take)
            elif take.before is not None and (armature is None or not armature.users_scene) and KEY in action:
                take.before.use_fake_user = _before(action).fake_user  # it was kept for a character that is gone
            _unlink(scene, take)
        scene.gaitway.takes.items.remove(index)
        if action is not None:
            bpy.data.actions.remove(action)
    scene.gaitway.takes.active = max(0, min(scene.gaitway.takes.active, len(scene.gaitway.takes.items) - 1))


def restore_settings(scene: bpy.types.Scene, take: GaitwayTake) -> list[str]:
    """Set the scene to what ``take`` was asked for with; returns the names of objects that are gone."""
    return settings_snapshot.from_text(scene.gaitway, take.settings)


# ---- what came before


def keep_hand_made(action: bpy.types.Action | None) -> None:
    """Let an Action that nothing plays any more survive the next save, if there is a hand-made key in it."""
    if action is not None and action.users == 0 and not keyframes.is_all_generated(action):
        action.use_fake_user = True


def paths_of(action: bpy.types.Action) -> set[str]:
    """The data paths of all its channels."""
    return {curve.data_path for bag in compat.bags(action) for curve in bag.fcurves}


def _is_pending(scene: bpy.types.Scene, action: bpy.types.Action | None) -> bool:
    return action is not None and any(take.action == action and not take.accepted for take in scene.gaitway.takes.items)


def _restore_before(armature: bpy.types.Object, take: GaitwayTake) -> None:
    try:
        pose_snapshot.restore_pose(armature, _before(take.action), take.before, paths_of(take.action))
    except BadFile:  # what it was made of was deleted from the Action by hand: the Action before is still known
        pose_snapshot.play(armature, take.before)


def _replace_before(take: GaitwayTake, before: bytes, action: bpy.types.Action | None) -> None:
    take.before = action
    if KEY in take.action:
        kept = take.action[KEY]
        # Deleted first: Blender takes bytes that are put over others for text, which ends at the first zero.
        del kept["before"]
        kept["before"] = before


def _unlink(scene: bpy.types.Scene, removed: GaitwayTake) -> None:
    """What came after ``removed`` is from now on after what came before it."""
    for take in scene.gaitway.takes.items:
        if take.before == removed.action and take.action is not None and KEY in removed.action:
            _replace_before(take, removed.action[KEY]["before"], removed.before)
