# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground that is not level, as a function of place: read under feet, laid along a path, checked.

``protocol.Ground`` holds heights on a grid, in patches along the motion. Between cells heights are bilinear, but where
they differ by more than a slope can they are those of the nearest cell: the edge of a stair stays an edge.

Shapes: T frames, n places, P points of a line, N cells of a patch. Metres, Y up; places are x and z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import BadControl
from .protocol import Ground, GroundPatch

CELL_M = 0.03
MAX_CELLS = 1_000_000
PATCH_M = 5.0  # along x or z, that the path goes within a patch
MARGIN_M = 1.2  # around the path: feet, and ways around obstacles
OVERLAP_M = 1.2  # of the path before and after a patch, that it knows, too
OVER_ITSELF_M = 0.4  # of height between two parts of a path that come near each other, which cannot share a patch
EDGE_SLOPE = 1.2  # between cells; where more, it is an edge
LEVEL_M = 0.005  # heights that differ by less are level
STEEP_M, STEEP_RUN_M = 0.55, 0.35  # what nobody steps up or down, within so much of the path
POINTS_AT_ONCE = 2_000_000  # distances


def heights_at(ground: Ground, frames: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Heights (T, n) of the ground in the ``frames`` (T,) at the ``places`` (T, n, 2), from the patch nearest in time
    that reaches there; beyond all of them as at the border.
    """
    places = np.asarray(places, np.float64)
    patches = ground.patches
    starts = np.array([patch.start_frame for patch in patches])
    current = np.maximum(np.searchsorted(starts, frames, side="right") - 1, 0)
    chosen = np.repeat(current[:, None], places.shape[1], 1)
    low = np.array([patch.origin for patch in patches])
    high = low + ground.cell * np.array([(patch.columns - 1, patch.rows - 1) for patch in patches])
    missing = ~_inside(places, low[chosen], high[chosen])
    for away in range(1, len(patches)):
        if not missing.any():
            break
        for side in (-away, away):
            other = np.broadcast_to((current + side).clip(0, len(patches) - 1)[:, None], chosen.shape)
            found = missing & _inside(places, low[other], high[other])
            chosen, missing = np.where(found, other, chosen), missing & ~found
    result = np.empty(chosen.shape)
    for index in np.unique(chosen):
        result[chosen == index] = _patch_heights(ground, patches[index], places[chosen == index])
    return result


def _inside(places: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return ((places >= low) & (places <= high)).all(-1)


def _patch_heights(ground: Ground, patch: GroundPatch, places: np.ndarray) -> np.ndarray:
    count = patch.rows * patch.columns
    grid = ground.heights[patch.first : patch.first + count].reshape(patch.rows, patch.columns).astype(np.float64)
    last = np.array([patch.columns - 1, patch.rows - 1])
    at = np.clip((places - np.asarray(patch.origin)) / ground.cell, 0, last)
    low = np.minimum(at.astype(int), np.maximum(last - 1, 0))
    high = np.minimum(low + 1, last)
    (x0, z0), (x1, z1) = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    u, v = np.moveaxis(at - low, -1, 0)
    corners = np.stack([grid[z0, x0], grid[z0, x1], grid[z1, x0], grid[z1, x1]])
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v])
    nearest_x, nearest_z = np.moveaxis(np.floor(at + 0.5).astype(int), -1, 0)
    is_edge = np.ptp(corners, axis=0) > EDGE_SLOPE * ground.cell
    return np.where(is_edge, grid[nearest_z, nearest_x], (weights * corners).sum(0))


def plan_patches(path: np.ndarray, heights: np.ndarray, cell: float = CELL_M) -> tuple[float, tuple[GroundPatch, ...]]:
    """The cell and the patches of a ground around a ``path`` (T, 2) with ``heights`` (T,), one or more frames; the cell
    is larger than ``cell`` where there would be too many.
    """
    spans, first, gone = [], 0, travelled(path)
    low = high = path[0]
    for frame, place in enumerate(path):
        grown = np.minimum(low, place), np.maximum(high, place)
        away = np.linalg.norm(path[first:frame] - place, axis=-1)
        came_back = (away < OVERLAP_M) & (gone[frame] - gone[first:frame] > 2 * away + 0.5)
        crosses = came_back & (np.abs(heights[first:frame] - heights[frame]) > OVER_ITSELF_M)
        if crosses.any() or (grown[1] - grown[0]).max() > PATCH_M:
            spans.append((first, frame, low, high))
            first, grown = frame, (place, place)
        low, high = grown
    spans.append((first, len(path), low, high))
    area = sum(float((high - low + 2 * MARGIN_M + 2 * cell).prod()) for _, _, low, high in spans)
    cell = max(cell, float(np.sqrt(area / MAX_CELLS)))
    patches, cells = [], 0
    for start, end, low, high in spans:
        corner = np.floor((low - MARGIN_M) / cell).astype(int)  # of one lattice, so that patches agree
        columns, rows = (np.ceil((high + MARGIN_M) / cell).astype(int) - corner + 1).tolist()
        origin = (float(corner[0] * cell), float(corner[1] * cell))
        patches.append(GroundPatch(start, end - start, origin, rows, columns, cells))
        cells += rows * columns
    return cell, tuple(patches)


def cell_places(patch: GroundPatch, cell: float) -> np.ndarray:
    """The places (N, 2) of the heights of ``patch``, in their order."""
    x, z = np.meshgrid(np.arange(patch.columns), np.arange(patch.rows))
    return np.asarray(patch.origin) + cell * np.stack([x.ravel(), z.ravel()], -1)


def joined_ground(cell: float, patches: Sequence[GroundPatch], heights: Sequence[np.ndarray]) -> Ground | None:
    """The ground of ``patches`` with their ``heights``, (N,) each; None where all of it is the floor at height 0."""
    if all(np.abs(each).max() < LEVEL_M for each in heights):
        return None
    if max(each.max() for each in heights) - min(each.min() for each in heights) < LEVEL_M:
        whole = GroundPatch(0, sum(patch.num_frames for patch in patches), (0.0, 0.0), 1, 1, 0)
        return Ground(cell, np.array([np.median(heights[0])], np.float32), (whole,))
    return Ground(cell, np.concatenate(heights).astype(np.float32), tuple(patches))


def ground_along(path: np.ndarray, heights: np.ndarray, rate: int = 1) -> Ground | None:
    """The ground that has the ``heights`` (P,) along the ``path`` (P, 2) and to both sides of it, ``rate`` points of
    which are a frame.
    """
    cell, patches = plan_patches(path[::rate], heights[::rate])
    return joined_ground(cell, patches, [heights_beside(patch, cell, path, heights, rate) for patch in patches])


def heights_beside(patch: GroundPatch, cell: float, path: np.ndarray, heights: np.ndarray, rate: int = 1) -> np.ndarray:
    """The heights (N,) of the cells of ``patch``: those (P,) of the nearest point of the ``path`` (P, 2), ``rate``
    points a frame, near its frames.
    """
    near = near_patch(patch, path, rate)
    line, levels = _dense(path[near], heights[near], cell / 2)
    return levels[nearest_on(line, cell_places(patch, cell))]


def travelled(path: np.ndarray) -> np.ndarray:
    """Metres (P,) along a ``path`` (P, 2), from its start."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=-1))])


def near_patch(patch: GroundPatch, path: np.ndarray, rate: int = 1) -> slice:
    """The points of ``path`` (P, 2), ``rate`` a frame, that ``patch`` knows."""
    gone = travelled(path)
    first, last = patch.start_frame * rate, min((patch.start_frame + patch.num_frames) * rate, len(path)) - 1
    begin = np.searchsorted(gone, gone[first] - OVERLAP_M, side="left")
    return slice(int(begin), int(np.searchsorted(gone, gone[last] + OVERLAP_M, side="right")))


def _dense(path: np.ndarray, heights: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of a line (P, 2) some ``step`` apart, and their heights (P,); an edge stays one."""
    gone = travelled(path)
    at = np.linspace(0.0, gone[-1], int(gone[-1] / step) + 2)
    line = np.stack([np.interp(at, gone, path[:, axis]) for axis in range(2)], -1)
    after = np.searchsorted(gone, at, side="left").clip(1, len(gone) - 1) if len(gone) > 1 else np.zeros(len(at), int)
    before = np.maximum(after - 1, 0)
    run = gone[after] - gone[before]
    share = (at - gone[before]) / np.maximum(run, 1e-9)
    is_edge = np.abs(heights[after] - heights[before]) > EDGE_SLOPE * run
    share = np.where(is_edge, np.floor(share + 0.5), share).clip(0, 1)
    return line, heights[before] + share * (heights[after] - heights[before])


def nearest_on(line: np.ndarray, places: np.ndarray) -> np.ndarray:
    """For each of ``places`` (N, 2) the nearest point of a ``line`` (P, 2): its number (N,)."""
    line, places = line.astype(np.float32), places.astype(np.float32)
    middle = line.mean(0)  # far from the origin differences would be lost
    line, places = line - middle, places - middle
    size = (line**2).sum(-1)
    at_once = max(POINTS_AT_ONCE // len(line), 1)
    parts = [places[i : i + at_once] for i in range(0, len(places), at_once)]
    return np.concatenate([(size - 2.0 * (part @ line.T)).argmin(1) for part in parts])


def steepest(path: np.ndarray, heights: np.ndarray) -> tuple[int, float] | None:
    """The frame before which a ``path`` (T, 2) with ``heights`` (T,) under it rises or falls too steeply to walk, and
    by how much; None where it does so nowhere.
    """
    gone = travelled(path)
    first = np.searchsorted(gone, gone - STEEP_RUN_M)
    rises = np.array([_farthest(heights[begin:end] - heights[end]) for end, begin in enumerate(first)])
    worst = int(np.abs(rises).argmax())
    return (worst, float(rises[worst])) if abs(rises[worst]) > STEEP_M else None


def _farthest(below: np.ndarray) -> float:
    return -float(below[np.abs(below).argmax()]) if len(below) else 0.0


def too_steep(where: str, rise_m: float) -> BadControl:
    """The error of a path that goes ``rise_m`` up or down at once, ``where``: such as ``2.5 s`` or ``frame 60``."""
    return BadControl(
        f"The ground {'rises' if rise_m > 0 else 'drops'} by {abs(rise_m):.1f} m within {STEEP_RUN_M * 100:.0f} cm of "
        f"the path, at {where}.",
        f"Nobody steps more than {STEEP_M * 100:.0f} cm up or down: give the path a ramp or steps there, or lead it "
        "around.",
    )


def check_ground(ground: Ground, num_frames: int) -> None:
    """Raise BadControl for a ground that cannot be one of a motion of ``num_frames``."""
    ends = [0, *(patch.start_frame + patch.num_frames for patch in ground.patches)]
    follow = all(patch.start_frame == end for patch, end in zip(ground.patches, ends, strict=False))
    cells = [patch.rows * patch.columns for patch in ground.patches]
    inside = all(
        min(patch.rows, patch.columns) >= 1 and 0 <= patch.first <= len(ground.heights) - count
        for patch, count in zip(ground.patches, cells, strict=True)
    )
    sound = follow and inside and bool(ground.patches) and ends[-1] >= num_frames and 1e-3 <= ground.cell <= 100
    if not sound or not np.isfinite(ground.heights).all():
        raise BadControl(
            "The ground does not cover the motion, or has heights that are not finite numbers.",
            "Give patches that follow each other from frame 0 to the end.",
        )
    if len(ground.heights) > 2 * MAX_CELLS:
        raise BadControl(
            f"The ground has {len(ground.heights)} cells; the limit is {2 * MAX_CELLS}.", "Give it larger cells."
        )
