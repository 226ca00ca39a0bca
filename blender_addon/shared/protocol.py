# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire between a client (add-on, script) and the engine: version 4. This page is the authority.

Transport: ZeroMQ, DEALER (client) to ROUTER (engine) over TCP, with CURVE; the keys and the address stand in the
connection file (``connection.py``). Whoever does not hold the client key is not heard.

Framing: one ZeroMQ frame a message; the frame is one msgpack map ``{"type": <class name>, <field>: <value>, ...}``.
Every field is always present. An array is ``{"dtype", "shape", "bytes"}``: float32, int32 or bool, raw little-endian
in C order. Nothing else: no pickle, no extension types. A map that lacks a field or has one too many is refused.

Conversation::

    client                                       engine
    Hello ──────────────────────────────────────►
          ◄────────────────────────────────────── Welcome        as soon as the model is loaded
    Generate ───────────────────────────────────►
          ◄────────────────────────────────────── Progress*      fraction rises from 0 to 1
          ◄────────────────────────────────────── Part*          between them, only for a Generate with stream
          ◄────────────────────────────────────── Result | Error exactly one of them for each Generate
    Cancel ─────────────────────────────────────►                 the Generate ends with Error "cancelled"
    Ping ───────────────────────────────────────►                 at any time, also before Hello
          ◄────────────────────────────────────── Pong           at once, also while the engine loads or generates

- A client that sends nothing for ``CLIENT_TIMEOUT`` seconds, or that cannot be reached, is forgotten and its request
  is cancelled: send a Ping every ``PING_INTERVAL`` seconds, and Hello again after a long silence. Its next Ping is
  answered by an Error with an empty ``request_id`` too.
- Parts follow each other without a gap from frame 0 and are final: their frames stand unchanged in the Result, which
  holds the whole motion again. A client may ignore them.
- A new Generate replaces the client's own older one, queued or running; the older one ends with Error ``cancelled``.
- A message that cannot be decoded is answered by Error ``protocol`` with an empty ``request_id``; nothing else changes.
- Shutdown asks the engine to end. An engine that ends answers each open request with an Error.
- Both sides must speak the same version: an engine answers another one's Hello by Error ``protocol``, a client leaves
  an engine whose connection file or Welcome tells another one; both say which side is the older (``other_version``).

Versions: 4 added ``ground`` to Generate. 3 added ``met_frames`` and ``path_offset`` to Result: what the engine decided
travels with the motion; to Generate ``closeness``, with ``sources``, ``nearness``, ``closest`` and ``notice`` in
Result: captured motion; and ``from_standing`` and ``to_standing``. 2 added prompts in blocks, ranges, loops, obstacles
and Parts.

Shape letters: T frames at 20 a second, V variations, K hints with slack. Points are WORLD points in model axes:
metres, Y up; at any place and heading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, get_args

import msgpack
import numpy as np

from .errors import ProtocolError
from .wire import MAX_ITEMS, MAX_TEXT_LENGTH, Array, bad, from_plain, to_plain

PROTOCOL_VERSION = 4

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""Ten minutes of motion in eight variations is 25 MB."""
MAX_CLIENTS = 16
"""Each may have one request running or queued, so this bounds the queue as well."""
MAX_REQUEST_ID_LENGTH = 128
PING_INTERVAL = 2.0
"""Seconds between a client's Pings."""
CLIENT_TIMEOUT = 60.0
"""Seconds of silence after which the engine forgets a client; long, since Blender's main thread may render or load."""
ENGINE_TIMEOUT = 10.0
"""Seconds without any answer after which a client takes the engine for dead."""

Hint = Annotated[np.ndarray, Array("float32", "T", 22, 3)]
HintMask = Annotated[np.ndarray, Array("bool", "T", 22)]
Joints = Annotated[np.ndarray, Array("float32", "V", "T", 22, 3)]
FootContacts = Annotated[np.ndarray, Array("bool", "V", "T", 4)]
Tolerance = Annotated[np.ndarray, Array("float32", "T", 22)]
Slack = Annotated[np.ndarray, Array("int32", "T", 22)]
Base = Annotated[np.ndarray, Array("float32", "T", 22, 3)]
BaseMask = Annotated[np.ndarray, Array("bool", "T")]
MetFrames = Annotated[np.ndarray, Array("int32", "V", "K")]
PathOffset = Annotated[np.ndarray, Array("float32", "T", 3)]
GroundHeights = Annotated[np.ndarray, Array("float32", "H")]
Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


@dataclass(frozen=True)
class Hello:
    """A client introduces itself; the engine answers Welcome, or Error ``protocol`` if it speaks another version."""

    protocol_version: int
    client: str
    client_version: str


@dataclass(frozen=True)
class Welcome:
    """What this engine is: the skeleton's joints, those that can be controlled, the lengths it can make, its device."""

    protocol_version: int
    engine_version: str
    model: str
    model_hash: str
    skeleton: tuple[str, ...]
    fps: float
    min_frames: int
    max_frames: int
    joints: tuple[str, ...]
    device: str


@dataclass(frozen=True)
class PromptBlock:
    """A sentence and the frames it holds for."""

    text: str
    start_frame: int
    num_frames: int


@dataclass(frozen=True)
class RelativeTarget:
    """``joint`` is ``offset`` away from ``to_joint`` during these frames: a hand that stays on the hip.

    ``offset`` is in metres along the body's own level axes at that frame: X to the character's left, Y up, Z ahead.
    """

    joint: str
    to_joint: str
    offset: Vector
    start_frame: int
    num_frames: int


@dataclass(frozen=True)
class Obstacle:
    """A solid that no joint may enter, nor come nearer to than ``margin`` metres, in any frame.

    ``kind`` is 'sphere', 'box' or 'capsule'; ``centre`` a world point. ``size`` in metres: a sphere's radius (its
    first number; the others do not count), a box's half edges along its own X, Y, Z, a capsule's radius and half the
    length of its axis, which runs along its own Y (the third number does not count). ``rotation`` (w, x, y, z) turns
    the solid's own axes into the world's.
    """

    kind: str
    centre: Vector
    size: Vector
    rotation: Quaternion = (1.0, 0.0, 0.0, 0.0)
    margin: float = 0.0


@dataclass(frozen=True)
class GroundPatch:
    """Ground under the character during these frames: ``rows`` (along Z) of ``columns`` (along X) heights, the first of
    them ``Ground.heights[first]``, over the place ``origin`` (x, z).
    """

    start_frame: int
    num_frames: int
    origin: tuple[float, float]
    rows: int
    columns: int
    first: int


@dataclass(frozen=True, eq=False)
class Ground:
    """What feet stand on where that is not the level floor at height 0: ``heights`` (H,) in metres, ``cell`` metres
    apart, in ``patches`` that follow each other over the motion. So a way may lead over itself, as on winding stairs.
    """

    cell: float
    heights: GroundHeights
    patches: tuple[GroundPatch, ...]


@dataclass(frozen=True, eq=False)
class Generate:
    """Ask for a motion. ``request_id`` is the client's own, new for each request.

    ``prompts``: blocks that follow each other without a gap over the ``num_frames`` of the motion.
    ``hint`` (T,22,3) and ``hint_mask`` (T,22): where a joint should be at a frame, metres, and which are asked for.
    ``num_inference_steps`` 0 and ``guidance_scale`` None mean the model's own. ``heading`` is the way the character
    faces at the start, in radians about +Y (0 faces +Z); None takes it from the path. ``free_height``: the pelvis's
    hints are a path on the ground, whose height the model chooses. ``plant_feet``: feet that stand do not slide.

    How exactly hints are met: ``exact`` brings joints onto their hints after refining. ``tolerance`` (T,22) are the
    metres that a joint may stay away from its hint: 0 is to be hit, inf only steers; None is 0 for all. ``slack``
    (T,22) are the frames by which a hint may be met earlier or later; None is 0 for all. ``relative`` and
    ``obstacles`` are further goals.

    ``loop``: the last frame is the first one again, in pose, velocity and heading, so that the motion can be repeated;
    along a path that ends elsewhere or otherwise turned, up to a move and a turn about the vertical. ``in_place``: the
    way over the ground is taken out, as on a treadmill: the pelvis stays over its starting point; turns and heights
    remain, and errors are those on the way that was walked.

    ``base`` (T,22,3) is an earlier motion and ``base_mask`` (T,) its frames that stay as they are, to the bit, in every
    variation; the others are regenerated and join it smoothly. Both are given, or neither.
    ``stream``: send each stretch of the motion as a Part as soon as it is final.

    ``closeness`` (0..1): to captured motion, where the engine has a library of it. A sentence's motion is made of
    captured clips if the closest caption is at least ``1 - closeness`` near to it: 1 always, 0 never, which leaves all
    to the network. None is the engine's default.

    ``from_standing``, ``to_standing``: the character starts from a stand, or comes to one at the end. The path is
    walked at a speed that rises from nothing at its start, or falls to nothing at its end, and a little faster in
    between: places stay what they are, and so does the length of the motion, but hints are met in other frames than
    their own. Left as it is where the path is that slow there already, and in a loop or where a motion is kept in part.
    """

    request_id: str
    prompts: tuple[PromptBlock, ...]
    num_frames: int
    hint: Hint
    hint_mask: HintMask
    seed: int = 0
    num_inference_steps: int = 0
    guidance_scale: float | None = None
    refine: bool = True
    num_variations: int = 1
    heading: float | None = None
    free_height: bool = False
    plant_feet: bool = True
    exact: bool = True
    tolerance: Tolerance | None = None
    slack: Slack | None = None
    relative: tuple[RelativeTarget, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    loop: bool = False
    in_place: bool = False
    base: Base | None = None
    base_mask: BaseMask | None = None
    stream: bool = False
    closeness: float | None = None
    from_standing: bool = False
    to_standing: bool = False
    ground: Ground | None = None


@dataclass(frozen=True)
class Progress:
    """How far a request is: ``stage`` is a short phrase for the user, ``fraction`` in 0..1 over the whole request."""

    request_id: str
    stage: str
    fraction: float


@dataclass(frozen=True, eq=False)
class Part:
    """A stretch of a motion under way, from ``start_frame`` on: ``joints`` (V,T,22,3) metres, ``foot_contacts``
    (V,T,4), with T the frames of this stretch.
    """

    request_id: str
    start_frame: int
    joints: Joints
    foot_contacts: FootContacts


@dataclass(frozen=True)
class ControlError:
    """Distances between where joints were asked to be and where they are, in metres."""

    average: float
    maximum: float
    percentile95: float


@dataclass(frozen=True)
class MotionSource:
    """These frames of a motion were made of the captured clip ``clip``, captioned ``caption``, or its mirror image."""

    clip: str
    caption: str
    start_frame: int
    num_frames: int
    mirrored: bool


@dataclass(frozen=True, eq=False)
class Result:
    """A finished request: ``joints`` (V,T,22,3) metres and ``foot_contacts`` (V,T,4) of each variation.

    ``control_errors`` and ``foot_skating`` (a ratio) hold one entry a variation, ``timing`` seconds by stage;
    ``seed`` and ``model_hash`` let the same motion be made again.

    What the engine decided: ``met_frames`` (V,K) are the frames in which each variation meets the hints with slack, or
    with ``from_standing`` or ``to_standing`` all hints, in the order of ``hints_that_move``; None when there are none.
    Of a hint in every frame it is the nearest frame. ``path_offset`` (T,3) are the metres by which the
    path of the pelvis was led around obstacles, in all variations: hints plus offset are what was followed; None when
    it was led nowhere. Errors are told from the hints where they are met, and from the path as it was asked for.

    Where the motion comes from: ``sources`` holds for each variation what it was made of, in the order of time; frames
    that none covers are the network's. ``nearness`` is the cosine of the sentence to ``closest``, the library's closest
    caption, for the one of the sentences that is least near; None without a library. ``notice`` is what the user should
    know of that sentence, when nothing captured is near; else it is empty.
    """

    request_id: str
    joints: Joints
    foot_contacts: FootContacts
    control_errors: tuple[ControlError, ...]
    foot_skating: tuple[float, ...]
    timing: dict[str, float]
    seed: int
    model_hash: str
    met_frames: MetFrames | None = None
    path_offset: PathOffset | None = None
    sources: tuple[tuple[MotionSource, ...], ...] = ()
    nearness: float | None = None
    closest: str = ""
    notice: str = ""


@dataclass(frozen=True)
class Cancel:
    """Stop a request; an id that is not running is ignored."""

    request_id: str


@dataclass(frozen=True)
class Error:
    """A request failed, or, with an empty ``request_id``, a message did.

    ``code`` is one of ``errors.py``, ``message`` says what happened, ``hint`` what to do.
    """

    request_id: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Ping:
    """Are you there? Answered by a Pong with the same token."""

    token: int


@dataclass(frozen=True)
class Pong:
    """Yes."""

    token: int


@dataclass(frozen=True)
class Shutdown:
    """Ask the engine to end."""


Message = Hello | Welcome | Generate | Progress | Part | Result | Cancel | Error | Ping | Pong | Shutdown
MESSAGES: dict[str, type] = {kind.__name__: kind for kind in get_args(Message)}


def hints_that_move(hint_mask: np.ndarray, slack: np.ndarray | None, standing: bool = False) -> np.ndarray:
    """(K, 2): frame and joint of each hint in ``hint_mask`` (T, J) that may be met in another frame, by frame, then
    joint: those with ``slack`` (T, J), or all where a motion starts from or comes to a ``standing``.
    """
    if not standing and slack is None:
        return np.empty((0, 2), int)
    return np.argwhere(hint_mask & (standing | (0 if slack is None else slack > 0)))


def other_version(client: str, client_version: int, engine: str, engine_version: int) -> ProtocolError:
    """The error of a client and an engine, as they are called, that speak different versions of the protocol."""
    older, other = ("engine", "add-on") if engine_version < client_version else ("add-on", "engine")
    return ProtocolError(
        f"{engine} speaks protocol {engine_version}, {client} speaks protocol {client_version}.",
        f"Update the {older}: it is older than the {other}. Both must be of the same version of Gaitway.",
    )


def encode(message: Message) -> bytes:
    """A message -> the bytes of one frame. Raises ProtocolError if a field holds a wrong value, or all is too large."""
    if type(message) not in MESSAGES.values():
        raise bad(f"{type(message).__name__} is not a message.")
    try:
        data = msgpack.packb({"type": type(message).__name__, **to_plain(message)})
    except UnicodeEncodeError as error:
        raise bad(f"{type(message).__name__} holds text that is not valid Unicode.") from error
    if len(data) > MAX_MESSAGE_BYTES:
        raise _too_large(len(data))
    return data


def decode(data: bytes) -> Message:
    """The bytes of one frame -> a message. Raises ProtocolError, and nothing else, for whatever is not a message."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise _too_large(len(data))
    try:
        plain = msgpack.unpackb(
            data,
            object_pairs_hook=_map_without_duplicates,
            max_str_len=4 * MAX_TEXT_LENGTH,
            max_bin_len=MAX_MESSAGE_BYTES,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
            max_ext_len=0,
        )
    except ProtocolError:
        raise
    except Exception as error:  # msgpack raises a dozen kinds for bytes that are not msgpack; all mean the same here
        raise bad("The message is not valid msgpack, or was cut short.") from error
    if not isinstance(plain, dict):
        raise bad(f"A message must be a map, but is {type(plain).__name__}.")
    tag = plain.pop("type", None)
    if not isinstance(tag, str) or tag not in MESSAGES:
        raise bad(f"There is no message of type {str(tag)[:50]!r}.")
    return from_plain(MESSAGES[tag], plain)


def _map_without_duplicates(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs) or not all(isinstance(key, str) for key in plain):
        raise bad("A map in the message has a key twice, or a key that is not text.")
    return plain


def _too_large(size: int) -> ProtocolError:
    return ProtocolError(
        f"The message has {size / 1e6:.1f} MB; the limit is {MAX_MESSAGE_BYTES / 1e6:.1f} MB.",
        "Ask for a shorter motion or for fewer variations.",
    )
