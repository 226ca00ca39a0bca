# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with the engine's answer: keys on the armature, one undo step, and the error measured on the rig itself.

Each part is a generator that hands the main thread back between two pieces of work. No pointer into Blender's data
outlives a piece: objects and scenes are looked up again by their session uid, for an undo or a user may have come
between.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import bpy
import numpy as np

from . import probe
from .capture import Capture, to_floor
from .holding import hold_for
from .retarget import apply
from .shared.errors import RetargetError
from .shared.skeleton import FPS

if TYPE_CHECKING:
    from .shared.protocol import Result

MEASURING_SHARE = 0.015
"""Seconds of a tick that measuring may take."""
ACTION_NAME_BYTES = 63
UNDO_NAME = "Generate Motion"


def set_keys(answer: Result, prompt: str, captured: Capture) -> Iterator[None]:
    """Key every variation as an Action; the one nearest to the controls is worn. Ends with one undo step.

    Raises RetargetError when the character or the scene is gone, or keys would not show.
    """
    # The nearest to the controls comes last, and so stays on the character.
    takes = sorted(range(len(answer.joints)), key=lambda take: -answer.control_errors[take].average)
    written: list[str] = []
    try:
        for take in takes:
            if written:
                # Only the last one is worn; the others would vanish with the next save.
                bpy.data.actions[written[-1]].use_fake_user = True
                yield
            name = action_name(prompt, take if len(takes) > 1 else None)
            written.append((yield from _set_keys_of(answer.joints[take], answer.foot_contacts[take], name, captured)))
    except RetargetError:
        if written:  # what has been written is one step as well, and one undo takes it back
            push_undo(UNDO_NAME)
        raise
    push_undo(UNDO_NAME)
    yield


def _set_keys_of(joints: np.ndarray, contacts: np.ndarray, name: str, captured: Capture) -> Generator[None, None, str]:
    """Key one variation (T, J, 3) with its contacts (T, 4); the Action's name."""
    plan = apply.prepare(
        _armature(captured),
        to_floor(joints, captured),
        scale=captured.body.scale,
        start_frame=float(captured.start_frame),
        scene=_scene(captured),
        hold=hold_for(captured, contacts, _scene(captured)),
    )
    yield
    segments = plan.segments()
    yield
    solution = yield from plan.solve(*segments)
    return apply.write(_armature(captured), plan, solution, name).action_name


def _armature(captured: Capture) -> bpy.types.Object:
    armature = probe.object_by_uid(captured.body.uid)
    if armature is None:
        raise RetargetError(
            f"The armature '{captured.body.name}' was deleted while its motion was being made.",
            "Choose another character and generate again; the same seed gives the same motion.",
        )
    return armature


def _scene(captured: Capture) -> bpy.types.Scene:
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == captured.scene_uid), None)
    if scene is None:
        raise RetargetError(
            "The scene was deleted while its motion was being made.", "Generate again in another scene."
        )
    return scene


def measure(captured: Capture) -> Generator[None, None, dict[str, np.ndarray]]:
    """Joint -> distances (K,) in metres between the evaluated bone and what its control asked for, a few frames a
    tick.
    """
    measured = {}
    for track in captured.tracks:
        if track.joint not in captured.body.bones:
            continue
        errors, done, at_once = np.empty(len(track.frames)), 0, 4
        while done < len(errors):
            began = time.perf_counter()
            part = slice(done, done + at_once)
            bone = captured.body.bones[track.joint]
            heads = probe.world_positions(_armature(captured), [bone], track.frames[part])[:, 0]
            errors[part] = track.misses(heads, part) * captured.unit_scale
            done += len(heads)
            taken = max(time.perf_counter() - began, 1e-4)
            at_once = max(1, int(at_once * min(8.0, MEASURING_SHARE / taken)))
            yield
        measured[track.joint] = errors
    return measured


def report(answer: Result, measured: dict[str, float]) -> list[str]:
    """What the panel says of a finished motion; ``measured`` in metres."""
    seconds = answer.timing.get("Total", 0.0)
    lines = [f"{answer.joints.shape[1] / FPS:.1f} s of motion in {seconds:.1f} s, seed {answer.seed}"]
    if measured:
        lines.append(
            f"On the rig {measured['average'] * 100:.1f} cm from the controls on average, "
            f"{measured['maximum'] * 100:.1f} cm at worst"
        )
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
