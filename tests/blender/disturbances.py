# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes between the press of the button and the keys: an animator's second thoughts, deletions, undo, other
files, an engine that dies, the add-on that goes, at each stage of a request.

A case passes when the scene is afterwards what the same disturbance makes of it without any request (a motion that was
made all the same being discarded), when no data-block is left over, and when a request that came to nothing says why
and what to do.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import bpy
import numpy as np

from blender_addon import preferences, runtime, takes
from blender_addon.looking import LOOKING
from blender_addon.runtime import RUNTIME
from blender_addon.shared.connection import read_connection
from blender_addon.shared.errors import GaitwayError

from . import rigs, scenes
from .engines import REPOSITORY, wait_for
from .observed import everything

STAGES: dict[str, Callable[[], bool]] = {
    "engine starts": lambda: RUNTIME.engine_state == "starting",
    "engine loads": lambda: RUNTIME.engine_state == "connecting",
    "engine walks": lambda: RUNTIME.fraction > 0.1,
    "keys are set": lambda: RUNTIME.stage == "Setting keyframes" and len(bpy.data.actions) > 4,
    "rig is measured": lambda: RUNTIME.stage == "Measuring",
    "all is done": lambda: not RUNTIME.busy,
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
    if RUNTIME.busy:
        bpy.ops.gaitway.cancel()


def stop_engine() -> None:
    """Stop Engine."""
    if RUNTIME.engine_wanted:
        bpy.ops.gaitway.engine_stop()


def kill_engine() -> None:
    """The engine dies without a word."""
    process = RUNTIME.session()._process if RUNTIME._session is not None else None
    if process is not None and process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process._process.wait()


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


def open_another_file() -> None:
    """File > New."""
    bpy.ops.wm.read_homefile(use_empty=True)


def rename_armature() -> None:
    """Another name."""
    bpy.data.objects[CHARACTER].name = "Somebody"


def delete_control() -> None:
    """The path goes."""
    bpy.data.objects.remove(bpy.data.objects["Path"])


def reload_the_add_on() -> None:
    """Disable and enable it in the preferences."""
    import blender_addon

    blender_addon.unregister()
    blender_addon.register()


DISTURBANCES = (
    cancel,
    stop_engine,
    kill_engine,
    delete_armature,
    purge_armature,
    undo,
    undo_and_redo,
    save_and_reload,
    open_another_file,
    rename_armature,
    delete_control,
    reload_the_add_on,
)
CASES = tuple(product([act.__name__ for act in DISTURBANCES], STAGES))


def launcher(folder: Path) -> Path:
    """A ``gaitway`` command that serves the walking figure, for the add-on to start."""
    path = folder / "gaitway"
    walking = f'"{sys.executable}" -m tests.blender.walking_engine'
    path.write_text(f'#!/bin/sh\nshift\ncd "{REPOSITORY}" && exec {walking} "$@"\n')
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


def engine_is(wanted: bool) -> None:
    """Let the engine run, or not, before a case."""
    if wanted and RUNTIME.engine_state != "ready":
        if not RUNTIME.engine_wanted:
            bpy.ops.gaitway.engine_start()
        wait_for(lambda: RUNTIME.engine_state == "ready")
    elif not wanted and RUNTIME.engine_wanted:
        RUNTIME.stop_engine(wait=10.0)
    if not wanted:
        wait_for(lambda: not _can_be_joined())


def _can_be_joined() -> bool:
    try:
        read_connection(preferences.connection_path(preferences.get()))
    except GaitwayError:
        return False
    return True


def run(disturbance: str, stage: str) -> Outcome:
    """One case."""
    act = next(act for act in DISTURBANCES if act.__name__ == disturbance)
    if stage not in COLD or act in (stop_engine, kill_engine):
        engine_is(True)
    prepare()
    act()
    expected = everything()
    if act is kill_engine:
        wait_for(lambda: not RUNTIME.engine_wanted)
    engine_is(stage not in COLD)
    prepare()
    assert bpy.ops.gaitway.generate() == {"FINISHED"}
    wait_for(STAGES[stage])
    act()
    wait_for(lambda: not RUNTIME.busy)
    for _ in range(3):
        time.sleep(min(runtime.tick(), 0.02))
    wait_for(lambda: not LOOKING.is_looking)
    if act is kill_engine:
        wait_for(lambda: not RUNTIME.engine_wanted)  # noticed, before the next case asks for it
    made = bool(bpy.context.scene.gaitway.takes.items)
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
    message = " ".join(RUNTIME.error) if RUNTIME.error else "taken back" if undone else ""
    return Outcome(disturbance, stage, not differs, left_over, made, message, differs)


def run_all(cases: tuple[tuple[str, str], ...] = CASES) -> Iterator[Outcome]:
    """All cases, one after the other."""
    for case in cases:
        yield run(*case)
