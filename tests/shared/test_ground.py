# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground as a function of place: edges stay edges, a way may lead over itself, long paths fit into a message."""

import numpy as np
import pytest

from blender_addon.shared import ground as grounds
from blender_addon.shared.errors import BadControl
from blender_addon.shared.ground import ground_along, heights_at, steepest
from blender_addon.shared.ground_mesh import ground_of_mesh
from blender_addon.shared.protocol import Ground, GroundPatch


def straight(metres: float, frames: int) -> np.ndarray:
    return np.stack([np.zeros(frames), np.linspace(0, metres, frames)], -1)


def quad(x0: float, x1: float, z0: float, z1: float, heights: tuple[float, float] | float) -> np.ndarray:
    """Two triangles that look up, from ``z0`` to ``z1``, with a height at each of these or one for both."""
    y0, y1 = heights if isinstance(heights, tuple) else (heights, heights)
    a, b, c, d = (x0, y0, z0), (x0, y1, z1), (x1, y1, z1), (x1, y0, z0)
    return np.array([[a, b, c], [a, c, d]])


def test_a_slope_is_even_and_a_step_has_an_edge() -> None:
    path = straight(4, 81)
    slope, step = ground_along(path, 0.3 * path[:, 1]), ground_along(path, np.where(path[:, 1] < 2, 0.0, 0.17))
    assert slope is not None and step is not None
    places = np.stack([np.full(400, 0.4), np.linspace(0.2, 3.8, 400)], -1)[None]
    np.testing.assert_allclose(heights_at(slope, np.array([40]), places)[0], 0.3 * places[0, :, 1], atol=0.01)
    heights = heights_at(step, np.array([40]), places)[0]
    assert set(heights.round(3)) == {0.0, 0.17}
    assert abs(places[0, heights > 0.1, 1].min() - 2) < 0.05


def test_a_path_over_itself_has_both_its_heights() -> None:
    angle = np.linspace(0, 4 * np.pi, 401)
    path, heights = np.stack([np.sin(angle), np.cos(angle)], -1) * 1.5, angle / (2 * np.pi) * 3
    ground = ground_along(path, heights)
    assert ground is not None
    read = heights_at(ground, np.arange(401), path[:, None])[:, 0]
    assert np.abs(read - heights)[10:190].max() < 0.05 and np.abs(read - heights)[210:390].max() < 0.05


def test_the_level_floor_is_no_ground_and_another_level_one_has_one_cell() -> None:
    assert ground_along(straight(5, 50), np.zeros(50)) is None
    balcony = ground_along(straight(5, 50), np.full(50, 3.0))
    assert balcony is not None and balcony.heights.tolist() == [3.0]
    assert heights_at(balcony, np.array([0, 49]), np.full((2, 1, 2), 77.0)).tolist() == [[3.0], [3.0]]


def test_ten_minutes_have_no_more_cells_than_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grounds, "MAX_CELLS", 50_000)
    path = straight(700, 12001) @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    cell, patches = grounds.plan_patches(path, np.zeros(12001))
    assert sum(patch.rows * patch.columns for patch in patches) < 60_000 and cell > grounds.CELL_M
    assert patches[-1].start_frame + patches[-1].num_frames == 12001


def test_a_foot_ahead_of_its_patch_is_read_from_the_next() -> None:
    path = straight(12, 121)
    ground = ground_along(path, 0.1 * path[:, 1])
    assert ground is not None and len(ground.patches) > 1
    assert heights_at(ground, np.array([10]), np.array([[[0.0, 11.0]]]))[0, 0] == pytest.approx(1.1, abs=0.01)


def test_what_nobody_can_walk_is_found_where_it_is() -> None:
    path = straight(4, 81)
    assert steepest(path, 0.17 * np.floor(path[:, 1] / 0.29)) is None
    ledge = steepest(path, np.where(path[:, 1] < 2, 1.0, 0.0))
    assert ledge is not None and abs(ledge[0] - 40) <= 1 and ledge[1] == pytest.approx(-1)
    assert steepest(np.zeros((30, 2)), np.linspace(0, 2, 30)) is not None  # a lift


def test_a_ground_that_does_not_cover_the_motion_is_refused() -> None:
    heights = np.zeros(4, np.float32)
    for patches in (
        (),
        (GroundPatch(0, 10, (0.0, 0.0), 2, 2, 0),),
        (GroundPatch(0, 20, (0.0, 0.0), 2, 3, 0),),
        (GroundPatch(5, 20, (0.0, 0.0), 2, 2, 0),),
    ):
        with pytest.raises(BadControl):
            grounds.check_ground(Ground(0.1, heights, patches), 20)
    grounds.check_ground(Ground(0.1, heights, (GroundPatch(0, 20, (0.0, 0.0), 2, 2, 0),)), 20)


def stairs(count: int) -> np.ndarray:
    treads = [quad(-1, 1, 1 + 0.3 * i, 1 + 0.3 * (i + 1), 0.17 * (i + 1)) for i in range(count)]
    return np.concatenate([quad(-3, 3, -3, 9, 0.0), *treads, quad(-1, 1, 1 + 0.3 * count, 9, 0.17 * count)])


def test_a_path_on_the_floor_climbs_the_stairs_above_it_and_passes_below_a_roof() -> None:
    path = straight(6, 121)
    mesh = np.concatenate([stairs(10), quad(-3, 3, -3, 9, 5.0)])
    found = ground_of_mesh(mesh, path, np.zeros(121))
    assert found.under[0] == 0 and found.under[-1] == pytest.approx(1.7)
    assert np.diff(found.under).max() < 0.18
    assert found.ground is not None
    tread = heights_at(found.ground, np.array([40]), np.array([[[0.5, 1.75], [0.5, 1.95]]]))[0]
    np.testing.assert_allclose(tread, [0.51, 0.68], atol=1e-4)


def test_of_two_storeys_the_one_of_the_path_counts() -> None:
    mesh = np.concatenate([quad(-3, 3, -3, 9, 0.0), quad(-3, 3, -3, 9, 3.0)])
    path = straight(4, 81)
    assert ground_of_mesh(mesh, path, np.zeros(81)).ground is None
    upper = ground_of_mesh(mesh, path, np.full(81, 2.9)).ground
    assert upper is not None and upper.heights.tolist() == [3.0]


def test_a_path_beside_its_mesh_is_refused_and_one_beyond_its_border_is_its_own_ground() -> None:
    with pytest.raises(BadControl, match="nowhere"):
        ground_of_mesh(quad(10, 12, 10, 12, 0.0), straight(4, 81), np.zeros(81))
    found = ground_of_mesh(quad(-1, 1, -1, 2, (0.0, 0.6)), straight(4, 81), np.full(81, 0.5))
    assert found.under[-1] == pytest.approx(0.5) and found.under[20] == pytest.approx(0.4, abs=0.02)
