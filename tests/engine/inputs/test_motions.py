# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from blender_addon.shared.errors import BadFile
from engine.export import export_clip
from engine.inputs.motions import read_motions
from engine.inputs.safe_pickle import read_npy, read_pickle

from ..helpers.motions import standing, walking_in_a_circle


def _pickled(value: object, protocol: int = 4) -> io.BytesIO:
    return io.BytesIO(pickle.dumps(value, protocol=protocol))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_arrays_of_every_protocol(protocol: int) -> None:
    value = {
        "joints": np.arange(24, dtype=np.float32).reshape(2, 4, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "flags": np.array([True, False]),
        "names": np.array(["a", "bc"]),
        "objects": np.array([{"a": np.float64(2.5)}, None, "x"], dtype=object),
        "scalar": np.int64(7),
        "empty": np.zeros((0, 3)),
        "plain": [1, 2.5, "text", None, True, (1, 2), {3}, frozenset({4}), b"bytes", b"", OrderedDict(a=1)],
    }
    read = read_pickle(_pickled(value, protocol), "x.pkl")
    assert read.keys() == value.keys()
    for key in ("joints", "fortran", "big", "flags", "names", "empty"):
        np.testing.assert_array_equal(read[key], value[key])
    assert read["joints"].dtype == np.float32 and read["joints"].flags.writeable
    assert read["objects"].tolist() == [{"a": 2.5}, None, "x"]
    assert read["scalar"] == 7 and read["plain"] == value["plain"]


def test_one_array_referred_to_twice_is_one_array() -> None:
    array = np.zeros(3)
    read = read_pickle(_pickled([array, array]), "x.pkl")
    assert read[0] is read[1]


class _Runs:
    """A pickle that calls ``function(*arguments)`` when an ordinary unpickler reads it."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple:
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickles_are_refused_and_do_not_run(tmp_path: Path, protocol: int) -> None:
    victim = tmp_path / "victim"
    for function, arguments in (
        (os.mkdir, (str(victim),)),
        (eval, ("__import__('os').getcwd()",)),
        (getattr, ("", "join")),
    ):
        with pytest.raises(BadFile, match="tries to call"):
            read_pickle(_pickled({"joints": _Runs(function, *arguments)}, protocol), "x.pkl")
    assert not victim.exists()


def test_numpy_functions_beyond_the_constructors_are_refused() -> None:
    for function in (np.load, np.fromfile, np.save):
        with pytest.raises(BadFile, match="tries to call"):
            read_pickle(_pickled(_Runs(function, "/etc/passwd")), "x.pkl")


# Written by hand: what no pickler writes.
_GLOBAL_RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
_GLOBAL_NDARRAY = b"cnumpy\nndarray\n"
_GLOBAL_DTYPE = b"cnumpy\ndtype\n"


@pytest.mark.parametrize(
    "data",
    [
        _GLOBAL_NDARRAY + b"(I1000000000\ntR.",  # numpy.ndarray(10**9)
        _GLOBAL_RECONSTRUCT + b"(" + _GLOBAL_DTYPE + b"(I0\ntS'b'\ntR.",  # an array of another class
        _GLOBAL_RECONSTRUCT + b"}S'_call'\nNsb.",  # replaces the reader's own function
        _GLOBAL_RECONSTRUCT + b"(N}S'_call'\nNstb.",  # the same by slots
        _GLOBAL_RECONSTRUCT + b".",  # a name instead of a value
        b"cnumpy.core.multiarray\nscalar\n(" + _GLOBAL_DTYPE + b"(S'O8'\nI0\nI1\ntRS'x'\ntR.",  # an object as raw bytes
        _GLOBAL_DTYPE + b"(S'O8'\nI0\nI1\ntR.",  # a dtype alone
        b"c_codecs\nencode\n(S'x'\nS'zlib'\ntR.",
        b"(lp0\ng0\na.",  # a list that holds itself
        b"\x80\x02\x8a\xff" + b"\x7f" * 10,  # a truncated integer
        b"\x80\x04r\xff\xff\xff\x7f.",  # a memo index of two thousand million
        b"P1\n.",  # data outside the file
        b"",
        b"not a pickle",
    ],
)
def test_pickles_that_no_tool_writes(data: bytes) -> None:
    with pytest.raises(BadFile):
        read_pickle(io.BytesIO(data), "x.pkl")
    np.testing.assert_array_equal(read_pickle(_pickled(np.ones(3)), "x.pkl"), np.ones(3))  # the reader is unharmed


def _with_state(shape: bytes, dtype: bytes, data: bytes) -> bytes:
    """A pickle of an array whose state is written by hand."""
    array = _GLOBAL_RECONSTRUCT + b"(" + _GLOBAL_NDARRAY + b"(I0\ntS'b'\ntR"
    return array + b"(I1\n" + shape + _GLOBAL_DTYPE + b"(" + dtype + b"I0\nI1\ntRI00\n" + data + b"tb."


@pytest.mark.parametrize(
    ("shape", "dtype", "data"),
    [
        (b"(I1000000000000\nt", b"S'f8'\n", b"S'x'\n"),  # more than the data
        (b"(I-1\nt", b"S'f8'\n", b"S'x'\n"),
        (b"(I5\nt", b"S'O8'\n", b"(l"),  # numpy's own reader would run past the end of this list
        (b"(I1\nt", b"S'f8'\n", b"I3\n"),
        (b"(I1\nt", b"S'i4,f8'\n", b"S'x'\n"),
        (b"S'x'\n", b"S'f8'\n", b"S'x'\n"),
    ],
)
def test_arrays_with_a_forged_state(shape: bytes, dtype: bytes, data: bytes) -> None:
    with pytest.raises(BadFile):
        read_pickle(io.BytesIO(_with_state(shape, dtype, data)), "x.pkl")


def test_the_forged_state_is_the_only_fault() -> None:
    good = _with_state(b"(I1\nt", b"S'u1'\n", b"S'A'\n")
    np.testing.assert_array_equal(read_pickle(io.BytesIO(good), "x.pkl"), [65])


def test_truncated_pickles_and_arrays() -> None:
    data = _pickled({"joints": np.ones((4, 22, 3))}).getvalue()
    for end in range(0, len(data), 97):
        with pytest.raises(BadFile):
            read_pickle(io.BytesIO(data[:end]), "x.pkl")
    stream = io.BytesIO()
    np.save(stream, np.ones((4, 22, 3)))
    for end in (0, 5, 40, 200, len(stream.getvalue()) - 1):
        with pytest.raises(BadFile):
            read_npy(io.BytesIO(stream.getvalue()[:end]), "x.npy")


def test_a_huge_shape_in_an_npy_header_costs_nothing() -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 22, 3), }"
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 8
    with pytest.raises(BadFile, match="header says"):
        read_npy(io.BytesIO(data), "x.npy")


# The layouts of other tools


def _samples(count: int = 3, frames: int = 40) -> np.ndarray:
    return np.stack([walking_in_a_circle(frames) + np.float32([i, 0, 0]) for i in range(count)])


def test_array_of_joints(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", _samples()[0])
    np.save(tmp_path / "several.npy", _samples())
    np.testing.assert_array_equal(read_motions(tmp_path / "one.npy").clip().joints, _samples()[0])
    np.testing.assert_array_equal(read_motions(tmp_path / "several.npy").clip(2).joints, _samples()[2])


def test_results_of_mdm(tmp_path: Path) -> None:
    results = {
        "motion": _samples().transpose(0, 2, 3, 1),
        "text": ["walks", "runs", "jumps"],
        "lengths": np.array([40, 30, 20]),
        "num_samples": 3,
        "num_repetitions": 1,
    }
    np.save(tmp_path / "results.npy", results)
    motions = read_motions(tmp_path / "results.npy")
    assert motions.texts == results["text"] and [len(joints) for joints in motions.joints] == [40, 30, 20]
    np.testing.assert_array_equal(motions.clip(1).joints, _samples()[1][:30])


def test_pickles_of_motionlcm(tmp_path: Path) -> None:
    joints = _samples()[0]
    hint = np.zeros_like(joints)
    hint[::10, 0] = joints[::10, 0]
    content = {"joints": joints, "text": "a person walks", "length": 40, "hint": hint}
    (tmp_path / "0.pkl").write_bytes(pickle.dumps(content))
    clip = read_motions(tmp_path / "0.pkl").clip()
    np.testing.assert_array_equal(clip.joints, joints)
    assert clip.prompt == "a person walks"
    assert clip.hint_mask is not None and clip.hint_mask.sum() == 4 and clip.hint_mask[::10, 0].all()


def test_list_of_motions_of_several_lengths(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"joints": [standing(20), standing(30)], "text": ["a", "b"]}))
    motions = read_motions(tmp_path / "a.pkl")
    assert [len(joints) for joints in motions.joints] == [20, 30] and motions.texts == ["a", "b"]


def test_our_own_archive(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"joints": _samples()[0], "text": ["walks"], "fps": 30}))
    clip = read_motions(tmp_path / "a.pkl").clip()
    again = read_motions(export_clip(clip, tmp_path / "a.npz")).clip()
    np.testing.assert_array_equal(again.joints, clip.joints)
    assert (again.fps, again.prompt) == (30.0, "walks")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((40, 263), "263 motion features"),
        ((40, 21, 3), "KIT"),
        ((40, 66), "Reshape"),
        ((40, 24, 3), "first 22"),
        ((40, 3), "not a known layout"),
        ((2, 2, 40, 22, 3), "not a known layout"),
        ((0, 22, 3), "no frames"),
    ],
)
def test_wrong_shapes_are_explained(tmp_path: Path, shape: tuple[int, ...], words: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    with pytest.raises(BadFile, match=words):
        read_motions(tmp_path / "a.npy")


def test_other_content_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"weights": np.zeros(3)}))
    with pytest.raises(BadFile, match="no joints: its entries are weights"):
        read_motions(tmp_path / "a.pkl")
    (tmp_path / "b.pkl").write_bytes(pickle.dumps("hello"))
    with pytest.raises(BadFile, match="does not contain numbers"):
        read_motions(tmp_path / "b.pkl")
    joints = standing(20)
    joints[3, 4, 1] = np.inf
    np.save(tmp_path / "c.npy", joints)
    with pytest.raises(BadFile, match="not finite"):
        read_motions(tmp_path / "c.npy")
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadFile, match="not a numpy archive"):
        read_motions(tmp_path / "d.npz")
    with pytest.raises(BadFile, match="no file"):
        read_motions(tmp_path / "missing.npy")
    with pytest.raises(BadFile, match="can be converted"):
        read_motions(tmp_path / "a.fbx")
    with pytest.raises(BadFile, match="There is no sample 5"):
        np.save(tmp_path / "e.npy", standing(20))
        read_motions(tmp_path / "e.npy").clip(5)


def test_hostile_member_of_an_archive(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([_Runs(os.mkdir, str(tmp_path / "victim"))], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("joints.npy", stream.getvalue())
    with pytest.raises(BadFile, match="tries to call"):
        read_motions(tmp_path / "a.npz")
    assert not (tmp_path / "victim").exists()
