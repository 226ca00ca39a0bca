# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes between the press of the button and the keys: an animator's second thoughts, work that goes on
meanwhile, deletions, undo, other files, an engine that dies or hangs, the add-on that goes, at each stage of a request.

A case passes when the scene is afterwards what the same disturbance makes of it without any request (a motion that was
made all the same being discarded), when no data-block is left over, and when a request that came to nothing says why
and what to do.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from blender_addon import compat, preferences
from blender_addon.app import timer
from blender_addon.app.engine import ENGINE
from blender_addon.app.generation import GENERATION
from blender_addon.app.viewport import TAKE_OBSERVER
from blender_addon.shared.connection import read_connection
from blender_addon.shared.errors import GaitwayError
from blender_addon.takes import history as takes
from blender_addon.takes import pose_snapshot as states

from . import rigs, scenes
from .engines import ENGINE_PYTHON, REPOSITORY, generate, piece_by_piece, wait_for
from .observed import everything

STAGES: dict[str, Callable[[], bool]] = {
    "engine starts": lambda: ENGINE.state == "starting",
    "engine loads": lambda: ENGINE.state == "connecting",
    "engine walks": lambda: GENERATION.fraction > 0.1,
    "keys are set": lambda: GENERATION.step_label == "Setting keyframes" and len(bpy.data.actions) > 3,
    "rig is measured": lambda: GENERATION.step_label == "Measuring",
    "all is done": lambda: not GENERATION.busy,
}
COLD = ("engine starts", "engine loads")
CHARACTER = "Mixamo"


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    disturbance: str
    stage: str
    same: bool
    left_over: int
    made: bool
    message: str
    differs: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        said = self.made or bool(self.message)
        return self.same and self.left_over == 0 and said


def cancel() -> None:
    """Escape."""
    if GENERATION.busy:
        bpy.ops.gaitway.cancel()


def stop_engine() -> None:
    """Stop Engine."""
    if ENGINE.is_up:
        bpy.ops.gaitway.engine_stop()


def kill_engine() -> None:
    """The engine dies without a word."""
    process = ENGINE.open_session().own_engine.process if ENGINE.session is not None else None
    if process is not None and process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process._process.wait()


def hang_engine() -> None:
    """The engine stops in its tracks and answers no more; the animator presses Escape."""
    process = ENGINE.open_session().own_engine.process if ENGINE.session is not None else None
    if process is not None and process.poll() is None:
        os.kill(process.pid, signal.SIGSTOP)
        cancel()


def delete_armature() -> None:
    """Delete in the viewport: the object leaves its scene."""
    armature = bpy.data.objects[CHARACTER]
    with bpy.context.temp_override(active_object=armature, selected_objects=[armature], object=armature):
        bpy.ops.object.delete()


def purge_armature() -> None:
    """A script removes the object and its bones."""
    armature = bpy.data.objects[CHARACTER].data
    bpy.data.objects.remove(bpy.data.objects[CHARACTER])
    bpy.data.armatures.remove(armature)


def undo() -> None:
    """Ctrl Z."""
    bpy.ops.ed.undo()


def undo_all() -> None:
    """Ctrl Z until there is nothing left, not even the character."""
    for _ in range(8):
        with suppress(RuntimeError):
            bpy.ops.ed.undo()


def undo_and_redo() -> None:
    """Ctrl Z, Ctrl Shift Z."""
    bpy.ops.ed.undo()
    bpy.ops.ed.redo()


def save_and_reload() -> None:
    """Save, and open the same file again."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "scene.blend")
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.wm.open_mainfile(filepath=path)


def save() -> None:
    """Save a copy; the file that is written must be whole."""
    with tempfile.TemporaryDirectory() as folder:
        bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder) / "scene.blend"), copy=True)


def open_another_file() -> None:
    """File > New."""
    bpy.ops.wm.read_homefile(use_empty=True)


def rename_armature() -> None:
    """Another name."""
    bpy.data.objects[CHARACTER].name = "Somebody"


def delete_control() -> None:
    """The path goes."""
    bpy.data.objects.remove(bpy.data.objects["Path"])


def press_again() -> None:
    """Impatience: the button once more."""
    with suppress(RuntimeError):  # it is greyed out
        if GENERATION.busy:
            bpy.ops.gaitway.generate()


def key_by_hand() -> None:
    """A key on a bone that will be in motion, after the motion's end."""
    bone = bpy.data.objects[CHARACTER].pose.bones["mixamorig:RightArm"]
    bone.rotation_quaternion = (np.cos(0.2), 0, np.sin(0.2), 0)
    bone.keyframe_insert("rotation_quaternion", frame=200)
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)


def play_another_action() -> None:
    """Another Action is chosen for the character."""
    other = bpy.data.actions.get("Other") or compat.new_action(bpy.data.objects[CHARACTER], "Other")[0]
    other.use_fake_user = True
    states.play(bpy.data.objects[CHARACTER], other)


def clear_animation() -> None:
    """Clear Animation Data."""
    bpy.data.objects[CHARACTER].animation_data_clear()


def enter_edit_mode() -> None:
    """The bones are being edited, in which mode no pose is shown."""
    _edit(lambda bones: None, leave=False)


def rename_bone() -> None:
    """A bone in motion gets another name."""
    _edit(lambda bones: setattr(bones["mixamorig:LeftArm"], "name", "Upper arm"))


def delete_bone() -> None:
    """A bone in motion is deleted."""
    _edit(lambda bones: bones.remove(bones["mixamorig:LeftHand"]))


def _edit(change: Callable[[bpy.types.ArmatureEditBones], object], leave: bool = True) -> None:
    armature = bpy.data.objects[CHARACTER]
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    change(armature.data.edit_bones)
    if leave:
        bpy.ops.object.mode_set(mode="OBJECT")


def move_playhead() -> None:
    """To another frame, where the pose is another."""
    bpy.context.scene.frame_set(40)


def choose_nobody() -> None:
    """Another character, or none, is chosen in the panel."""
    bpy.context.scene.gaitway.character = None


def delete_scene() -> None:
    """The scene goes, another one is there."""
    old, other = bpy.context.scene, bpy.data.scenes.new("Other")
    bpy.context.window_manager.windows[0].scene = other
    bpy.data.scenes.remove(old)


def purge_orphans() -> None:
    """Whatever has no user goes."""
    bpy.ops.outliner.orphans_purge(do_local_ids=True, do_linked_ids=True, do_recursive=True)


def reload_the_add_on() -> None:
    """Disable and enable it in the preferences."""
    import blender_addon

    blender_addon.unregister()
    blender_addon.register()


DISTURBANCES = (
    cancel,
    stop_engine,
    kill_engine,
    hang_engine,
    delete_armature,
    purge_armature,
    undo,
    undo_all,
    undo_and_redo,
    save,
    save_and_reload,
    open_another_file,
    rename_armature,
    delete_control,
    press_again,
    key_by_hand,
    play_another_action,
    clear_animation,
    enter_edit_mode,
    rename_bone,
    delete_bone,
    move_playhead,
    choose_nobody,
    delete_scene,
    purge_orphans,
    reload_the_add_on,
)
ON_THE_TAKE = ("key_by_hand", "play_another_action", "clear_animation", "delete_scene")
"""What is done to a take once it has keys stays with it or goes with it: there is nothing to compare."""
EARLY = ("engine starts", "engine loads", "engine walks")


def cases(request: str = "motion") -> list[tuple[str, str]]:
    """Each disturbance at each stage at which it can be compared."""
    late = ON_THE_TAKE
    if request == "range":
        late += ("rename_bone",)  # Blender renames it in the Action that is played, and leaves the take before as it is
    return [
        (act.__name__, stage) for act in DISTURBANCES for stage in STAGES if act.__name__ not in late or stage in EARLY
    ]


def launcher(folder: Path, real: bool = False) -> Path:
    """A ``gaitway`` command that serves the walking figure, or the ``real`` model, for the add-on to start."""
    path = folder / "gaitway"
    module = "engine.cli serve" if real else "tests.blender.helpers.walking_engine"
    path.write_text(f'#!/bin/sh\nshift\ncd "{REPOSITORY}" && exec "{ENGINE_PYTHON}" -m {module} "$@"\n')
    path.chmod(0o755)
    return path


def prepare() -> None:
    """A character with fingers keyed by hand and a pose that was never keyed, a path, and an undo history."""
    bpy.ops.wm.read_homefile(use_empty=True)
    settings = bpy.context.scene.gaitway
    armature = rigs.mixamo(CHARACTER)
    bpy.ops.ed.undo_push(message="a character")
    settings = bpy.context.scene.gaitway
    settings.character = armature = bpy.data.objects[CHARACTER]
    for frame, angle in ((1, 0.0), (60, 0.7)):
        bone = armature.pose.bones["mixamorig:LeftHandIndex1"]
        bone.rotation_mode = "XYZ"
        bone.rotation_euler = (angle, 0, 0)
        bone.keyframe_insert("rotation_euler", frame=frame)
    armature.pose.bones["mixamorig:LeftUpLeg"].rotation_quaternion = (np.cos(0.3), np.sin(0.3), 0, 0)
    path = scenes.curve("Path", [(0, 0, 0), (1.2, -1.6, 0), (0.4, -3.6, 0)])
    scenes.control(path, frame_start=1, frame_end=97)
    scenes.empty("Hand", {49: (1.0, -2.0, 1.3)})
    settings.prompt, settings.variations = "slow walk", 4
    bpy.context.scene.frame_set(1)
    bpy.ops.ed.undo_push(message="a path")
    bpy.data.objects["Hand"].location.z += 0.1
    bpy.ops.ed.undo_push(message="a hand")


def prepare_range() -> None:
    """The same with a take on the character, on which nobody has decided."""
    engine_is(True)
    prepare()
    settings = bpy.context.scene.gaitway
    settings.prompt, settings.variations = "walk", 1
    generate()
    assert GENERATION.error is None, GENERATION.error
    settings = bpy.context.scene.gaitway
    settings.prompt, settings.variations = "slow walk", 4
    settings.takes.range_start, settings.takes.range_end = 30, 60
    bpy.ops.ed.undo_push(message="a range")
    bpy.data.objects["Hand"].location.z += 0.1
    bpy.ops.ed.undo_push(message="a hand")


REQUESTS: dict[str, tuple[Callable[[], None], Callable[[], set[str]]]] = {
    "motion": (prepare, lambda: bpy.ops.gaitway.generate()),
    "range": (prepare_range, lambda: bpy.ops.gaitway.take_regenerate()),
}
"""What is asked for: how the scene is set up for it, and the button."""


def engine_is(wanted: bool) -> None:
    """Let the engine run, or not, before a case."""
    if wanted and ENGINE.state != "ready":
        if not ENGINE.is_up:
            bpy.ops.gaitway.engine_start()
        wait_for(lambda: ENGINE.state == "ready")
    elif not wanted and ENGINE.is_up:
        ENGINE.stop(wait=10.0)
    if not wanted:
        wait_for(lambda: not _can_be_joined())


def engine_goes() -> None:
    """An engine that was killed or hangs is gone, and that was noticed, before the next one is asked for."""
    process = ENGINE.open_session().own_engine.process if ENGINE.session is not None else None
    if process is not None and process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not ENGINE.is_up)


def _can_be_joined() -> bool:
    try:
        read_connection(preferences.connection_path(preferences.get()))
    except GaitwayError:
        return False
    return True


def run(disturbance: str, stage: str, request: str = "motion") -> Outcome:
    """One case."""
    act = next(act for act in DISTURBANCES if act.__name__ == disturbance)
    set_up, press = REQUESTS[request]
    if stage not in COLD or act in (stop_engine, kill_engine):
        engine_is(True)
    set_up()
    act()
    expected = everything()
    if act in (kill_engine, hang_engine):
        engine_goes()
    if request == "motion":
        engine_is(stage not in COLD)
    set_up()
    if request != "motion":
        engine_is(stage not in COLD)
    earlier = [take.generation for take in bpy.context.scene.gaitway.takes.items]
    assert press() == {"FINISHED"}
    with piece_by_piece():
        wait_for(STAGES[stage])
    act()
    wait_for(lambda: not GENERATION.busy)
    for _ in range(3):
        time.sleep(min(timer.tick(), 0.02))
    wait_for(lambda: not TAKE_OBSERVER.is_observing)
    if act in (kill_engine, hang_engine):
        engine_goes()
    made = any(take.generation not in earlier for take in bpy.context.scene.gaitway.takes.items)
    if stage == "all is done" and disturbance == "undo" and not made:
        act()  # the first undo took the motion away, this is the one that is compared
    if made:
        take = bpy.context.scene.gaitway.takes.items[-1]
        # An animator looks before throwing away what is shown.
        if takes.shown(bpy.context.scene) is None and take.character is not None and take.character.users_scene:
            bpy.ops.gaitway.take_show()
        bpy.ops.gaitway.take_discard()
    found = everything()
    differs = tuple(name for name in found if found[name] != expected[name])
    left_over = sum(max(0, found["blocks"][kind] - expected["blocks"][kind]) for kind in found["blocks"])
    undone = stage == "all is done" and not made  # nothing to say: the animator took it back, or it went with the file
    message = " ".join(GENERATION.error) if GENERATION.error else "taken back" if undone else ""
    return Outcome(disturbance, stage, not differs, left_over, made, message, differs)


def run_all(chosen: Iterable[tuple[str, str]], request: str = "motion") -> Iterator[Outcome]:
    """Cases, one after the other."""
    for case in chosen:
        yield run(*case, request)
