# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway generate``: a sentence and a path in, files and a report out."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import BadControl, BadRequest
from blender_addon.shared.protocol import Generate, Progress, PromptBlock, Result, Welcome
from blender_addon.shared.skeleton import FPS, SKELETON

from ..export import check_target, export, numbered
from ..export.clip import Clip
from ..inputs.controls import Track, read_track
from ..inputs.surroundings import read_surroundings
from ..report import TOTAL, Report, make_report
from .terminal import progress_bar

DEFAULT_SECONDS = 6.0
_MAX_SECONDS = 3600.0  # a guard against a slip of the finger; the model's own limit is checked by the pipeline


@dataclass(frozen=True)
class Outputs:
    """Where the result goes: motion files by suffix, and at most one picture a variation."""

    motions: tuple[Path, ...] = ()
    picture: Path | None = None
    bvh_unit: str = "m"

    def check(self, may_be_empty: bool = False) -> None:
        """Raise now for what could not be written later: ExportError; BadRequest when there is nothing to write."""
        if not self.motions and self.picture is None and not may_be_empty:
            raise BadRequest("There is nothing to write.", "Add --out walk.bvh, or --picture walk.png, or both.")
        for path in self.motions:
            check_target(path, "motion")
        if self.picture is not None:
            check_target(self.picture, "picture")


def read_controls(path: Path | None, controls: Sequence[str]) -> tuple[Track | None, list[Track]]:
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
        raise BadControl(f"{doubled[0]} is controlled twice.", "Give one file for each joint; --path is the pelvis.")
    return (None if path is None else read_track(path.expanduser(), min_points=2)), tracks


def motion_frames(length: float | None, tracks: Sequence[Track], starts: Sequence[float] = ()) -> int:
    """Number of frames of ``length`` seconds, or as far as the tracks reach and the last of the ``starts`` of prompts
    takes, or 6 seconds. Raises BadRequest.
    """
    if length is None:
        ends = [track.last_time for track in tracks if track.last_time is not None]
        ends += [start + DEFAULT_SECONDS for start in starts]
        length = max(ends) if ends else DEFAULT_SECONDS
    if not math.isfinite(length) or length < 0:
        raise BadRequest(f"A motion cannot last {length} seconds.", "Give a length in seconds, for example --length 6.")
    if length > _MAX_SECONDS:
        raise BadRequest(f"{length:.0f} seconds are more than can be made.", "Are the times in seconds, not in frames?")
    return round(length * FPS) + 1


def read_sentences(prompt: str, later: Sequence[str]) -> list[tuple[float, str]]:
    """(second, sentence) in order, from the first prompt and ``seconds=sentence`` arguments. Raises BadRequest."""
    sentences = [(0.0, prompt)]
    for text in later:
        start, equals, sentence = text.partition("=")
        try:
            second = float(start)
        except ValueError:
            second = math.nan
        if not equals or not math.isfinite(second) or second <= 0:
            raise BadRequest(
                f"'{text}' is not a second and a sentence.", 'Write seconds=sentence, such as "4=a person sits down".'
            )
        sentences.append((second, sentence))
    sentences.sort(key=lambda each: each[0])
    return sentences


def blocks_of(sentences: Sequence[tuple[float, str]], num_frames: int) -> tuple[PromptBlock, ...]:
    """The prompts as blocks that follow each other over the motion. Raises BadRequest for what does not fit in."""
    starts = [round(second * FPS) for second, _ in sentences]
    blocks = []
    for (second, text), start, end in zip(sentences, starts, [*starts[1:], num_frames], strict=True):
        prompt = " ".join(text.split())
        if not prompt.isprintable():
            raise BadRequest("The prompt holds characters that are not text.", "Write it in plain letters.")
        if not prompt:
            raise BadRequest("A prompt is empty.", "Say in a sentence what the character does.")
        if end <= start:
            raise BadRequest(
                f"The prompt '{prompt[:50]}' begins at {second:g} s, where there is no room for it.",
                "Give each prompt another second, all of them within the motion, or make it longer with --length.",
            )
        blocks.append(PromptBlock(prompt, start, end - start))
    return tuple(blocks)


def read_base(path: Path, ranges: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The motion (T,22,3) in a file of ours, and a mask (T,), True outside the ``from-to`` ranges in seconds.

    Raises BadFile or BadRequest.
    """
    from ..inputs.motions import read_motions

    motions = read_motions(path.expanduser())
    if motions.fps != FPS:
        raise BadRequest(
            f"'{path}' has {motions.fps:g} frames a second.", f"Only motions of {FPS:g} can be made anew in part."
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
            "Nothing of the motion is to be made anew.",
            f"Name a range with --redo, such as 2.5-4; the motion lasts {(len(kept) - 1) / FPS:g} s.",
        )
    return np.asarray(joints, np.float32), kept


def build_signal(path: Track | None, tracks: Sequence[Track], num_frames: int) -> ControlSignal:
    """The control signal: the path in every frame it covers, other joints at their own times. Raises BadControl."""
    seconds = (num_frames - 1) / FPS
    free_height = any(track.on_ground for track in [*tracks, *([path] if path else [])])
    timed = {track.joint: track.timed(seconds) for track in tracks}
    signal = ControlSignal.from_tracks(timed, num_frames, free_height=free_height)
    if path is None:
        return signal
    way = ControlSignal.from_tracks({path.joint: path.timed(seconds)}, num_frames, every_frame=True)
    hint = np.where(way.hint_mask[..., None], way.hint, signal.hint)
    return ControlSignal(hint, way.hint_mask | signal.hint_mask, free_height).validate()


def room(num_frames: int, tolerance: float | None, slack: float | None, surroundings: Path | None) -> dict[str, Any]:
    """Fields of Generate for the ``tolerance`` (centimetres) and ``slack`` (seconds) of all hints, and for what stands
    in a file of surroundings. Raises BadFile or BadControl.
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


def build_request(prompt: str | tuple[PromptBlock, ...], signal: ControlSignal, **options: Any) -> Generate:
    """The request of one prompt over the whole motion, or of several blocks; ``options`` are further fields of
    Generate. Raises BadRequest.
    """
    blocks = blocks_of([(0.0, prompt)], signal.num_frames) if isinstance(prompt, str) else prompt
    request = Generate("cli", blocks, signal.num_frames, signal.hint, signal.hint_mask, free_height=signal.free_height)
    return dataclasses.replace(request, **options)


def run(request: Generate, outputs: Outputs, checkpoint: Path | None, device: str) -> Report:
    """Load the model, generate, write. Raises GaitwayError; what is written is whole."""
    started = time.perf_counter()
    with progress_bar("Loading the model") as show:
        from ..pipeline import Pipeline

        pipeline = Pipeline.load(checkpoint, device=device)
        loaded = time.perf_counter()
        result: Result | None = None
        for item in pipeline.generate(request):
            if isinstance(item, Result):
                result = item
            elif isinstance(item, Progress):
                show(item.stage, item.fraction)
        if result is None:
            raise RuntimeError("the pipeline ended without a result")
        generated = time.perf_counter()
        show("Writing the files", 1.0)
        welcome = pipeline.describe()
        files = [
            _write(_clip(request, result, welcome, v), outputs, v, len(result.joints))
            for v in range(len(result.joints))
        ]
    ended = time.perf_counter()
    stages = {stage: seconds for stage, seconds in result.timing.items() if stage != TOTAL}
    timing = {"Loading": loaded - started, **stages, "Writing": ended - generated}
    return make_report(request, result, welcome, files, ended - started, timing)


def _clip(request: Generate, result: Result, welcome: Welcome, variation: int) -> Clip:
    return Clip(
        joints=result.joints[variation],
        fps=welcome.fps,
        prompt=", then ".join(block.text for block in request.prompts),
        seed=result.seed,
        model=welcome.model,
        hint=request.hint,
        hint_mask=request.hint_mask,
        free_height=request.free_height,
    )


def _write(clip: Clip, outputs: Outputs, variation: int, total: int) -> list[Path]:
    targets = [*outputs.motions, *([outputs.picture] if outputs.picture else [])]
    return [export(clip, numbered(path, variation + 1, total), bvh_unit=outputs.bvh_unit) for path in targets]
