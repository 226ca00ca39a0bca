# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message class survives the wire; no bytes whatever make decode raise anything but ProtocolError."""

from __future__ import annotations

import contextlib
import random
from dataclasses import fields, is_dataclass, replace
from typing import Any

import msgpack
import numpy as np
import pytest

from blender_addon.shared import protocol
from blender_addon.shared.errors import ProtocolError
from blender_addon.shared.protocol import MESSAGES, ControlError, PromptBlock, decode, encode

RNG = np.random.default_rng(5)
EXAMPLES: dict[str, Any] = {
    "Hello": protocol.Hello(2, "blender", "0.1.0"),
    "Welcome": protocol.Welcome(
        2, "0.1.0", "gaitway-small", "ab12", ("pelvis", "head"), 20.0, 20, 196, ("pelvis",), "cpu"
    ),
    "Generate": protocol.Generate(
        "r1",
        (PromptBlock("geht im Kreis ö", 0, 40), PromptBlock("", 40, 20)),
        60,
        RNG.normal(size=(60, 22, 3)).astype(np.float32),
        RNG.random((60, 22)) < 0.5,
        seed=2**40,
        guidance_scale=7.5,
        heading=-1.25,
        exact=False,
        tolerance=np.where(RNG.random((60, 22)) < 0.5, np.inf, 0.01).astype(np.float32),
        slack=RNG.integers(0, 5, (60, 22)).astype(np.int32),
        relative=(protocol.RelativeTarget("left_wrist", "pelvis", (0.2, 0.0, 0.1), 10, 30),),
        obstacles=(
            protocol.Obstacle("sphere", (0.0, 1.0, 2.0), (0.5, 0.0, 0.0)),
            protocol.Obstacle("box", (0.0, 1.0, 2.0), (0.5, 0.25, 1.0), (0.0, 0.0, 1.0, 0.0), 0.02),
        ),
        loop=True,
        base=RNG.normal(size=(60, 22, 3)).astype(np.float32),
        base_mask=RNG.random(60) < 0.5,
        stream=True,
        closeness=0.5,
        ground=protocol.Ground(
            0.5, RNG.normal(size=8).astype(np.float32), (protocol.GroundPatch(0, 60, (-1.0, 2.0), 2, 4, 0),)
        ),
    ),
    "Progress": protocol.Progress("r1", "denoising", 0.25),
    "Part": protocol.Part("r1", 40, RNG.normal(size=(2, 20, 22, 3)).astype(np.float32), RNG.random((2, 20, 4)) < 0.5),
    "Result": protocol.Result(
        "r1",
        RNG.normal(size=(2, 60, 22, 3)).astype(np.float32),
        RNG.random((2, 60, 4)) < 0.5,
        (ControlError(0.01, 0.02, 0.015), ControlError(0.0, 0.0, 0.0)),
        (0.05, 0.0),
        {"text": 0.01, "denoise": 0.2},
        7,
        "ab12",
        RNG.integers(0, 60, (2, 3)).astype(np.int32),
        RNG.normal(size=(60, 3)).astype(np.float32),
        ((protocol.MotionSource("clip1", "a person walks", 0, 60, True),), ()),
        0.75,
        "a person walks",
        "Nothing is near.",
    ),
    "Cancel": protocol.Cancel("r1"),
    "Error": protocol.Error("", "protocol", "Something is wrong.", "Do this."),
    "Ping": protocol.Ping(2**62),
    "Pong": protocol.Pong(-1),
    "Shutdown": protocol.Shutdown(),
}


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    for field in fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if is_dataclass(a):
            assert_same(a, b)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        else:
            assert type(a) is type(b) and a == b


def plain(name: str) -> dict[str, Any]:
    return msgpack.unpackb(encode(EXAMPLES[name]))


def refused(data: bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decode(data)
    assert caught.value.message.endswith(".") and caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_survives_the_wire(name: str) -> None:
    data = encode(EXAMPLES[name])
    message = decode(data)
    assert_same(message, EXAMPLES[name])
    assert encode(message) == data
    assert msgpack.unpackb(data)["type"] == name


@pytest.mark.parametrize("name", MESSAGES)
def test_every_missing_and_every_extra_field_is_refused(name: str) -> None:
    for key in plain(name):
        refused(msgpack.packb({k: v for k, v in plain(name).items() if k != key}))
    assert "surprise" in refused(msgpack.packb({**plain(name), "surprise": 1})).message


@pytest.mark.parametrize("name", MESSAGES)
def test_every_field_refuses_values_of_another_type(name: str) -> None:
    wrong: list[Any] = [
        None,
        True,
        3,
        1.5,
        "text",
        b"bytes",
        [],
        [None],
        {},
        {"a": "b"},
        float("nan"),
        2**64 - 1,
        [[[[]]]],
    ]
    for key, value in plain(name).items():
        accepted = 0
        for other in wrong:
            try:
                decode(msgpack.packb({**plain(name), key: other}))
                accepted += 1
            except ProtocolError:
                pass
        assert accepted <= 4, f"{name}.{key} = {value!r} accepts nearly anything"


@pytest.mark.parametrize("name", MESSAGES)
def test_every_truncation_is_refused(name: str) -> None:
    data = encode(EXAMPLES[name])
    for end in sorted({*range(0, min(len(data), 600)), *range(0, len(data), 997)}):
        refused(data[:end])
    refused(data + b"\0")


def test_random_and_mutated_bytes_never_raise_anything_else() -> None:
    rng = random.Random(11)
    seeds = [encode(message) for message in EXAMPLES.values()]
    for turn in range(6000):
        if turn % 3:
            data = bytearray(rng.choice(seeds)[:2000] if turn % 2 else rng.choice(seeds))
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(min(len(data), 400))] = rng.randrange(256)
        else:
            data = bytearray(rng.randbytes(rng.randint(0, 200)))
        with contextlib.suppress(ProtocolError):
            decode(bytes(data))


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "float64", "shape": [60, 22, 3], "bytes": bytes(60 * 22 * 3 * 8)},
        {"dtype": "int32", "shape": [60, 22, 3], "bytes": bytes(60 * 22 * 3 * 4)},
        {"dtype": "float32", "shape": [60, 22, 3], "bytes": bytes(60 * 22 * 3 * 4 - 1)},
        {"dtype": "float32", "shape": [60, 21, 3], "bytes": bytes(60 * 21 * 3 * 4)},
        {"dtype": "float32", "shape": [59, 22, 3], "bytes": bytes(59 * 22 * 3 * 4)},
        {"dtype": "float32", "shape": [-60, -22, 3], "bytes": bytes(60 * 22 * 3 * 4)},
        {"dtype": "float32", "shape": [2**40, 22, 3], "bytes": b""},
        {"dtype": "float32", "shape": [60.0, 22, 3], "bytes": bytes(60 * 22 * 3 * 4)},
        {"dtype": "float32", "shape": [60, 22, 3], "bytes": "x" * (60 * 22 * 3 * 4)},
        {"dtype": "float32", "shape": [60, 22, 3]},
        {"dtype": ["float32"], "shape": [60, 22, 3], "bytes": bytes(60 * 22 * 3 * 4)},
        [0.0] * 3960,
    ],
)
def test_wrong_arrays_are_refused(array: Any) -> None:
    refused(msgpack.packb({**plain("Generate"), "hint": array}))


@pytest.mark.parametrize(
    ("message", "name"),
    [("Generate", name) for name in ("tolerance", "slack", "base", "base_mask")]
    + [("Result", name) for name in ("met_frames", "path_offset")],
)
def test_an_array_may_be_left_out_but_must_fit_when_it_is_there(message: str, name: str) -> None:
    given: Any = EXAMPLES[message]
    left_out: Any = decode(encode(replace(given, **{name: None})))
    assert getattr(left_out, name) is None
    for array in (getattr(given, name)[:-1], getattr(given, name).astype(np.float64)):
        with pytest.raises(ProtocolError, match=name):
            encode(replace(given, **{name: array}))


def test_hints_that_move_are_listed_by_frame_then_joint() -> None:
    mask, slack = np.zeros((5, 22), bool), np.zeros((5, 22), np.int32)
    mask[[3, 1, 1, 2], [0, 7, 4, 9]] = True
    slack[[3, 1, 1, 4], [0, 7, 4, 9]] = 2
    assert protocol.hints_that_move(mask, slack).tolist() == [[1, 4], [1, 7], [3, 0]]
    assert protocol.hints_that_move(mask, None).shape == (0, 2)
    assert protocol.hints_that_move(mask, None, standing=True).tolist() == [[1, 4], [1, 7], [2, 9], [3, 0]]


@pytest.mark.parametrize(("client", "engine", "older"), [(2, 3, "add-on"), (3, 2, "engine")])
def test_the_older_side_is_named(client: int, engine: int, older: str) -> None:
    error = protocol.other_version("this add-on", client, "Engine 0.1", engine)
    assert f"this add-on speaks protocol {client}" in error.message
    assert f"Engine 0.1 speaks protocol {engine}" in error.message
    assert f"Update the {older}" in error.hint


@pytest.mark.parametrize("centre", [[0.0, 1.0], [0.0, 1.0, 2.0, 3.0], [], [0.0, 1.0, None]])
def test_a_point_has_three_numbers(centre: Any) -> None:
    message = plain("Generate")
    message["obstacles"][0]["centre"] = centre
    assert "centre" in refused(msgpack.packb(message)).message
    with pytest.raises(ProtocolError, match="centre"):
        encode(replace(EXAMPLES["Generate"], obstacles=(protocol.Obstacle("box", tuple(centre), (1.0, 1.0, 1.0)),)))


def test_booleans_other_than_0_and_1_are_refused() -> None:
    mask = {"dtype": "bool", "shape": [60, 22], "bytes": bytes([2]) * (60 * 22)}
    assert "hint_mask" in refused(msgpack.packb({**plain("Generate"), "hint_mask": mask})).message


def test_deep_large_and_ambiguous_maps_are_refused() -> None:
    refused(b"\x91" * 100_000 + b"\x00")
    refused(b"\x81\xa4type" * 5_000 + b"\x00")
    refused(b"\xdd\xff\xff\xff\xff")
    assert "MB" in refused(bytes(protocol.MAX_MESSAGE_BYTES + 1)).message
    refused(msgpack.packb({**plain("Progress"), "stage": "x" * 20_000}))
    assert "twice" in refused(b"\x82\xa4type\xa4Ping\xa4type\xa4Ping").message
    refused(msgpack.packb({"type": "Ping", "token": msgpack.Timestamp(1, 2)}))


@pytest.mark.parametrize(
    "message",
    [
        replace(EXAMPLES["Generate"], hint=EXAMPLES["Generate"].hint.astype(np.float64)),
        replace(EXAMPLES["Generate"], hint=EXAMPLES["Generate"].hint[:50]),
        replace(EXAMPLES["Generate"], hint=[1.0]),
        replace(EXAMPLES["Generate"], prompts=("walk",)),
        replace(EXAMPLES["Generate"], seed="3"),
        replace(EXAMPLES["Ping"], token=True),
        replace(EXAMPLES["Ping"], token=2**63),
        replace(EXAMPLES["Progress"], fraction=float("inf")),
        replace(EXAMPLES["Progress"], stage="\ud800"),
        PromptBlock("walk", 0, 20),
        "Ping",
    ],
)
def test_the_sender_is_told_of_its_own_mistakes(message: Any) -> None:
    with pytest.raises(ProtocolError):
        encode(message)


def test_numpy_scalars_and_any_memory_layout_are_welcome() -> None:
    joints = np.asfortranarray(EXAMPLES["Result"].joints)[:, ::-1]
    sent = replace(EXAMPLES["Result"], joints=joints, foot_skating=(np.float32(0.5), 1), seed=np.int64(7))
    got: Any = decode(encode(sent))
    assert np.array_equal(got.joints, joints) and got.foot_skating == (0.5, 1.0) and type(got.seed) is int
    got.joints[0, 0, 0, 0] = 1.0  # the receiver's own copy
