# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with the engine's answer: keys on the armature, the error measured on the rig itself, takes in the
history, one undo step.

A generator that hands the main thread back between two pieces of work. No pointer into Blender's data outlives a
piece: objects and scenes are looked up again by their session uid, for an undo or a user may have come between.
Whatever ends it early (an error, a cancel) leaves the scene as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy

from .. import compat
from ..capture.capture import Capture, to_floor
from ..capture.timing import scene_fps
from ..keying import apply
from ..lookup import action_by_uid, object_by_uid, scene_by_uid, still_there
from ..retarget.proportions.contacts import standing
from ..shared.errors import RetargetError
from ..shared.skeleton import FPS
from ..takes import carry
from ..takes import history as takes
from ..takes import pose_snapshot as states
from ..takes.observed import Observed
from ..takes.pose_snapshot import Before
from ..takes.splice import Stretch, splice
from .arrivals import as_led, as_met
from .observe import armature_of, observe
from .options import hold_for, spacing_for

if TYPE_CHECKING:
    from ..shared.protocol import Generate, Result

ACTION_NAME_BYTES = 63
UNDO_NAME = "Generate Motion"


@dataclass(frozen=True)
class Patch:
    """Only a stretch is new; the rest comes from the Action with this uid."""

    action_uid: int
    stretch: Stretch


@dataclass(frozen=True)
class Written:
    """An Action that was keyed for one variation, by its uid, and the frames it covers."""

    action_uid: int
    variation: int
    frames: tuple[int, int]


def deliver(
    answer: Result,
    order: Generate,
    captured: Capture,
    phase: Callable[[str], None],
    only: int | None = None,
    patch: Patch | None = None,
    replaces: str = "",
) -> Generator[None, None, Observed]:
    """Make takes of ``answer``, or of its variation ``only``; the nearest to the controls is worn and observed. With
    ``patch`` they are an earlier take but for some frames. The pending takes of the request ``replaces`` go.

    ``phase`` is told what is going on. Raises RetargetError when the character or the scene is gone, or keys would not
    show.
    """
    bpy.context.view_layer.update()  # what reading the rig asks for first, and beside a heavy one a piece of its own
    yield
    before = states.remember(armature_of(captured))
    yield
    written: list[Written] = []
    try:
        phase("Setting keyframes")
        for variation in _in_order(answer, only):
            if written:
                yield
            name = action_name(order.prompts[0].text, variation if len(answer.joints) > 1 else None)
            frames = yield from _key(answer, variation, name, captured, before, written)
            if patch is not None:
                yield from splice(lambda: (_patched(patch), _made(written[-1])), patch.stretch)
            written[-1] = Written(written[-1].action_uid, variation, frames)
            yield
        phase("Measuring")
        scene = _scene(captured)
        worn = written[-1].variation
        stands = standing(answer.joints[worn], answer.foot_contacts[worn])
        observed = yield from observe(captured, answer.joints[worn], stands, scene_fps(scene))
        yield
        bpy.context.view_layer.update()  # as above: what was observed with is gone, and the undo step asks for it
        yield
        _enter(written, answer, order, captured, before, observed)
        _remove_replaced(_scene(captured), replaces)
    except BaseException:  # also the GeneratorExit of a cancel
        _take_back(written, captured, before)
        raise
    push_undo(UNDO_NAME)
    return observed


def _in_order(answer: Result, only: int | None) -> list[int]:
    """The variations to key; the nearest to the controls comes last, and so stays on the character."""
    if only is not None:
        return [min(only, len(answer.joints) - 1)]
    return sorted(range(len(answer.joints)), key=lambda take: -answer.control_errors[take].average)


def _key(
    answer: Result, variation: int, name: str, captured: Capture, before: Before, written: list[Written]
) -> Generator[None, None, tuple[int, int]]:
    """Key one variation in an Action, which ``written`` then knows; the frames it covers."""
    joints, fps = answer.joints[variation], scene_fps(_scene(captured))
    met = as_met(as_led(captured, joints, fps), joints, fps)
    plan = yield from apply.prepare(
        armature_of(captured),
        to_floor(answer.joints[variation], captured),
        scale=captured.body.scale,
        start_frame=float(captured.start_frame),
        scene=_scene(captured),
        hold=hold_for(met, answer.foot_contacts[variation], _scene(captured)),
    )
    yield
    segments = yield from plan.segments()
    solution = yield from plan.solve(*segments)
    solution = yield from apply.to_controls(armature_of(captured), plan, solution)
    curves = yield from apply.space_keys(armature_of(captured), plan, solution, spacing_for(_scene(captured)))
    _check_that_all_is_there(written)  # before anything is written after an undo
    applied = yield from apply.write(armature_of(captured), plan, curves, name)
    written.append(Written(bpy.data.actions[applied.action_name].session_uid, variation, applied.frames))
    if states.bag_of(before) is not None:
        yield from carry.carry_over(
            armature_of(captured),
            lambda: (still_there(states.bag_of(before)), _made(written[-1])),
            applied.bones_keyed,
            applied.frames,
        )
    return applied.frames


def _made(made: Written) -> compat.Bag:
    """The curves of a take that is being written."""
    action = action_by_uid(made.action_uid)
    return still_there(next(iter(compat.bags(action)), None) if action is not None else None)


def _patched(patch: Patch) -> compat.Bag:
    """The curves of the take of which a range is made anew."""
    action = action_by_uid(patch.action_uid)
    bag = next((bag for bag in compat.bags(action) if len(bag.fcurves)), None) if action is not None else None
    if bag is None:
        raise RetargetError(
            "The take of which a range was to be made anew is gone.", "Choose another take, or generate a new one."
        )
    return bag


def _enter(
    written: list[Written], answer: Result, order: Generate, captured: Capture, before: Before, observed: Observed
) -> None:
    """Put what was written into the history; the worn one comes last and is the active one."""
    scene, armature = _scene(captured), armature_of(captured)
    _check_that_all_is_there(written)
    for made in written:
        action = action_by_uid(made.action_uid)
        making = takes.Making(
            order, captured, answer.joints[made.variation], answer.foot_contacts[made.variation], before
        )
        take = takes.add(scene, action, armature, making, made.variation, made.frames)
    takes.note(take, observed)
    scene.gaitway.takes.active = len(scene.gaitway.takes.items) - 1


def _remove_replaced(scene: bpy.types.Scene, generation: str) -> None:
    old = [take for take in scene.gaitway.takes.items if take.generation == generation and not take.accepted]
    if generation and old:
        takes.remove(scene, old)
        scene.gaitway.takes.active = len(scene.gaitway.takes.items) - 1


def _check_that_all_is_there(written: list[Written]) -> None:
    for made in written:
        _made(made)


def _take_back(written: list[Written], captured: Capture, before: Before) -> None:
    actions = [action for made in written if (action := action_by_uid(made.action_uid)) is not None]
    # A deleted armature that something still points to is put back as well: undo may bring it back.
    armature = object_by_uid(captured.body.uid)
    if armature is not None and takes.played(armature) in actions:
        states.put_back(armature, before, states.action_of(before))
    elif written and (old := states.action_of(before)) is not None:
        old.use_fake_user = before.fake_user  # it was kept when the first new Action took its place
    for action in actions:
        bpy.data.actions.remove(action)


def _scene(captured: Capture) -> bpy.types.Scene:
    scene = scene_by_uid(captured.scene_uid)
    if scene is None:
        raise RetargetError(
            "The scene was deleted while its motion was being made.", "Generate again in another scene."
        )
    return scene


def report(answer: Result, observed: Observed) -> list[str]:
    """What the panel says of a finished motion and how it came out on the rig."""
    measured = observed.summary()
    seconds = answer.timing.get("Total", 0.0)
    lines = [f"{answer.joints.shape[1] / FPS:.1f} s of motion in {seconds:.1f} s, seed {answer.seed}"]
    if measured:
        lines.append(
            f"On the rig {measured['average'] * 100:.1f} cm from the controls on average, "
            f"{measured['maximum'] * 100:.1f} cm at worst"
        )
    if observed.led is not None:
        lines.append(f"Led around an obstacle from frame {observed.led[0]:.0f} to {observed.led[1]:.0f}")
    return lines


def action_name(prompt: str, take: int | None = None) -> str:
    """A name for the Action that says what it holds and fits into Blender's 63 bytes."""
    ending = "" if take is None else f" {take + 1}"
    text = f"Gaitway: {prompt.rstrip('. ')}"
    return text.encode()[: ACTION_NAME_BYTES - len(ending)].decode(errors="ignore").rstrip() + ending


def push_undo(message: str) -> None:
    """One undo step; a timer has no window of its own, and undo wants one."""
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.ed.undo_push(message=message)
