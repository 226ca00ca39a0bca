# SPDX-License-Identifier: GPL-3.0-or-later
"""Found stretches -> one motion on the path: joined, prolonged, turned to where it is to face, and moved onto the path.

Only what is slow is changed. The body keeps the swing of its steps: its heading is turned by the smoothed difference
from the wanted one, its place moved by the smoothed difference from the path.

Shapes: T frames, J = 22 joints. Metres, radians, 20 fps; ground places are (T, 2): x, z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blender_addon.shared.series import dilate_maximum, gaussian_smooth

from ..longform.timeline import ease
from .library import Library
from .matching import Segment
from .motion import BodyMotion
from .route import Start, Way

JOIN_FRAMES = 9
FACING_FRAMES = 8.0  # what of a heading's difference is slower is taken away
PLACE_FRAMES = 6.0
ALIGN_FRAMES = 30.0  # over which a dance is turned along its path
COMING_RIGHT_FRAMES = 16  # within which a place or heading that is off at the start comes right
GROUND_FRAMES = 16  # in which some foot has stood, and the ground comes to be that of the path
CLIMB_M = 0.06
TOE_M = 0.03  # of a standing toe and what a capture is off
OFF_MPF, OFF_RADPF = 0.01, 0.03  # metres and radians a frame: what is far off takes longer
STRETCH_MARGIN_FRAMES = 2  # of a clip around a stretch, for the cubics between frames


def stretch(library: Library, segment: Segment, extra: int = 0) -> BodyMotion:
    """The frames of ``segment`` and ``extra`` more, as they are played."""
    length = int(library.frames[segment.clip])
    count = segment.frames + extra
    low, high = sorted((segment.start, segment.start + count * segment.tempo))
    first = max(int(low) - STRETCH_MARGIN_FRAMES, 0)
    last = min(int(high) + 1 + STRETCH_MARGIN_FRAMES, length)
    motion = library.decode(segment.clip, first, last, segment.mirror)
    offset = segment.start - first
    if segment.tempo == 1.0 and offset == int(offset) and int(offset) + count <= motion.num_frames:
        return motion.cut(int(offset), int(offset) + count)
    return motion.at_tempo(segment.tempo, count, offset)


def join_segments(library: Library, segments: Sequence[Segment], before: BodyMotion | None = None) -> BodyMotion:
    """All segments as one motion; each takes over from the pose and speed of the one before, or of ``before``."""
    parts: list[BodyMotion] = []
    border = None if before is None else _beyond(_flat(before)[-2:])
    for segment in segments:
        motion = stretch(library, segment, extra=1)
        flat = _flat(motion)
        if border is not None:
            off = border - np.stack([2 * flat[0] - flat[1], flat[0]])
            flat[0] += off[-1]
            flat[1:] += ease(off, len(flat) - 1, JOIN_FRAMES)
        border = flat[-2:]
        parts.append(_shaped(flat[:-1], motion.contacts[:-1]))
    return BodyMotion.chain(parts)


def _flat(motion: BodyMotion) -> np.ndarray:
    """(T, C): pose, step and turn in one row a frame."""
    return np.concatenate([motion.pose.reshape(motion.num_frames, -1), motion.step, motion.turn[:, None]], 1)


def _shaped(flat: np.ndarray, contacts: np.ndarray) -> BodyMotion:
    return BodyMotion(flat[:, :-3].reshape(len(flat), -1, 3), flat[:, -3:-1], flat[:, -1], contacts)


def _beyond(two: np.ndarray) -> np.ndarray:
    """The second of ``two`` rows (2, C) and the one that would follow; speeds stay."""
    ahead = np.stack([two[1], 2 * two[1] - two[0]])
    ahead[1, -3:] = two[1, -3:]
    return ahead


def lead(motion: BodyMotion, way: Way, facing: np.ndarray, start: Start | None) -> np.ndarray:
    """x, z and heading (T, 3) of the pelvis: the motion on its way, facing ``facing`` (T,) but for its own swing; it
    goes on from ``start``.
    """
    own = motion.headings()
    headings = own + gaussian_smooth((facing - own)[:, None], FACING_FRAMES)[:, 0]
    places = motion.places(headings)
    if way.known.any():
        frames, off = np.arange(len(places)), (way.path - places)[way.known]
        off = np.stack([np.interp(frames, frames[way.known], off[:, axis]) for axis in range(2)], -1)
        places = places + gaussian_smooth(off, PLACE_FRAMES)
    else:
        places = places + way.path[0]
    track = np.concatenate([places, headings[:, None]], 1)
    return track if start is None else track + _from_start(track, start)


def climbs(motion: BodyMotion) -> bool:
    """Whether the motion goes up or down something that is not there, such as stairs."""
    return bool(np.ptp(own_ground(motion)) > CLIMB_M)


def own_ground(motion: BodyMotion) -> np.ndarray:
    """(T,): the height of what the motion stands on by itself, such as stairs; 0 for the floor."""
    lowest = -dilate_maximum(-motion.pose[..., 1].min(1), GROUND_FRAMES)
    return gaussian_smooth(np.maximum(lowest - TOE_M, 0.0)[:, None], PLACE_FRAMES)[:, 0]


def _from_start(track: np.ndarray, start: Start) -> np.ndarray:
    """What to add to ``track`` (T, 3) so that it goes on from ``start`` and comes right in time."""
    off = start.track[-2:] + np.diff(start.track[-2:], axis=0) - np.stack([2 * track[0] - track[1], track[0]])
    off[:, 2] = (off[:, 2] - off[-1, 2]) + (off[-1, 2] + np.pi) % (2 * np.pi) - np.pi
    far = max(np.linalg.norm(off[-1, :2]) / OFF_MPF, abs(off[-1, 2]) / OFF_RADPF, COMING_RIGHT_FRAMES)
    return np.concatenate([off[-1:], ease(off, len(track) - 1, int(far))])


def own_facing(motion: BodyMotion, way: Way) -> np.ndarray:
    """Where the body faces (T,) when a motion that does not go where it faces, such as a dance, is led along ``way``:
    as by itself, turned so that where it goes comes to lie along the path, all in all and a little here and there.
    """
    own = motion.headings()
    steps, wanted = (np.diff(gaussian_smooth(p, PLACE_FRAMES), axis=0) for p in (motion.places(own), way.path))
    agreeing = (steps[:, 1] - 1j * steps[:, 0]) * (wanted[:, 1] + 1j * wanted[:, 0])  # angles from +Z towards +X
    whole = agreeing.sum()
    if abs(whole) < 1e-9:
        return own + way.direction[0]
    local = gaussian_smooth(np.stack([agreeing.real, agreeing.imag], -1), ALIGN_FRAMES)
    held = local[:, 0] + 1j * local[:, 1] + np.abs(agreeing).mean() * whole / abs(whole)
    turn = np.angle(held * np.conj(whole)) + np.angle(whole)
    return own + np.append(turn, turn[-1])
