# SPDX-License-Identifier: GPL-3.0-or-later
"""What a search chooses from: beginnings in the clips that fit a sentence, at three paces, as they are and mirrored.

Shapes: B frames of the candidate clips, R rows, G = 8 numbers of the way ahead, Q = 30 numbers of a pose. Metres,
radians, 20 fps; x to the left, z ahead.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, fields, replace

import numpy as np

from blender_addon.shared import features as feature_set
from blender_addon.shared import quat
from blender_addon.shared.skeleton import FPS, SKELETON

from .cadence import misstep, steps_of, tempo_for
from .library import SPEED_WEIGHT, Library
from .motion import BodyMotion
from .params import PARAMS, MatchingParams

POSITIONS = 21  # of the numbers of a pose are of joints' places
_CARRIAGE = slice(12, 22)  # of the numbers of a pose: wrists, head, height of the pelvis
_FEET = SKELETON.indices("left_ankle", "left_foot", "right_ankle", "right_foot")
_JOINTS = [*_FEET, *SKELETON.indices("left_wrist", "right_wrist", "head")]
_SWAPPED = [2, 3, 0, 1, 5, 4, 6]  # of _JOINTS in a mirror
_FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
_ROW_NUMBERS = np.r_[0:4, (4 + 3 * (np.array(_JOINTS)[:, None] - 1) + np.arange(3)).ravel()]


@dataclass(frozen=True, eq=False)
class Rows:
    """Beginnings in the candidate clips, those of one clip, pace and side one after another. ``pose`` (R, Q) and
    ``ahead`` (R, G), in usual deviations; ``can_begin`` (R,): a whole window follows in the clip. ``clip``, ``time``
    (its frame), ``pace`` (how many times as fast as captured it goes), ``tempo`` (it is played), ``misstep`` (see
    :func:`.misstep`), ``mirror`` and ``performer`` (another in the mirror): (R,) each. ``carriage`` (R, 10): the same
    numbers of wrists, head and height in the mean of the whole clip, which tell one manner from another. Rows of one
    ``bucket`` (R,) are nearly the same.
    """

    pose: np.ndarray
    carriage: np.ndarray
    ahead: np.ndarray
    can_begin: np.ndarray
    clip: np.ndarray
    time: np.ndarray
    pace: np.ndarray
    tempo: np.ndarray
    misstep: np.ndarray
    mirror: np.ndarray
    performer: np.ndarray
    bucket: np.ndarray


def candidates(scores: np.ndarray, frames: np.ndarray, params: MatchingParams = PARAMS) -> np.ndarray:
    """The best-scored clips, in their order in the library, until they hold enough; ``scores`` (2, K) of the clips and
    their mirror images, ``frames`` (K,) their lengths.
    """
    best = scores.max(0)
    shortest = params.window_frames * max(params.paces) + 2
    order = np.argsort(-np.where(frames > shortest, best, -np.inf), kind="stable")
    enough = int(np.searchsorted(np.cumsum(frames[order]), params.candidate_frames)) + 1
    kept = order[:enough]
    return np.sort(kept[np.isfinite(best[kept]) & (frames[kept] > shortest)])


def make_rows(library: Library, clips: np.ndarray, params: MatchingParams = PARAMS) -> Generator[None, None, Rows]:
    """The rows of ``clips`` (n,)."""
    patches, begins = library.patches_of(clips)
    numbers = library.codes.decode(patches, _ROW_NUMBERS)
    yield
    last = begins[:-1] + library.frames[clips] - 1
    source = _Source(numbers, begins[:-1], last)
    parts: list[Rows] = []
    for pace in params.paces:
        straight = _at_pace(source, library, clips, pace, params)
        parts += [straight, _mirrored(straight)]
        yield
    rows = Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))
    return replace(rows, carriage=rows.carriage - rows.carriage.mean(0))  # near 0 differences of squares are exact


class _Source:
    """Candidate clips frame by frame: ``track`` (B, 3) x, z, heading over all; ``velocity`` (B, 3) a frame;
    ``pose`` (B, Q) with speeds a frame; each clip lies between ``first`` and ``last`` (n,)."""

    def __init__(self, numbers: np.ndarray, first: np.ndarray, last: np.ndarray) -> None:
        speeds = numbers[:, :3] / np.float32(SPEED_WEIGHT)
        facing = np.concatenate([[0.0], np.cumsum(speeds[:-1, 2], dtype=np.float64)])
        sine, cosine = np.sin(facing), np.cos(facing)
        left, ahead = speeds[:, 0], speeds[:, 1]
        velocity = np.stack([cosine * left + sine * ahead, cosine * ahead - sine * left], -1)
        places = np.concatenate([np.zeros((1, 2)), np.cumsum(velocity[:-1], 0)])
        self.track = np.concatenate([places, facing[:, None]], 1)
        self.velocity, self.first, self.last = velocity, first, last
        joints = numbers[:, 4:].reshape(len(numbers), -1, 3)
        ankles = joints[:, [0, 2]]
        moved = np.diff(ankles, axis=0, append=ankles[-1:])
        moved[last] = moved[np.maximum(last - 1, 0)]
        moved[..., 0] += left[:, None] + speeds[:, 2:] * ankles[..., 2]
        moved[..., 2] += ahead[:, None] - speeds[:, 2:] * ankles[..., 0]
        self.pose = _pose_numbers(joints, numbers[:, 3], moved, speeds[:, :2])
        self.carriage = np.add.reduceat(self.pose[:, _CARRIAGE], first) / (last - first + 1)[:, None]
        way = np.cumsum(np.linalg.norm(velocity, axis=-1))
        self.cadence, self.speed = steps_of(joints[:, 0, 2] - joints[:, 2, 2], way, first, last)


def _pose_numbers(joints: np.ndarray, height: np.ndarray, moved: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(n, Q): joints (n, 7, 3), ankles' speeds ``moved`` (n, 2, 3), pelvis height (n,) and ``step`` (n, 2)."""
    count = len(joints)
    parts = [joints.reshape(count, -1), height[:, None], moved.reshape(count, -1), step]
    return np.concatenate(parts, 1).astype(np.float32)


def _pose_scale(params: MatchingParams) -> np.ndarray:
    """(Q,): from metres and metres a frame to usual deviations."""
    return np.float32(1) / np.array(
        [params.feet_m] * 12
        + [params.wrists_m] * 6
        + [params.head_m] * 3
        + [params.pelvis_m]
        + [params.feet_mps / FPS] * 6
        + [params.pelvis_mps / FPS] * 2,
        np.float32,
    )


def pose_after(known: BodyMotion, params: MatchingParams = PARAMS) -> np.ndarray:
    """(Q,): the pose, in usual deviations, in which a motion would be a frame after the last one of ``known``."""
    joints = known.pose[-2:]
    return _pose(2 * joints[-1] - joints[0], joints[-1] - joints[0], known.step[-1], known.turn[-1], params)


def first_pose(known: BodyMotion, params: MatchingParams = PARAMS) -> np.ndarray:
    """(Q,): the pose of the first frame of ``known``, in usual deviations."""
    joints = known.pose[:2]
    return _pose(joints[0], joints[-1] - joints[0], known.step[0], known.turn[0], params)


def told_pose(joints: np.ndarray) -> np.ndarray:
    """(POSITIONS,): the first numbers of the pose of ``joints`` (J, 3), which tell nothing of speeds, in usual
    deviations.
    """
    turned = quat.rotate(
        quat.from_yaw(-feature_set.yaw_of(joints[None])), joints - joints[0] * np.array([1.0, 0.0, 1.0])
    )
    still = np.zeros_like(joints)
    return _pose(turned, still, np.zeros(2), np.float64(0.0), PARAMS)[:POSITIONS]


def _pose(
    joints: np.ndarray, moved: np.ndarray, step: np.ndarray, turn: np.floating, params: MatchingParams
) -> np.ndarray:
    """(Q,): of ``joints`` (J, 3) that have ``moved`` (J, 3) in heading axes within a frame."""
    chosen = joints[_JOINTS]
    ankles, moved = chosen[[0, 2]], moved[_JOINTS][[0, 2]].copy()
    moved[:, 0] += step[0] + turn * ankles[:, 2]
    moved[:, 2] += step[1] - turn * ankles[:, 0]
    return (_pose_numbers(chosen[None], joints[:1, 1], moved[None], step[None]) * _pose_scale(params))[0]


def pose_distances(poses: np.ndarray, others: np.ndarray, params: MatchingParams) -> np.ndarray:
    """(b, n): cost of the distance of each of ``poses`` (b, Q) from each of ``others`` (n, Q)."""
    return distances(poses, others, params.pose_cost)


def distances(poses: np.ndarray, others: np.ndarray, cost: float) -> np.ndarray:
    """(b, n): ``cost`` times the mean square that each of ``poses`` (b, Q) is from each of ``others`` (n, Q)."""
    squares = (poses * poses).sum(-1)[:, None] + (others * others).sum(-1) - 2 * poses @ others.T
    return squares * np.float32(cost / poses.shape[-1])


def standing_costs(poses: np.ndarray, params: MatchingParams = PARAMS) -> np.ndarray:
    """(n,): what ``poses`` (n, Q) lack of a stand: feet side by side on the floor, that do not move."""
    left, right = poses[:, 0:3], poses[:, 6:9]  # the ankles
    apart = (left - right)[:, 1:]
    moved = poses[:, 22:30]
    return np.float32(params.stand_cost) * ((apart * apart).sum(1) + (moved * moved).sum(1))


def _at_pace(source: _Source, library: Library, clips: np.ndarray, pace: float, params: MatchingParams) -> Rows:
    tempos = tempo_for(pace, source.speed, source.cadence)
    missteps = misstep(pace * source.speed, tempos * source.cadence)
    counts = ((source.last - source.first) / (tempos * params.row_frames)).astype(int) + 1
    owner = np.repeat(np.arange(len(clips)), counts)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    tempo = tempos[owner]
    time = number * tempo * params.row_frames
    begin, end = source.first[owner], source.last[owner]
    pose = _between(source.pose, begin + time).astype(np.float32) * _pose_scale(params)
    pose[:, POSITIONS + 1 :] *= tempo[:, None].astype(np.float32)
    return Rows(
        pose=pose,
        carriage=(source.carriage.astype(np.float32) * _pose_scale(params)[_CARRIAGE])[owner],
        ahead=_ahead(source, (begin + time, end), tempo, pace, params),
        can_begin=number + params.window_frames // params.row_frames < counts[owner],
        clip=clips[owner],
        time=time,
        pace=np.full(len(owner), pace),
        tempo=tempo,
        misstep=missteps[owner],
        mirror=np.zeros(len(owner), bool),
        performer=2 * library.performers[clips][owner],
        bucket=2 * ((begin + time) / params.bucket_frames).astype(np.int64),
    )


def _ahead(
    source: _Source, at: tuple[np.ndarray, np.ndarray], tempo: np.ndarray, pace: float, params: MatchingParams
) -> np.ndarray:
    """(R, G): places in the axes of each row, ``at`` a frame (R,) of a clip that ends at another (R,), and headings,
    frames later; after its end a clip goes straight on. What ``tempo`` (R,) lacks of the ``pace`` its strides do.
    """
    here, end = _between(source.track, at[0]), at[1]
    sine, cosine = np.sin(here[:, 2]), np.cos(here[:, 2])
    stride = (pace / tempo)[:, None]
    columns: list[np.ndarray] = []
    for frames, usual in zip(params.ahead_frames, params.ahead_m, strict=True):
        then = at[0] + frames * tempo
        held = np.minimum(then, end)
        moved = _between(source.track[:, :2], held) - here[:, :2] + (then - held)[:, None] * source.velocity[end]
        moved *= stride
        columns += [
            (cosine * moved[:, 0] - sine * moved[:, 1]) / usual,
            (sine * moved[:, 0] + cosine * moved[:, 1]) / usual,
        ]
    for frames, usual in zip(params.turn_frames, params.turn_rad, strict=True):
        turned = _between(source.track[:, 2:], np.minimum(at[0] + frames * tempo, end))[:, 0] - here[:, 2]
        columns.append(turned / usual)
    return np.stack(columns, -1).astype(np.float32)


def _between(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``values`` (B, C) at fractions of frames (n,)."""
    first = at.astype(int)
    u = (at - first)[:, None].astype(values.dtype)
    return values[first] * (1 - u) + values[np.minimum(first + 1, len(values) - 1)] * u


def _mirrored(rows: Rows) -> Rows:
    ahead = rows.ahead.copy()
    ahead[:, 0:6:2] *= -1
    ahead[:, 6:] *= -1
    pose = rows.pose.copy()
    count = len(pose)
    pose[:, :21] = (pose[:, :21].reshape(count, 7, 3)[:, _SWAPPED] * _FLIP).reshape(count, -1)
    pose[:, 22:28] = (pose[:, 22:28].reshape(count, 2, 3)[:, ::-1] * _FLIP).reshape(count, -1)
    pose[:, 28] *= -1
    carriage = rows.carriage[:, [3, 4, 5, 0, 1, 2, 6, 7, 8, 9]]
    carriage[:, [0, 3, 6]] *= -1
    return replace(
        rows,
        pose=pose,
        carriage=carriage,
        ahead=ahead,
        mirror=~rows.mirror,
        performer=rows.performer + 1,
        bucket=rows.bucket + 1,
    )
