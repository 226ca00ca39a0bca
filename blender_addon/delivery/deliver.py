# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with the engine's result: keys on the armature, the error measured on the rig itself, takes in the
history, one undo step.

A generator that hands the main thread back between two pieces of work. No pointer into Blender's data outlives a
piece: objects and scenes are looked up again by their session uid, for an undo or a user may have come between.
Whatever ends it early (an error, a cancel) leaves the scene as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import bpy

from .. import compat
from ..capture.capture import CapturedScene, to_floor
from ..capture.timing import scene_fps
from ..keying import apply
from ..keying.plan import plan_motion
from ..lookup import action_by_uid, object_by_uid, require_existing, scene_by_uid
from ..retarget.proportions import contact_mask
from ..shared.errors import RetargetError
from ..shared.protocol import Generate, Result
from ..takes import history, pose_snapshot
from ..takes.arrivals import Arrivals
from ..takes.merge import carry_over
from ..takes.observed import Observed
from ..takes.origin import Origin
from ..takes.pose_snapshot import PoseSnapshot
from ..takes.splice import Stretch, splice
from .observe import armature_of, observe
from .options import constraints_for, spacing_for

ACTION_NAME_BYTES = 63
"""As many as Blender keeps of a data-block's name."""
UNDO_NAME = "Generate Motion"


@dataclass(frozen=True)
class RangeEdit:
    """Only a stretch is new; the rest comes from the Action with this uid, whose motion has this origin."""

    action_uid: int
    stretch: Stretch
    origin: Origin


@dataclass(frozen=True, eq=False)
class Delivery:
    """A ``result``, the ``request`` it answers and what was ``captured`` for it.

    ``variation``: the only one to key, all when None. ``edit``: the takes are an earlier take but for some frames.
    ``replaces``: a request whose pending takes are removed.
    """

    result: Result
    request: Generate
    captured: CapturedScene
    variation: int | None = None
    edit: RangeEdit | None = None
    replaces: str = ""

    def keying_order(self) -> list[int]:
        """The variations to key; the nearest to the controls comes last, and so stays on the character."""
        if self.variation is not None:
            return [min(self.variation, len(self.result.joints) - 1)]
        errors = self.result.control_errors
        return sorted(range(len(self.result.joints)), key=lambda variation: -errors[variation].average)

    def origin(self, variation: int) -> Origin:
        """What one variation comes from, what is kept of an earlier take included."""
        origin, kept = Origin.of(self.result, variation), self.request.base_mask
        return origin if self.edit is None or kept is None else origin.beside(self.edit.origin, kept)

    def action_name(self, variation: int) -> str:
        """The name of the Action of one variation."""
        return action_name(self.request.prompts[0].text, variation if len(self.result.joints) > 1 else None)


@dataclass(frozen=True)
class WrittenAction:
    """An Action that was keyed for one variation, by its uid, and the frames it covers."""

    action_uid: int
    variation: int
    frames: tuple[int, int]

    def bag(self) -> compat.Bag:
        """Its curves. Raises RetargetError when they are gone."""
        action = action_by_uid(self.action_uid)
        return require_existing(next(iter(compat.bags(action)), None) if action is not None else None)


def deliver(delivery: Delivery, enter_phase: Callable[[str], None]) -> Generator[None, None, Observed]:
    """Make takes of the result; the variation nearest to the controls is played and observed.

    ``enter_phase`` is told what is going on. Raises RetargetError when the character or the scene is gone, or keys
    would not show.
    """
    captured = delivery.captured
    bpy.context.view_layer.update()  # what reading the rig asks for first, and beside a heavy one a piece of its own
    yield
    before = pose_snapshot.snapshot_pose(armature_of(captured))
    yield
    written: list[WrittenAction] = []
    try:
        enter_phase("Setting keyframes")
        edit = delivery.edit
        for variation in delivery.keying_order():
            if written:
                yield
            yield from _key_variation(delivery, variation, before, written)
            if edit is not None:
                yield from splice(lambda: (_bag_to_edit(edit), written[-1].bag()), edit.stretch)
            yield
        enter_phase("Measuring")
        joints, contacts = (
            array[written[-1].variation] for array in (delivery.result.joints, delivery.result.foot_contacts)
        )
        observed = yield from observe(
            captured,
            joints,
            contact_mask(joints, contacts),
            Arrivals.of(delivery.result, written[-1].variation),
            scene_fps(_scene(captured)),
        )
        yield
        bpy.context.view_layer.update()  # as above: what was observed with is gone, and the undo step asks for it
        yield
        _enter_takes(delivery, written, before, observed)
        _remove_replaced(_scene(captured), delivery.replaces)
    except BaseException:  # also the GeneratorExit of a cancel
        _take_back(written, captured, before)
        raise
    push_undo(UNDO_NAME)
    return observed


def _key_variation(
    delivery: Delivery, variation: int, before: PoseSnapshot, written: list[WrittenAction]
) -> Generator[None, None, None]:
    """Key one variation in an Action, which ``written`` then knows."""
    captured, joints = delivery.captured, delivery.result.joints[variation]
    fps = scene_fps(_scene(captured))
    arrivals = Arrivals.of(delivery.result, variation)
    targets = arrivals.with_actual_timing(arrivals.with_detour(captured, fps), fps)
    plan = yield from plan_motion(
        armature_of(captured),
        to_floor(joints, captured),
        scale=captured.body.scale,
        start_frame=float(captured.start_frame),
        scene=_scene(captured),
        constraints=constraints_for(targets, delivery.result.foot_contacts[variation], _scene(captured)),
    )
    yield
    segments = yield from plan.segments()
    solution = yield from plan.solve(*segments)
    solution = yield from apply.to_controls(armature_of(captured), plan, solution)
    curves = yield from apply.space_keys(armature_of(captured), plan, solution, spacing_for(_scene(captured)))
    _check_all_exist(written)  # before anything is written after an undo
    applied = yield from apply.write_action(armature_of(captured), plan, curves, delivery.action_name(variation))
    written.append(WrittenAction(bpy.data.actions[applied.action_name].session_uid, variation, applied.frames))
    if pose_snapshot.bag_before(before) is not None:
        yield from carry_over(
            armature_of(captured),
            lambda: (require_existing(pose_snapshot.bag_before(before)), written[-1].bag()),
            applied.bones_keyed,
            applied.frames,
        )


def _bag_to_edit(edit: RangeEdit) -> compat.Bag:
    """The curves of the take of which a range is generated again."""
    action = action_by_uid(edit.action_uid)
    bag = next((bag for bag in compat.bags(action) if len(bag.fcurves)), None) if action is not None else None
    if bag is None:
        raise RetargetError(
            "The take whose range was being regenerated was removed.", "Choose another take, or generate a new one."
        )
    return bag


def _enter_takes(delivery: Delivery, written: list[WrittenAction], before: PoseSnapshot, observed: Observed) -> None:
    """Put what was written into the history; the one that is played comes last and is the active one."""
    scene, armature = _scene(delivery.captured), armature_of(delivery.captured)
    _check_all_exist(written)
    for entry in written:
        source = history.TakeSource(
            delivery.request,
            delivery.captured,
            delivery.result.joints[entry.variation],
            delivery.result.foot_contacts[entry.variation],
            before,
            Arrivals.of(delivery.result, entry.variation),
            delivery.origin(entry.variation),
        )
        take = history.add(
            scene, require_existing(action_by_uid(entry.action_uid)), armature, source, entry.variation, entry.frames
        )
    history.note(take, observed)
    scene.gaitway.takes.active = len(scene.gaitway.takes.items) - 1


def _remove_replaced(scene: bpy.types.Scene, request_id: str) -> None:
    old = [take for take in scene.gaitway.takes.items if take.generation == request_id and not take.accepted]
    if request_id and old:
        history.remove_takes(scene, old)
        scene.gaitway.takes.active = len(scene.gaitway.takes.items) - 1


def _check_all_exist(written: list[WrittenAction]) -> None:
    for entry in written:
        entry.bag()


def _take_back(written: list[WrittenAction], captured: CapturedScene, before: PoseSnapshot) -> None:
    actions = [action for entry in written if (action := action_by_uid(entry.action_uid)) is not None]
    # A deleted armature that something still points to is put back as well: undo may bring it back.
    armature = object_by_uid(captured.body.uid)
    if armature is not None and history.played(armature) in actions:
        pose_snapshot.restore_pose(armature, before, pose_snapshot.action_before(before))
    elif written and (old := pose_snapshot.action_before(before)) is not None:
        old.use_fake_user = before.fake_user  # it was kept when the first new Action took its place
    for action in actions:
        bpy.data.actions.remove(action)


def _scene(captured: CapturedScene) -> bpy.types.Scene:
    scene = scene_by_uid(captured.scene_uid)
    if scene is None:
        raise RetargetError(
            "The scene was deleted while its motion was being generated.", "Generate again in another scene."
        )
    return scene


def action_name(prompt: str, variation: int | None = None) -> str:
    """A name for the Action that says what it holds and fits into Blender's 63 bytes."""
    ending = "" if variation is None else f" {variation + 1}"
    text = f"Gaitway: {prompt.rstrip('. ')}"
    return text.encode()[: ACTION_NAME_BYTES - len(ending)].decode(errors="ignore").rstrip() + ending


def push_undo(message: str) -> None:
    """One undo step; a timer has no window of its own, and undo wants one."""
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.ed.undo_push(message=message)
