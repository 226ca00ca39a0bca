# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions from files of other tools, put on the character: whatever ``gaitway convert`` reads.

The command reads the file, so that there is one reader of such files and Blender runs nothing that is in them; what it
writes is a plain archive of joints. It works in its own process and folder, and nobody waits for it.

Shapes: T frames of the file's own rate, then of the model's; J = 22 joints; metres, Y up.
"""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..capture.capture import CapturedScene
from ..engine_link import clean_environment, find_command, quiet_options
from ..retarget.pose import facing
from ..retarget.pose.resample import interpolate
from ..shared import quat, space
from ..shared.control import ControlSignal
from ..shared.errors import BadFile, BadRequest, EngineUnavailable
from ..shared.features import foot_contacts
from ..shared.protocol import ControlError, Generate, PromptBlock, Result
from ..shared.skeleton import FPS, SKELETON

SUFFIXES = (".npy", ".npz", ".pkl", ".pickle")


@dataclass(frozen=True)
class ImportOptions:
    """Which motion, and where: ``sample`` of a file, from 0; ``fps`` replaces the file's own rate unless it is 0.
    ``at_character``: where the character stands and facing as it does, instead of where the file has it;
    ``on_floor``: with its lowest point on the floor.
    """

    path: Path
    sample: int = 0
    fps: float = 0.0
    at_character: bool = True
    on_floor: bool = True


@dataclass(frozen=True, eq=False)
class ImportedMotion:
    """A motion as the file has it: ``joints`` (T, J, 3) at ``fps`` frames a second, ``text`` "" where unknown."""

    joints: np.ndarray
    fps: float
    text: str

    def at_model_rate(self) -> np.ndarray:
        """The joints at the model's 20 frames a second."""
        if len(self.joints) == 1 or abs(self.fps - FPS) < 1e-6:
            return self.joints
        seconds = (len(self.joints) - 1) / self.fps
        return interpolate(self.joints, np.arange(space.seconds_to_num_frames(seconds)) * self.fps / FPS)


def convert_command(engine_command: str) -> list[str]:
    """The command line of ``gaitway convert``, from the one that serves. Raises EngineUnavailable without one."""
    words = find_command(engine_command)
    if words[-1] != "serve":
        raise EngineUnavailable(
            "The engine command in the preferences can start the engine, but cannot convert files.",
            "Enter the path of the gaitway command, or the folder of its virtual environment.",
        )
    return [*words[:-1], "convert"]


def read_imported(options: ImportOptions, command: list[str]) -> Generator[None, None, ImportedMotion]:
    """The motion of a file, read by the ``command`` that converts.

    A generator that hands the thread back while the command works, and stops it when it is closed. Raises BadFile with
    what is wrong with the file, EngineUnavailable when the command cannot be run.
    """
    command = [*command, str(options.path.absolute()), "--sample", str(options.sample)]
    if options.fps > 0:
        command += ["--fps", f"{options.fps:g}"]
    with tempfile.TemporaryDirectory(prefix="gaitway-") as folder:
        target, printed = Path(folder, "joints.npz"), Path(folder, "printed.txt")
        with printed.open("wb") as output:
            process = _start([*command, "--out", str(target)], folder, output)
        try:
            while process.poll() is None:
                yield
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0 or not target.is_file():
            raise _conversion_error(printed.read_text(encoding="utf-8", errors="replace"), options.path)
        with np.load(target, allow_pickle=False) as archive:
            return ImportedMotion(archive["joints"].astype(np.float64), float(archive["fps"]), str(archive["prompt"]))


def _start(command: list[str], folder: str, output: object) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            env=clean_environment(),
            cwd=folder,
            **quiet_options(),
        )
    except OSError as error:
        raise EngineUnavailable(
            f"The engine could not be started: {error.strerror or error} ({command[0]}).",
            "Enter the path of the gaitway command in the add-on's preferences.",
        ) from error


def _conversion_error(printed: str, path: Path) -> BadFile:
    """The two lines in which the command says what is wrong, as an error; its options have other names here."""
    lines = [line.strip() for line in printed.replace("--sample", "Sample").splitlines() if line.strip()]
    start = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), None)
    if start is None:
        return BadFile(
            f"'{path.name}' could not be read: {' '.join(lines[-2:]) or 'the engine printed nothing'}.", "Try again."
        )
    return BadFile(lines[start].removeprefix("Error: "), " ".join(lines[start + 1 :]))


def place(joints: np.ndarray, captured: CapturedScene, options: ImportOptions) -> tuple[np.ndarray, CapturedScene]:
    """The joints (T, J, 3) turned and lowered as the options say, and the capture that puts them in their place."""
    joints = np.array(joints, np.float64)
    if options.on_floor:
        joints[..., 1] -= joints[..., 1].min()
    pelvis = joints[0, SKELETON.index("pelvis")]
    if options.at_character:
        hips = space.model_to_blender(joints[0, SKELETON.indices("left_hip", "right_hip")])
        turn = quat.from_yaw(np.asarray((captured.heading or 0.0) - facing(*hips)))
        return quat.rotate(turn, joints - pelvis * [1, 0, 1]), captured
    position = space.model_to_blender(pelvis * captured.body.scale, captured.unit_scale)
    return joints, replace(captured, body=replace(captured.body, position=(float(position[0]), float(position[1]))))


def request_for(joints: np.ndarray, text: str) -> Generate:
    """The motion as a request that keeps every frame of it, so that it becomes a take like any other."""
    num_frames = len(joints)
    no_controls = ControlSignal.empty(num_frames)
    return Generate(
        request_id=uuid.uuid4().hex,
        prompts=(PromptBlock(text, 0, num_frames),),
        num_frames=num_frames,
        hint=no_controls.hint,
        hint_mask=no_controls.hint_mask,
        base=joints.astype(np.float32),
        base_mask=np.ones(num_frames, bool),
    )


def is_imported(request: Generate) -> bool:
    """Whether a request keeps every frame of what it was given, so that no engine is needed."""
    return request.base_mask is not None and bool(request.base_mask.all())


def result_of(request: Generate) -> Result:
    """What an engine would answer to a request that :func:`is_imported`. Raises BadRequest for any other."""
    if request.base is None:
        raise BadRequest("The request contains no motion.", "Import the file again.")
    return Result(
        request_id=request.request_id,
        joints=request.base[None],
        foot_contacts=foot_contacts(request.base)[None] > 0.5,
        control_errors=(ControlError(0.0, 0.0, 0.0),),
        foot_skating=(0.0,),
        timing={},
        seed=request.seed,
        model_hash="",
    )


def is_importable(path: str) -> bool:
    """Whether a file has one of the suffixes that can be imported."""
    with suppress(ValueError):
        return Path(path).suffix.lower() in SUFFIXES
    return False
