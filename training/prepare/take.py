# SPDX-License-Identifier: GPL-3.0-or-later
"""One take from its file to its clips: the unit of work that runs in a process of its own and is kept when done.

A finished take is one file in the output's folder ``takes``. It carries a mark of its inputs and options: as long as
that stays the same, the take is not made again.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared.errors import BadFile, RetargetError
from engine.export.atomic import atomic_file

from .acclaim import read_amc, read_asf
from .bvh import read_bvh
from .captions import Captions
from .clips import ClipSpan, cut_clips, figures_of, glitch_of, stretch_of
from .floor import on_floor
from .options import Options
from .retarget import calm_from, retarget
from .source_faults import at_true_tempo, true_rate
from .sources import CaptureSource, load_humanml3d

VERSION = 2  # of what is made of a take: a higher number makes all of them again


@dataclass(frozen=True)
class TakeJob:
    """A take to do: its source and captions, and where the result goes."""

    source: CaptureSource
    captions: tuple[Captions, ...]
    options: Options
    result: Path

    def mark(self) -> str:
        """Changes when the take's files, captions or options change."""
        files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self.source.files()]
        words = json.dumps([VERSION, files, [asdict(about) for about in self.captions], self.options.fingerprint()])
        return hashlib.sha256(words.encode()).hexdigest()

    def is_done(self) -> bool:
        try:
            with np.load(self.result) as kept:
                return str(kept["mark"]) == self.mark()
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return False


@dataclass
class TakeClips:
    """``clips``: lines that tell of each clip, without its split; ``joints`` (T, 22, 3) float32 each; ``rejected``:
    lines with the reason.
    """

    clips: list[dict[str, Any]] = field(default_factory=list)
    joints: list[np.ndarray] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


def process_take(job: TakeJob) -> None:
    """Make the clips of a take and keep them. Raises ExportError when they cannot be written."""
    result = TakeClips()
    try:
        motion = load_motion(job.source, job.options)
    except (BadFile, RetargetError) as error:
        result.rejected.append({"take": job.source.name, "file": str(job.source.path), "reason": str(error)})
    else:
        parts = cut_clips(motion.first, len(motion.joints), job.captions, job.options)
        for part in parts:
            _add(result, job, part, motion, alone=len(parts) == 1)
    _save(result, job)


@dataclass(frozen=True, eq=False)
class CapturedTake:
    """Joints (T, 22, 3) of a take on the floor at 20 fps and the stretch (T,) of its bones; it is good from frame
    ``first`` on.
    """

    joints: np.ndarray
    stretch: np.ndarray
    first: int = 0


def load_motion(source: CaptureSource, options: Options) -> CapturedTake:
    """The motion of a take. Raises BadFile or RetargetError when the file is broken or holds no human."""
    if source.kind == "humanml3d":
        joints = at_true_tempo(source.name, load_humanml3d(source.path))
        return CapturedTake(joints, stretch_of(joints))
    if source.kind == "bvh":
        capture = read_bvh(source.path)
    elif source.skeleton is None:
        raise BadFile(f"'{source.path}' has no skeleton.", "Put its .asf file into the same folder.")
    else:
        capture = read_amc(source.path, read_asf(source.skeleton), options.amc_fps)
    capture = replace(capture, fps=true_rate(source.path.stem, capture.fps))
    with warnings.catch_warnings():  # numbers that are not finite are told of by glitch_of
        warnings.simplefilter("ignore", RuntimeWarning)
        joints, stretch = retarget(capture)
        return CapturedTake(on_floor(joints), stretch, calm_from(capture))


def _add(result: TakeClips, job: TakeJob, part: ClipSpan, motion: CapturedTake, alone: bool) -> None:
    """One clip, or the reason why it is none; ``alone``: the take gives no other."""
    joints, stretch = motion.joints[part.start : part.end], motion.stretch[part.start : part.end]
    source = job.source
    about = {
        "id": source.name if alone else f"{source.name}_{part.start:05d}_{part.end:05d}",
        "n": len(joints),
        "take": source.take,
        "source": source.path.name,
        "start": part.start,
        "end": part.end,
    }
    fault = glitch_of(joints, stretch, job.options)
    if fault is None and not np.isfinite(feature_set.joints_to_features(feature_set.canonicalize(joints))).all():
        fault = "its features are not finite numbers"
    if fault is not None:
        result.rejected.append(about | {"file": str(source.path), "reason": fault})
        return
    captions = [{"text": text, "kind": kind} for text, kind in part.texts]
    result.clips.append(about | {"weak": part.weak, "captions": captions, "stats": figures_of(joints)})
    result.joints.append((joints - joints[:1, :1] * (1, 0, 1)).astype(np.float32))


def _save(result: TakeClips, job: TakeJob) -> None:
    stream = io.BytesIO()
    lines = json.dumps({"clips": result.clips, "rejected": result.rejected})
    joints = {f"joints_{number}": array for number, array in enumerate(result.joints)}
    np.savez(stream, mark=np.array(job.mark()), lines=np.array(lines), **joints)
    with atomic_file(job.result) as file:
        file.write(stream.getbuffer())


def load_result(path: Path) -> TakeClips:
    """What :func:`process_take` kept."""
    with np.load(path) as kept:
        lines = json.loads(str(kept["lines"]))
        joints = [kept[f"joints_{number}"] for number in range(len(lines["clips"]))]
    return TakeClips(lines["clips"], joints, lines["rejected"])
