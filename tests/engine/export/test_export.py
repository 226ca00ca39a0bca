# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import json
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from blender_addon.shared.errors import ExportError
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.export import WRITERS, Writer, check_target, export_clip, numbered, suffixes
from engine.export.clip import ExportClip
from engine.export.clip_pose import skeleton_joints

from ..helpers.bvh_reader import read_bvh
from ..helpers.motions import standing, walking_in_a_circle


@pytest.fixture(scope="module")
def clip() -> ExportClip:
    joints = walking_in_a_circle(60)
    mask = np.zeros((60, SKELETON.num_joints), bool)
    mask[:, 0] = True
    mask[::20, SKELETON.index("right_wrist")] = True
    hint = np.where(mask[..., None], joints + np.float32(0.02), 0).astype(np.float32)
    return ExportClip(
        joints,
        prompt="a person walks 'round' in a circle, $5 & <more>",
        seed=3,
        model="test",
        hint=hint,
        hint_mask=mask,
    )


def _bvh_error(joints: np.ndarray, path: Path, scale: float = 1.0) -> float:
    positions = read_bvh(path.read_text()).positions()
    read = np.stack([positions[name] for name in SKELETON.names], axis=1)
    return float(np.abs(read / scale - joints).max())


def test_bvh_gives_the_joints_back(clip: ExportClip, tmp_path: Path) -> None:
    assert _bvh_error(clip.joints, export_clip(clip, tmp_path / "walk.bvh")) < 1e-4
    assert _bvh_error(clip.joints, export_clip(clip, tmp_path / "cm.bvh", bvh_unit="cm"), 100.0) < 1e-4
    assert read_bvh((tmp_path / "walk.bvh").read_text()).frame_time == pytest.approx(1 / FPS)


def test_bvh_of_captured_motion(shared_dir: Path, tmp_path: Path) -> None:
    joints = np.load(shared_dir / "data/humanml3d_sample/new_joints_012314.npy")
    assert _bvh_error(joints, export_clip(ExportClip(joints), tmp_path / "a.bvh")) < 1e-4
    archive = np.load(shared_dir / "data/cmu/clips.npz")
    positions, offset = archive["pos"], archive["offset"]
    for i in range(0, len(offset) - 1, 100):
        joints = positions[offset[i] : offset[i + 1]] * float(archive["unit"])
        assert (
            _bvh_error(joints, export_clip(ExportClip(joints), tmp_path / "b.bvh")) < 1e-3
        )  # bones there keep their lengths to 0.5 mm


def test_a_figure_that_stretches_is_met_as_nearly_as_constant_bones_allow(tmp_path: Path) -> None:
    """As generated figures do: every joint wobbles by a centimetre, and the misfits must not add up along the limbs."""
    joints = walking_in_a_circle(60).astype(np.float64)
    seconds = np.arange(60)[:, None, None] / FPS
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, joints.shape[1:])
    joints[:, 1:] += (0.01 * np.sin(3 * seconds + phases))[:, 1:]
    fitted = skeleton_joints(joints)
    assert _bvh_error(fitted, export_clip(ExportClip(joints), tmp_path / "a.bvh")) < 1e-4
    lengths = np.linalg.norm(fitted[:, 1:] - fitted[:, list(SKELETON.parents[1:])], axis=-1)
    assert lengths.std(0).max() < 1e-6
    miss = np.linalg.norm(fitted - joints, axis=-1)
    assert miss[:, 0].max() == 0.0  # the pelvis stays on its path
    ends = SKELETON.indices("left_foot", "right_foot", "left_wrist", "right_wrist")
    assert miss[:, ends].mean() < 0.015
    np.testing.assert_allclose(skeleton_joints(fitted), fitted, atol=1e-6)


def test_bvh_angles_do_not_jump(tmp_path: Path) -> None:
    """Several turns of the body and hips bent past a right angle: the angles go on beyond a half turn."""
    motion = read_bvh(
        export_clip(ExportClip(walking_in_a_circle(240, swing=1.4)), tmp_path / "a.bvh").read_text()
    ).motion
    steps = np.abs(np.diff(motion[:, 3:], axis=0))
    assert np.median(steps.max(0)) < 45
    assert steps.max() < 181  # near the pole an angle may run fast, but never by a full turn
    yaw = motion[:, 5]
    assert abs(abs(yaw[-1] - yaw[0]) - 2 * 360) < 45  # twice round the circle


def test_t_pose_is_the_rest_pose(tmp_path: Path) -> None:
    motion = read_bvh(export_clip(ExportClip(standing(3)), tmp_path / "a.bvh").read_text()).motion
    np.testing.assert_allclose(motion[:, 3:], 0, atol=1e-3)


def test_npz_holds_the_exact_numbers_without_pickle(clip: ExportClip, tmp_path: Path) -> None:
    with np.load(export_clip(clip, tmp_path / "walk.npz"), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["joints"], clip.joints)
        np.testing.assert_array_equal(archive["hint"], clip.hint)
        np.testing.assert_array_equal(archive["hint_mask"], clip.hint_mask)
        assert tuple(archive["joint_names"]) == SKELETON.names
        assert (float(archive["fps"]), str(archive["prompt"]), int(archive["seed"])) == (20.0, clip.prompt, 3)


def _read_glb(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    magic, version, length = struct.unpack("<III", data[:12])
    assert (magic, version, length) == (0x46546C67, 2, len(data))
    json_length, kind = struct.unpack("<II", data[12:20])
    assert kind == 0x4E4F534A and json_length % 4 == 0
    document = json.loads(data[20 : 20 + json_length])
    binary_length, kind = struct.unpack("<II", data[20 + json_length : 28 + json_length])
    assert kind == 0x004E4942 and binary_length % 4 == 0 and 28 + json_length + binary_length == len(data)
    return document, data[28 + json_length :]


def _accessor(document: dict, binary: bytes, index: int) -> np.ndarray:
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    dtype = {5126: "<f4", 5123: "<u2", 5121: "u1"}[accessor["componentType"]]
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
    assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(binary)
    values = np.frombuffer(binary, dtype, accessor["count"] * width, view["byteOffset"]).reshape(-1, width)
    if "min" in accessor:
        np.testing.assert_allclose(values.min(0), accessor["min"], rtol=1e-6)
        np.testing.assert_allclose(values.max(0), accessor["max"], rtol=1e-6)
    return values


def test_glb_is_consistent_and_gives_the_joints_back(clip: ExportClip, tmp_path: Path) -> None:
    document, binary = _read_glb(export_clip(clip, tmp_path / "walk.glb"))
    assert document["buffers"][0]["byteLength"] <= len(binary)
    nodes = document["nodes"]
    parents = {child: i for i, node in enumerate(nodes) for child in node.get("children", [])}
    tracks = {}
    for channel in document["animations"][0]["channels"]:
        sampler = document["animations"][0]["samplers"][channel["sampler"]]
        tracks[channel["target"]["node"], channel["target"]["path"]] = _accessor(document, binary, sampler["output"])
    times = _accessor(document, binary, document["animations"][0]["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(clip.num_frames) / FPS, atol=1e-6)

    def world(node: int, frame: int) -> np.ndarray:
        matrix = np.eye(4)
        place = tracks.get((node, "translation"))
        matrix[:3, 3] = nodes[node].get("translation", [0, 0, 0]) if place is None else place[frame]
        if (node, "rotation") in tracks:
            x, y, z, w = tracks[node, "rotation"][frame].astype(float)
            assert abs(x * x + y * y + z * z + w * w - 1) < 1e-5
            matrix[:3, :3] = [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        return world(parents[node], frame) @ matrix if node in parents else matrix

    index = {node["name"]: i for i, node in enumerate(nodes)}
    for frame in (0, 17, 59):
        for joint, name in enumerate(SKELETON.names):
            np.testing.assert_allclose(world(index[name], frame)[:3, 3], clip.joints[frame, joint], atol=1e-4)
    for primitive in document["meshes"][0]["primitives"]:
        bound = _accessor(document, binary, primitive["attributes"]["JOINTS_0"])
        assert bound.max() < len(document["skins"][0]["joints"])
        normals = _accessor(document, binary, primitive["attributes"]["NORMAL"])
        np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-4)
        assert _accessor(document, binary, primitive["indices"]).max() < len(normals)


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".jpg", b"\xff\xd8"), (".pdf", b"%PDF"), (".svg", b"<?xml")]
)
def test_pictures(clip: ExportClip, tmp_path: Path, suffix: str, start: bytes) -> None:
    assert export_clip(clip, tmp_path / f"walk{suffix}").read_bytes().startswith(start)


def test_a_row_is_all_that_a_format_needs(clip: ExportClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(suffixes("motion")) | set(suffixes("picture")) == set(suffixes()) == set(WRITERS)
    with pytest.raises(ExportError):
        check_target(tmp_path / "walk.numpy")
    monkeypatch.setitem(WRITERS, ".numpy", Writer("motion", "npz", "write_npz", "the same under another name"))
    check_target(tmp_path / "walk.numpy", "motion")
    with np.load(export_clip(clip, tmp_path / "walk.numpy")) as archive:
        np.testing.assert_array_equal(archive["joints"], clip.joints)


def test_picture_says_prompt_and_errors(clip: ExportClip, tmp_path: Path) -> None:
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = export_clip(clip, tmp_path / "walk.svg").read_text()
    text = re.sub(r"&amp;", "&", re.sub(r"&lt;", "<", re.sub(r"&gt;", ">", text)))
    assert clip.prompt in text
    assert "average 3.46 cm, maximum 3.46 cm" in text  # 2 cm on each of three axes
    assert "right wrist, target" in text and "seed 3" in text


def test_a_path_on_the_ground_is_measured_on_the_ground(tmp_path: Path) -> None:
    import matplotlib

    from engine.inputs.motions import read_motions

    joints = walking_in_a_circle()
    mask = np.zeros(joints.shape[:2], bool)
    mask[:, 0] = True
    clip = ExportClip(joints, hint=joints + np.float32([0.03, 0.5, 0.04]), hint_mask=mask, free_height=True)
    back = read_motions(export_clip(clip, tmp_path / "walk.npz")).clip()
    for measured in (clip, back):
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            text = export_clip(measured, tmp_path / "walk.svg").read_text()
        assert "average 5.00 cm, maximum 5.00 cm" in text


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("suffix", [".bvh", ".glb", ".npz", ".png"])
def test_very_short_motions(tmp_path: Path, frames: int, suffix: str) -> None:
    assert export_clip(ExportClip(standing(frames)), tmp_path / f"a{suffix}").stat().st_size > 500


def test_unknown_suffix(clip: ExportClip, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"\.fbx.*\.bvh, \.glb, \.npz"):
        export_clip(clip, tmp_path / "walk.fbx")
    with pytest.raises(ExportError, match="without a suffix"):
        check_target(tmp_path / "walk")


def test_missing_folder_and_folder_as_file(clip: ExportClip, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not exist"):
        export_clip(clip, tmp_path / "nowhere" / "walk.bvh")
    (tmp_path / "walk.bvh").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        export_clip(clip, tmp_path / "walk.bvh")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_as_user(clip: ExportClip, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match="do not have permission"):
        export_clip(clip, tmp_path / "walk.bvh")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.EACCES, "permission to write"), (errno.EROFS, "read-only"), (errno.EIO, "The system says")],
)
def test_what_the_system_refuses(
    clip: ExportClip, tmp_path: Path, code: int, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ExportError, match=remedy):
        export_clip(clip, tmp_path / "walk.bvh")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".bvh", ".glb", ".npz", ".png"])
def test_full_disk_leaves_the_old_file_and_nothing_else(
    clip: ExportClip, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"walk{suffix}"
    path.write_bytes(b"old")

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(ExportError, match="disk is full"):
        export_clip(clip, path)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_device_that_is_really_full(clip: ExportClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    target = tmp_path / "part"

    def on_full_device(**_: object) -> tuple[int, str]:
        target.write_bytes(b"")
        return os.open("/dev/full", os.O_WRONLY), str(target)

    monkeypatch.setattr(tempfile, "mkstemp", on_full_device)
    with pytest.raises(ExportError, match="disk is full"):
        export_clip(clip, tmp_path / "walk.bvh")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_motion(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="22 joints"):
        export_clip(ExportClip(np.zeros((5, 21, 3))), tmp_path / "a.bvh")
    broken = standing(5)
    broken[2, 3, 1] = np.nan
    with pytest.raises(ExportError, match="not finite"):
        export_clip(ExportClip(broken), tmp_path / "a.bvh")
    with pytest.raises(ExportError, match="frames per second"):
        export_clip(ExportClip(standing(5), fps=float("nan")), tmp_path / "a.bvh")
    with pytest.raises(ExportError, match="frames per second"):
        export_clip(ExportClip(standing(5), fps=0), tmp_path / "a.bvh")
    assert list(tmp_path.iterdir()) == []


def test_numbered() -> None:
    assert numbered(Path("a/walk.bvh"), 1, 1) == Path("a/walk.bvh")
    assert numbered(Path("a/walk.bvh"), 2, 3) == Path("a/walk-2.bvh")
