# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline with a library behind it: captured motion where the sentence is near, on the path, joined and finished.

The networks are tiny and untrained, their figure stands and trembles: what walks here comes from the library.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.features import yaw_of
from blender_addon.shared.protocol import Generate, Part, Progress, PromptBlock, Result, decode, encode
from blender_addon.shared.skeleton import SKELETON
from engine.library.library import Library
from engine.pipeline import Pipeline
from training.library import make_library

from .helpers.random_model import save_random_model
from .helpers.walking import gliding
from .library.made import CIRCLES, STANDS, WALKS, circle, line, sources

PELVIS = SKELETON.index("pelvis")
FRAMES = 81


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Pipeline:
    return Pipeline.load(save_random_model(tmp_path_factory.mktemp("model")), device="cpu")


@pytest.fixture(scope="module")
def library(alone) -> Library:
    return make_library(sources(), lambda texts: alone.text_encoder.encode(texts).numpy())


@pytest.fixture(scope="module")
def pipeline(alone, library) -> Pipeline:
    return Pipeline(alone.networks, alone.text_encoder, alone.device, library)


def along(path: np.ndarray) -> ControlSignal:
    """Hints that lead the pelvis along ``path`` (T, 2) on the ground."""
    hint, mask = np.zeros((len(path), 22, 3), np.float32), np.zeros((len(path), 22), bool)
    hint[:, PELVIS], mask[:, PELVIS] = np.insert(path, 1, 0.0, axis=-1), True
    return ControlSignal(hint, mask, free_height=True)


def request(signal: ControlSignal | None = None, *texts: str, **changes) -> Generate:
    """For one sentence, or several of the same length after each other."""
    signal, texts = signal or ControlSignal.empty(FRAMES), texts or (WALKS,)
    edges = [signal.num_frames * i // len(texts) for i in range(len(texts) + 1)]
    blocks = tuple(PromptBlock(text, a, b - a) for text, a, b in zip(texts, edges, edges[1:], strict=False))
    return Generate(
        "r", blocks, signal.num_frames, signal.hint, signal.hint_mask, free_height=signal.free_height, **changes
    )


def run(pipeline: Pipeline, wanted: Generate) -> Result:
    *_, result = pipeline.generate(wanted)
    return result


def off_direction(joints: np.ndarray) -> np.ndarray:
    """Radians (T,) between where the body faces and where the pelvis goes."""
    velocity = np.gradient(joints[:, PELVIS, [0, 2]], axis=0)
    return np.abs((yaw_of(joints) - np.arctan2(*velocity.T) + np.pi) % (2 * np.pi) - np.pi)


def largest_step(joints: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).max())


def covered(result: Result, variation: int = 0) -> np.ndarray:
    """The frames that came from the library."""
    frames = [np.arange(s.start_frame, s.start_frame + s.num_frames) for s in result.sources[variation]]
    return np.concatenate([*frames, np.zeros(0, int)])


@pytest.mark.parametrize("path", [line(frames=FRAMES), circle(1.0, frames=FRAMES), circle(-2.0, frames=FRAMES)])
def test_along_a_path_the_hints_are_hit_and_the_body_faces_ahead(pipeline, path):
    result = run(pipeline, request(along(path)))
    assert result.control_errors[0].maximum < 1e-3
    assert off_direction(result.joints[0].astype(float)).max() < 0.45
    np.testing.assert_array_equal(covered(result), np.arange(FRAMES))
    assert {source.clip for source in result.sources[0]} <= {"clip0", "clip1", "clip2"}


def test_the_facing_that_the_hips_are_given(pipeline):
    path = line(frames=FRAMES)
    signal = along(path)
    for side, hip in ((1, "left_hip"), (-1, "right_hip")):
        place = SKELETON.index(hip)
        signal.hint[::4, place] = np.insert(path[::4], 1, 0.0, axis=-1) + np.array([0.0, 0.0, -0.06 * side])
        signal.hint_mask[::4, place] = True
    facing = yaw_of(run(pipeline, request(signal, exact=False)).joints[0].astype(float))
    np.testing.assert_allclose(facing[8:-8], np.pi / 2, atol=0.2)


def test_up_a_slope_the_feet_stand_on_it_and_the_legs_are_as_long_as_ever(pipeline):
    signal = along(line(frames=FRAMES))
    rise = 0.3 * signal.hint[:, PELVIS, 2]
    signal.hint[:, PELVIS, 1] = 0.93 + rise
    result = run(pipeline, request(dataclasses.replace(signal, free_height=False)))
    toes = result.joints[0][:, SKELETON.indices("left_foot", "right_foot")].astype(float)
    stands = result.foot_contacts[0][:, 1::2]
    over = toes[..., 1] - 0.3 * toes[..., 2]
    assert result.control_errors[0].maximum < 1e-3 and stands.any(0).all() and rise[-1] > 1.0
    assert np.abs(over[stands]).max() < 0.15
    both = stands[1:] & stands[:-1]
    assert np.percentile(np.abs(np.diff(toes[..., 1], axis=0))[both], 90) < 0.01


def test_a_crouched_path_stays_on_the_floor(pipeline):
    signal = along(line(frames=FRAMES))
    signal.hint[:, PELVIS, 1] = 0.7
    joints = run(pipeline, request(dataclasses.replace(signal, free_height=False))).joints[0]
    assert joints[..., 1].min() > -0.05 and np.median(joints[..., 1].min(1)) < 0.05


def test_from_a_stand_and_to_one_on_the_same_path(pipeline):
    wanted = request(along(line(1.2, frames=FRAMES)), from_standing=True, to_standing=True)
    result = run(pipeline, wanted)
    speed = np.linalg.norm(np.diff(result.joints[0][:, PELVIS], axis=0), axis=-1) * 20
    assert speed[[0, -1]].max() < 0.3 and speed[30:50].mean() > 1.25
    met = result.met_frames[0]
    assert len(met) == FRAMES and (met[0], met[-1]) == (0, FRAMES - 1) and (np.diff(met) >= 0).all()
    there = result.joints[0][met, PELVIS, 2]
    assert np.abs(there - wanted.hint[:, PELVIS, 2]).max() < 0.05
    assert result.control_errors[0].maximum < 1e-3


def test_a_path_that_is_too_fast_is_said_so(pipeline):
    assert "faster" in run(pipeline, request(along(line(4.0, frames=FRAMES)))).notice


def test_the_heading_at_the_start(pipeline):
    turned = run(pipeline, request(heading=1.0))
    assert yaw_of(turned.joints[0].astype(float))[0] == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(turned.joints[0, 0, PELVIS, [0, 2]], 0, atol=1e-5)


def test_without_a_library_or_closeness_it_is_the_network_alone_to_the_bit(pipeline, alone):
    wanted = request(along(line(frames=FRAMES)))
    plain, far = run(alone, wanted), run(pipeline, dataclasses.replace(wanted, closeness=0.0))
    assert far.joints.tobytes() == plain.joints.tobytes()
    assert run(pipeline, wanted).joints.tobytes() != plain.joints.tobytes()
    for result in (plain, far):
        assert (result.sources, result.nearness, result.closest, result.notice) == ((), None, "", "")


def test_how_near_decides_for_each_sentence_who_makes_it(pipeline):
    strange = "the committee approves a budget"
    result = run(pipeline, request(None, WALKS, strange, closeness=0.3))
    np.testing.assert_array_equal(covered(result), np.arange(FRAMES // 2))
    assert result.nearness < 0.65 and result.closest in pipeline.sentences.library.captions and result.notice
    always = run(pipeline, request(None, strange))
    assert len(covered(always)) == FRAMES and always.notice


@pytest.mark.parametrize("closeness", [-0.1, 1.1, np.nan])
def test_a_closeness_is_a_share(pipeline, closeness):
    with pytest.raises(BadRequest, match="closeness"):
        run(pipeline, request(closeness=closeness))


def test_sentences_in_turn_go_on_from_each_other(pipeline):
    result = run(pipeline, request(ControlSignal.empty(180), WALKS, STANDS, CIRCLES))
    joints = result.joints[0].astype(float)
    speed = np.linalg.norm(np.diff(joints[:, PELVIS, [0, 2]], axis=0), axis=-1) * 20
    assert speed[10:50].mean() > 0.6 and speed[90:115].mean() < 0.25 and speed[140:].mean() > 0.6
    assert largest_step(joints) < 0.2
    assert [{s.caption for s in result.sources[0] if s.start_frame // 60 == block} for block in range(3)] == [
        {WALKS},
        {STANDS},
        {CIRCLES},
    ]


@pytest.mark.parametrize("made", [slice(30, 60), slice(0, 25), slice(60, FRAMES), slice(40, 43)])
def test_a_range_made_again_joins_what_is_kept(pipeline, made):
    signal = along(circle(2.0, frames=FRAMES))
    before = run(pipeline, request(signal)).joints[0]
    mask = np.ones(FRAMES, bool)
    mask[made] = False
    result = run(pipeline, request(signal, base=before, base_mask=mask, seed=3))
    assert result.joints[0][mask].tobytes() == before[mask].tobytes()
    assert result.control_errors[0].maximum < 1e-3
    jumps = [np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).max() for joints in (result.joints[0], before)]
    assert jumps[0] < 2 * jumps[1] + 0.02
    np.testing.assert_array_equal(covered(result), np.arange(FRAMES)[made])


@pytest.mark.parametrize("closed", [True, False])
def test_a_loop_ends_as_it_begins(pipeline, closed):
    frames = round(2 * np.pi / 0.9 * 20) + 1
    path = circle(1.0, speed=2 * np.pi * 20 / (frames - 1), frames=frames)
    joints = run(pipeline, request(along(path) if closed else None, loop=True)).joints[0].astype(float)
    if closed:
        np.testing.assert_allclose(joints[-1], joints[0], atol=2e-3)
    level = joints - joints[:, :1] * np.array([1.0, 0.0, 1.0])
    np.testing.assert_allclose(np.linalg.norm(level[-1], axis=-1), np.linalg.norm(level[0], axis=-1), atol=2e-3)
    assert largest_step(joints) < 0.2


def test_a_long_motion_comes_in_parts_that_stay(pipeline):
    *others, result = pipeline.generate(request(along(circle(3.0, frames=500)), stream=True))
    parts = [item for item in others if isinstance(item, Part)]
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([part.joints for part in parts], 1), result.joints)
    assert result.control_errors[0].maximum < 1e-3 and largest_step(result.joints[0]) < 0.25


def test_progress_tells_of_the_search_and_rises(pipeline):
    *progress, result = pipeline.generate(request(along(line(frames=FRAMES))))
    assert all(isinstance(item, Progress) for item in progress)
    fractions = [item.fraction for item in progress]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    assert sum(item.stage == "Searching the library" for item in progress) > FRAMES // 10
    assert "Sampling" not in result.timing


def test_other_joints_are_brought_onto_their_hints(pipeline):
    wrist = SKELETON.index("right_wrist")
    signal = along(line(frames=FRAMES))
    signal.hint[40, wrist], signal.hint_mask[40, wrist] = np.array([-0.4, 1.2, 0.9 * 40 / 20]), True
    free = dataclasses.replace(signal, free_height=False)
    free.hint[:, PELVIS, 1] = 0.9
    result = run(pipeline, request(free))
    assert control_errors(result.joints[0], free).max() < 5e-3
    assert len(covered(result)) == FRAMES


def test_a_whole_pose_is_come_to_and_left(pipeline):
    signal = along(line(frames=FRAMES))
    pose = gliding(0.9, knees=0.7)[36].astype(np.float32)
    signal = dataclasses.replace(signal, free_height=False)
    signal.hint[:, PELVIS, 1] = 0.9
    signal.hint[40] = pose - pose[PELVIS] + signal.hint[40, PELVIS]
    signal.hint_mask[40] = True
    result = run(pipeline, request(signal))
    assert result.control_errors[0].maximum < 5e-3
    assert np.linalg.norm(np.diff(result.joints[0], 2, axis=0), axis=-1).max() < 0.15


def test_a_hand_alone_draws_the_motion_to_where_it_is(pipeline):
    wrist = SKELETON.index("right_wrist")
    signal = ControlSignal.empty(FRAMES)
    signal.hint[40, wrist], signal.hint_mask[40, wrist] = np.array([5.0, 1.0, -2.0]), True
    result = run(pipeline, request(signal))
    assert result.control_errors[0].maximum < 5e-3
    assert np.linalg.norm(result.joints[0, 40, PELVIS, [0, 2]] - np.array([5.0, -2.0])) < 0.8


def test_a_head_that_is_led_far_takes_the_body_along(pipeline):
    head = SKELETON.index("head")
    signal = ControlSignal.empty(FRAMES)
    signal.hint[:, head], signal.hint_mask[:, head] = np.insert(line(frames=FRAMES), 1, 1.5, axis=-1), True
    result = run(pipeline, request(signal))
    assert result.control_errors[0].maximum < 5e-3
    assert np.abs(result.joints[0, :, PELVIS, [0, 2]].T - line(frames=FRAMES)).max() < 0.35


def test_hints_that_may_wait(pipeline):
    signal = ControlSignal.empty(FRAMES)
    for frame in (0, 40, 80):
        signal.hint[frame, PELVIS], signal.hint_mask[frame, PELVIS] = np.array([0.0, 0.9, 0.045 * frame]), True
    slack = np.where(signal.hint_mask, 5, 0).astype(np.int32)
    result = run(pipeline, request(signal, slack=slack))
    assert result.met_frames.shape == (1, 3) and result.control_errors[0].maximum < 5e-3


def test_variations_are_other_takes_and_the_first_is_that_of_one_alone(pipeline):
    wanted = request(along(circle(1.5, frames=FRAMES)))
    single, three = run(pipeline, wanted), run(pipeline, dataclasses.replace(wanted, num_variations=3))
    assert three.joints[0].tobytes() == single.joints[0].tobytes()
    assert len(three.sources) == 3 and three.sources[0] == single.sources[0] != three.sources[1]
    assert np.abs(three.joints[0] - three.joints[1]).max() > 1e-3
    assert decode(encode(three)).sources == three.sources


def test_the_library_beside_the_model(tmp_path, monkeypatch, library):
    path = tmp_path / "library.npz"
    np.savez(path, **library.arrays())
    monkeypatch.setenv("GAITWAY_LIBRARY", str(path))
    assert Library.default(library.encoder).names == library.names
    assert Library.default("another encoder") is None
    monkeypatch.setenv("GAITWAY_LIBRARY", "")
    assert Library.default(library.encoder) is None
