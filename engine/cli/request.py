# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of ``gaitway generate`` and the files that they name to the fields of a request."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import BadControl, BadRequest
from blender_addon.shared.protocol import Generate, PromptBlock
from blender_addon.shared.skeleton import FPS, SKELETON

from ..inputs import path_on_ground, read_motions, read_surroundings, read_track
from ..inputs.controls import FileTrack

__all__ = ["path_on_ground"]

DEFAULT_SECONDS = 6.0
_SECONDS_MAX = 3600.0  # catches frames given as seconds; the model's own limit is checked by the pipeline


def read_controls(path: Path | None, controls: Sequence[str]) -> tuple[FileTrack | None, list[FileTrack]]:
    """The pelvis path, and the tracks of ``joint=file`` arguments. Raises BadFile, BadControl or BadRequest."""
    tracks = []
    for text in controls:
        joint, equals, file = text.partition("=")
        if not equals or not file:
            raise BadRequest(f"'{text}' is not a control.", "Write joint=file, for example right_wrist=wave.csv.")
        tracks.append(read_track(Path(file).expanduser(), joint.strip()))
    joints = [track.joint for track in tracks] + (["pelvis"] if path is not None else [])
    doubled = sorted({joint for joint in joints if joints.count(joint) > 1})
    if doubled:
        raise BadControl(
            f"{doubled[0]} is controlled twice.", "Give one file for each joint; --path controls the pelvis."
        )
    return (None if path is None else read_track(path.expanduser(), min_points=2)), tracks


def motion_frames(length: float | None, tracks: Sequence[FileTrack], starts: Sequence[float] = ()) -> int:
    """Number of frames of ``length`` seconds, or as far as the tracks reach and the last of the ``starts`` of prompts
    takes, or 6 seconds. Raises BadRequest.
    """
    if length is None:
        ends = [track.last_time for track in tracks if track.last_time is not None]
        ends += [start + DEFAULT_SECONDS for start in starts]
        length = max(ends) if ends else DEFAULT_SECONDS
    if not math.isfinite(length) or length < 0:
        raise BadRequest(f"A motion cannot last {length} seconds.", "Give a length in seconds, for example --length 6.")
    if length > _SECONDS_MAX:
        raise BadRequest(f"{length:.0f} seconds are too long.", "Check that the times are in seconds, not in frames.")
    return round(length * FPS) + 1


def read_prompts(prompt: str, later: Sequence[str]) -> list[tuple[float, str]]:
    """(second, prompt) in order, from the first prompt and ``seconds=prompt`` arguments. Raises BadRequest."""
    prompts = [(0.0, prompt)]
    for text in later:
        start, equals, later_prompt = text.partition("=")
        try:
            second = float(start)
        except ValueError:
            second = math.nan
        if not equals or not math.isfinite(second) or second <= 0:
            raise BadRequest(
                f"'{text}' is not a time and a prompt.", 'Write seconds=prompt, such as "4=a person sits down".'
            )
        prompts.append((second, later_prompt))
    prompts.sort(key=lambda each: each[0])
    return prompts


def blocks_of(prompts: Sequence[tuple[float, str]], num_frames: int) -> tuple[PromptBlock, ...]:
    """The prompts as blocks that follow each other over the motion. Raises BadRequest for one that does not fit in."""
    starts = [round(second * FPS) for second, _ in prompts]
    blocks = []
    for (second, text), start, end in zip(prompts, starts, [*starts[1:], num_frames], strict=True):
        prompt = " ".join(text.split())
        if not prompt.isprintable():
            raise BadRequest("The prompt contains characters that are not text.", "Write it in plain text.")
        if not prompt:
            raise BadRequest("A prompt is empty.", "Describe in a sentence what the character does.")
        if end <= start:
            raise BadRequest(
                f"The prompt '{prompt[:50]}' starts at {second:g} s, where there is no room for it.",
                "Give each prompt its own time within the motion, or make the motion longer with --length.",
            )
        blocks.append(PromptBlock(prompt, start, end - start))
    return tuple(blocks)


def read_base(path: Path, ranges: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The motion (T,22,3) in a file from Gaitway, and a mask (T,), True outside the ``from-to`` ranges in seconds.

    Raises BadFile or BadRequest.
    """
    motions = read_motions(path.expanduser())
    if motions.fps != FPS:
        raise BadRequest(
            f"'{path}' has {motions.fps:g} frames a second.", f"--base needs a motion with {FPS:g} frames a second."
        )
    joints = motions.clip().validate().joints
    kept = np.ones(len(joints), bool)
    for text in ranges:
        match = re.fullmatch(r"\s*([\d.]+)\s*-\s*([\d.]+)\s*", text)
        try:
            start, end = (float(number) for number in match.groups()) if match else (1.0, 0.0)
        except ValueError:
            start, end = 1.0, 0.0
        if start >= end:
            raise BadRequest(f"'{text}' is not a range.", "Write from-to in seconds, such as 2.5-4.")
        kept[round(start * FPS) : round(end * FPS) + 1] = False
    if kept.all():
        raise BadRequest(
            "--redo selects no frames of the motion.",
            f"Give a range with --redo, such as 2.5-4; the motion lasts {(len(kept) - 1) / FPS:g} s.",
        )
    return np.asarray(joints, np.float32), kept


def build_signal(path: FileTrack | None, tracks: Sequence[FileTrack], num_frames: int) -> ControlSignal:
    """The control signal: the path in every frame it covers, other joints at their own times. Raises BadControl."""
    seconds = (num_frames - 1) / FPS
    free_height = any(track.on_ground for track in [*tracks, *([path] if path else [])])
    timed = {track.joint: track.timed(seconds) for track in tracks}
    signal = ControlSignal.from_tracks(timed, num_frames, free_height=free_height)
    if path is None:
        return signal
    dense = ControlSignal.from_tracks({path.joint: path.timed(seconds)}, num_frames, every_frame=True)
    hint = np.where(dense.hint_mask[..., None], dense.hint, signal.hint)
    return ControlSignal(hint, dense.hint_mask | signal.hint_mask, free_height).validate()


def goal_fields(
    num_frames: int, tolerance: float | None, slack: float | None, surroundings: Path | None
) -> dict[str, Any]:
    """Fields of Generate for the ``tolerance`` (centimetres) and ``slack`` (seconds) of all hints, and for the contents
    of a file of surroundings. Raises BadFile or BadControl.
    """
    fields: dict[str, Any] = {}
    shape = (num_frames, SKELETON.num_joints)
    if tolerance is not None:
        fields["tolerance"] = np.full(shape, tolerance / 100, np.float32)
    if slack is not None:
        fields["slack"] = np.full(shape, round(slack * FPS), np.int32)
    if surroundings is not None:
        fields["relative"], fields["obstacles"] = read_surroundings(surroundings.expanduser(), num_frames)
    return fields


def request_of(prompt: str | tuple[PromptBlock, ...], signal: ControlSignal, **options: Any) -> Generate:
    """The request of one prompt over the whole motion, or of several blocks; ``options`` are further fields of
    Generate. Raises BadRequest.
    """
    blocks = blocks_of([(0.0, prompt)], signal.num_frames) if isinstance(prompt, str) else prompt
    request = Generate("cli", blocks, signal.num_frames, signal.hint, signal.hint_mask, free_height=signal.free_height)
    return dataclasses.replace(request, **options)
