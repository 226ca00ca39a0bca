# SPDX-License-Identifier: GPL-3.0-or-later
"""What the path of a file runs on: the level floor, ground as high as the path itself, or a mesh from a file.

A mesh is Wavefront OBJ in metres, Y up: of its lines those of vertices and faces are read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from blender_addon.shared.errors import BadControl, BadFile
from blender_addon.shared.ground import ground_along, steepest, too_steep
from blender_addon.shared.ground_mesh import ground_of_mesh
from blender_addon.shared.protocol import Ground
from blender_addon.shared.skeleton import FPS

from .controls import WALKING_HEIGHT_M, FileTrack

FLAT, PATH = "flat", "path"
SAMPLES_PER_FRAME = 4
HIPS_M = (0.1, 1.6)  # over the floor, between which the hips of a person begin who lies, sits, stands or jumps
MARK_M = 0.4  # over the ground, below which a path is on it
OBJ_MAX_BYTES = 256 * 1024 * 1024
_OBJ_HINT = "Give a Wavefront OBJ file with vertices and faces, in metres, Y up."


def path_on_ground(kind: str | None, track: FileTrack, num_frames: int) -> tuple[FileTrack, Ground | None]:
    """The path as it is to be followed, and the ground under it: ``kind`` is ``flat``, ``path``, a file's name, or None
    for the floor, which is an error where the hips would begin far from it. Raises BadControl or BadFile.
    """
    if kind == PATH:
        if track.on_ground:
            raise BadControl(
                "The path has no heights, so it cannot be the ground.",
                "Add a column y with the height of the ground in metres, or leave out --ground.",
            )
        places, heights = _sampled(track, num_frames)
        steep = steepest(places, heights)
        if steep is not None:
            raise too_steep(f"{steep[0] / SAMPLES_PER_FRAME / FPS:.1f} s", steep[1])
        return _on(track, track.points[:, 1]), ground_along(places, heights, SAMPLES_PER_FRAME)
    if kind is None or kind == FLAT:
        if not track.on_ground:
            _check_heights(track.points)
        return track, None
    places, heights = _sampled(track, num_frames)
    ground = ground_of_mesh(
        read_obj(Path(kind).expanduser()), places, 0 * heights if track.on_ground else heights, SAMPLES_PER_FRAME
    )
    over = heights - ground.under
    if not track.on_ground and MARK_M < np.median(over) < HIPS_M[1]:
        return track, ground.ground
    if not track.on_ground and np.abs(over).min() > MARK_M:
        raise BadControl(
            f"The path is {np.median(over):.1f} m over the ground in '{kind}'.",
            "Give the heights of the hips or of the ground: metres, Y up, in the same place as the mesh.",
        )
    seconds = track.timed((num_frames - 1) / FPS)[0]
    under = np.interp(seconds * FPS * SAMPLES_PER_FRAME, np.arange(len(places)), ground.under)
    return _on(track, under), ground.ground


def _sampled(track: FileTrack, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (S, 2) and heights (S,) of the path, several a frame; held before its start and after its end."""
    times, points = track.timed((num_frames - 1) / FPS)
    at = np.arange((num_frames - 1) * SAMPLES_PER_FRAME + 1) / (FPS * SAMPLES_PER_FRAME)
    order = np.argsort(times, kind="stable")
    x, y, z = (np.interp(at, times[order], points[order, axis]) for axis in range(3))
    return np.stack([x, z], -1), y


def _on(track: FileTrack, under: np.ndarray) -> FileTrack:
    """The path over ground that has the heights ``under`` (K,) at its points; how high is up to the model."""
    points = track.points.copy()
    points[:, 1] = under + WALKING_HEIGHT_M
    return replace(track, points=points, on_ground=True)


def _check_heights(points: np.ndarray) -> None:
    """Raise BadControl where hips would begin in the floor or in the air, as they do where a file's Z is up."""
    first = float(points[0, 1])
    if HIPS_M[0] <= first <= HIPS_M[1]:
        return
    upright = np.ptp(points[:, 2]) < HIPS_M[1] and HIPS_M[0] <= np.median(points[:, 2]) <= HIPS_M[1]
    other = "z looks like the height here: name the columns x,z,y. " if upright else ""
    raise BadControl(
        f"The hips would start at a height of {first:.2f} m: y is up, and the floor is at 0.",
        f"{other}If the path runs on the ground, add --ground path, or leave out the column y for the level floor.",
    )


def read_obj(path: Path) -> np.ndarray:
    """Triangles (M, 3, 3) of an OBJ file. Raises BadFile."""
    try:
        if path.stat().st_size > OBJ_MAX_BYTES:
            raise BadFile(f"'{path}' is larger than {OBJ_MAX_BYTES // 2**20} MB.", "Give a coarser mesh.")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise BadFile(
            f"There is no ground '{path}'.", "Write --ground flat, --ground path or --ground FILE.obj."
        ) from None
    except OSError as error:
        raise BadFile(f"'{path}' cannot be read: {error.strerror or error}.", _OBJ_HINT) from error
    rows = [line.split() for line in lines if line[:2] in ("v ", "f ", "v\t", "f\t")]
    try:
        vertices = np.array([[float(number) for number in row[1:4]] for row in rows if row[0] == "v"])
        count, corners, faces = 0, [], [row for row in rows]
        for row in faces:
            if row[0] == "v":
                count += 1
                continue
            numbers = [int(corner.partition("/")[0]) for corner in row[1:]]
            corner = [number - 1 if number > 0 else count + number for number in numbers]
            corners += [(corner[0], corner[i], corner[i + 1]) for i in range(1, len(corner) - 1)]
        triangles = vertices[np.array(corners, int)]
    except (ValueError, IndexError):
        raise BadFile(f"'{path}' is not a mesh that can be read.", _OBJ_HINT) from None
    if not len(triangles) or triangles.shape[1:] != (3, 3) or not np.isfinite(triangles).all():
        raise BadFile(f"'{path}' has no faces.", _OBJ_HINT)
    return triangles
