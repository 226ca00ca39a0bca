# SPDX-License-Identifier: GPL-3.0-or-later
"""More motion out of what was captured: mirror images, other tempos, walks that bend; and how often each is drawn.

Shapes: T frames, J = 22 joints, F = 263 features. Metres, radians, 20 fps.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from blender_addon.shared import features as feature_set
from blender_addon.shared.skeleton import FPS, SKELETON

from .plant_feet import plant_feet

LONG = 200  # frames
SHORTEST_LOOP, SEAM = 18, 8  # frames
MISFIT = 0.09  # metres, mean over joints, place and speed together
STANDING_PACE, PACE_SMOOTHING = 0.4, 2.0  # beside 1 with both feet free; frames
WALKS = re.compile(r"\b(walk|run|jog|strid|creep|sneak)", re.IGNORECASE)
PACES = re.compile(r"\b(walk|run|jog|sprint|strid)", re.IGNORECASE)
CARRIED = "@carried"
SIDEWAYS = 2.5  # m/s^2, of a bend: what a walker or runner leans into
LOCOMOTION = re.compile(r"\b(walk|run|jog|sprint|step|stride|pac(e|ing)\b|turn)", re.IGNORECASE)


@dataclass(frozen=True)
class Variants:
    """What is made of one captured motion: it and its mirror image, each also at other ``tempos``, and, where a caption
    speaks of walking or running, each also bent by one of ``bends`` (radians a second) that a body of its speed can
    take.

    Walks and runs that come back to a pose are also prolonged by repeating what lies between, to ``LONG`` frames, and
    led along one of ``windings`` (yaw in radians a second, period in seconds, phase) that their speed allows: few
    captured walks are longer than some steps, and hardly any winds as drawn paths do.
    What is neither walking nor running is also ``carried`` along, at one of so many metres a second: else a path would
    tell all about the motion, and the sentence nothing (see :func:`carry`; for stages with hints only).
    Which one it is depends on the clip's name alone. ``weights``: pairs of a pattern and a factor; captions that match
    make a clip be drawn that much more often.
    """

    mirrored: bool = False
    tempos: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()
    windings: tuple[tuple[float, float, float], ...] = ()
    carried: tuple[float, ...] = ()
    weights: tuple[tuple[str, float], ...] = ()

    def of(
        self, name: str, joints: np.ndarray, captions: Sequence[str]
    ) -> Iterator[tuple[str, np.ndarray, tuple[str, ...]]]:
        """(name, features (T-1, F), captions) of each variant of joints (T, J, 3), itself first."""
        sides = [(name, joints, tuple(captions))]
        if self.mirrored:
            sides.append((f"{name}_mirrored", mirror(joints), tuple(map(mirror_text, captions))))
        for label, side, texts in sides:
            plain = _features(side)
            yield label, plain, texts
            for tempo in self.tempos:
                yield f"{label}@{tempo}", _features(change_tempo(side, tempo)), texts
            yield from ((f"{label}{ending}", made, texts) for ending, made in self._led(label, side, plain, texts))

    def _led(
        self, label: str, joints: np.ndarray, plain: np.ndarray, texts: Sequence[str]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """(ending of the name, features) of the motion on other ways."""
        chance = random.Random(label)
        speed = float(np.linalg.norm(plain[:, feature_set.GROUND_VELOCITY], axis=-1).mean()) * FPS
        bends = [rate for rate in self.bends if abs(rate) * speed <= SIDEWAYS]
        if bends and _says(LOCOMOTION, texts):
            rate = chance.choice(bends)
            yield f"@bend{rate}", bend(plain, rate)
        windings = [number for number, (yaw, *_) in enumerate(self.windings) if abs(yaw) * speed <= SIDEWAYS]
        long = prolong(plain) if windings and _says(WALKS, texts) else None
        if long is not None:
            number = chance.choice(windings)
            yield f"@long{number}", wind(long, *self.windings[number])
        if self.carried and not _says(PACES, texts):
            number = chance.randrange(len(self.carried))
            yield f"{CARRIED}{number}", _features(carry(joints, self.carried[number]))

    def weight_of(self, captions: Sequence[str]) -> float:
        """Product of the factors whose pattern any caption matches."""
        matched = [factor for pattern, factor in self.weights if any(re.search(pattern, text) for text in captions)]
        return float(np.prod(matched))


def _says(pattern: re.Pattern[str], texts: Sequence[str]) -> bool:
    return any(pattern.search(text) for text in texts)


NO_VARIANTS = Variants()


def prolong(features: np.ndarray, frames: int = LONG) -> np.ndarray | None:
    """The walk (T, F) made ``frames`` long by repeating the part between two like poses; None when there are none.

    The misfit at each seam is spread over the frames behind it (inertialisation).
    """
    if len(features) >= frames or len(features) < SHORTEST_LOOP + 4:
        return None
    pose = features[:, feature_set.JOINT_POSITIONS].reshape(len(features), -1, 3)
    speed = features[:, feature_set.JOINT_VELOCITIES].reshape(len(features), -1, 3)[:, 1:]
    state = np.concatenate([pose, 2.0 * speed], -1)  # metres, and metres in two frames
    apart = np.linalg.norm(state[:, None] - state[None], axis=-1).mean(-1)
    early, late = np.triu_indices(len(features), SHORTEST_LOOP)
    best = int(apart[early, late].argmin())
    first, last = int(early[best]), int(late[best])
    if apart[first, last] > MISFIT:
        return None
    made = [features[:last]]
    missing, fade = features[last] - features[first], (1 - np.arange(SEAM) / SEAM) ** 2
    while sum(map(len, made)) < frames:
        again = features[first:last].copy()
        again[:SEAM] += missing * fade[:, None]
        made.append(again)
    return np.concatenate(made)[:frames]


def wind(features: np.ndarray, yaw: float, period: float, phase: float) -> np.ndarray:
    """The motion (T, F) on a way that turns by yaw x sin(2 pi t / period + phase) radians a second more."""
    times = np.arange(len(features)) / FPS
    return _turned(features, yaw * np.sin(2 * np.pi * times / period + phase))


def carry(joints: np.ndarray, speed: float) -> np.ndarray:
    """The motion (T, 22, 3) while the body also goes on at ``speed`` (m/s) where it faces at first: a dance or a jump
    along a path. Feet that stand stay where they are (see :mod:`training.data.plant_feet`), the others go with the
    body, which goes faster while fewer stand.
    """
    canonical = feature_set.canonicalize(joints)
    contacts = feature_set.foot_contacts(canonical)
    free = gaussian_filter1d(1.0 - contacts.reshape(-1, 2, 2).max(-1).mean(-1), PACE_SMOOTHING)
    pace = (STANDING_PACE + free) / (STANDING_PACE + free).mean()
    along = canonical + (np.cumsum(pace) * speed / FPS)[:, None, None] * np.array([0.0, 0.0, 1.0])
    return plant_feet(along, contacts, np.zeros(along.shape[:2], bool), free_height=True).astype(np.float32)


def _features(joints: np.ndarray) -> np.ndarray:
    return feature_set.joints_to_features(feature_set.canonicalize(joints))


def bend(features: np.ndarray, rate: float) -> np.ndarray:
    """The motion (T, F) on a way that turns by ``rate`` radians a second more: a straight walk becomes one in a
    circle.
    """
    return _turned(features, rate)


def _turned(features: np.ndarray, rate: np.ndarray | float) -> np.ndarray:
    """The motion (T, F) with ``rate`` radians a second added to the heading's speed; feet that stand do not turn with
    the body (at 0.35 rad/s by some 10 cm/s) but stay (see :mod:`training.data.plant_feet`).
    """
    turned = features.copy()
    turned[:, 0] += np.asarray(rate) / 2 / FPS  # the feature is half the angle
    joints = feature_set.features_to_joints(turned)
    nobody = np.zeros(joints.shape[:2], bool)
    planted = plant_feet(joints, features[:, feature_set.FOOT_CONTACTS], nobody, free_height=True)
    return _features(np.concatenate([planted, planted[-1:]]).astype(features.dtype))


def mirror(joints: np.ndarray) -> np.ndarray:
    """The motion in a mirror: x -> -x with left and right joints exchanged."""
    return joints[:, list(SKELETON.mirror)] * np.array([-1, 1, 1], joints.dtype)


def change_tempo(joints: np.ndarray, tempo: float) -> np.ndarray:
    """The motion (T, 22, 3) played ``tempo`` times as fast, sampled at 20 fps again (cubic)."""
    times = np.arange(0, len(joints) - 1 + 1e-6, tempo)
    return CubicSpline(np.arange(len(joints)), joints)(times).astype(joints.dtype)


_SWAPS = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise",
          "counter-clockwise": "clockwise", "anticlockwise": "clockwise", "anti-clockwise": "clockwise"}  # fmt: skip
_SIDE = re.compile(r"\b(left|right|counter-?clockwise|anti-?clockwise|clockwise)\b", re.IGNORECASE)


def mirror_text(text: str) -> str:
    """The caption of the mirrored motion: left and right, clockwise and counterclockwise exchanged."""
    return _SIDE.sub(lambda match: _SWAPS[match.group(0).lower()], text)
