# SPDX-License-Identifier: GPL-3.0-or-later
"""The same clip's caption and path, answered in every way there is: captured, by the networks, from the library.

The path is the clip's own pelvis, smoothed and level as a hand draws it; the body starts as the clip's does. A way that
is no part of the engine (a baseline) goes through the engine's own finisher. Shapes: T frames, J = 22 joints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from blender_addon.shared import features as feature_set
from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.protocol import Generate, MotionSource, PromptBlock, Result
from engine.finishing.finish import finish
from engine.library.bending import join_segments
from engine.library.choosing import chosen_clip, part_of
from engine.library.found import find
from engine.library.route import Route, Way
from engine.library.scores import ClipScores
from engine.metrics import ControlMetrics, control_metrics
from engine.pipeline import Pipeline
from engine.validate import order_of

from ...data.clips import Clip
from ...stage_parts.losses import joints_of
from ..delivered_motion import path_of
from ..motion_quality import motions_of, statistics_of

NETWORK, LIBRARY = 0.0, 1.0  # closeness to captured motion
RAW = {"refine": False, "exact": False, "plant_feet": False}
_PELVIS = 0
_Returned = TypeVar("_Returned")


@dataclass(frozen=True, eq=False)
class MadeMotion:
    """``joints`` (T, J, 3), how well they keep to the path that they were given, if one was, the seconds it took and
    the clips it was made of.
    """

    joints: np.ndarray
    error: ControlMetrics | None = None
    seconds: float = 0.0
    sources: tuple[MotionSource, ...] = ()


@dataclass(frozen=True, eq=False)
class Question:
    """A captured clip, cut to what the model makes at once, whose caption and path are asked of a ``pipeline``."""

    pipeline: Pipeline
    clip: Clip
    seed: int = 0

    @property
    def caption(self) -> str:
        return self.clip.captions[0]

    @property
    def joints(self) -> np.ndarray:
        """(T, J, 3) as captured."""
        return self.clip.joints[: self.pipeline.config.max_frames]

    def path(self) -> ControlSignal:
        return path_of(self.clip, 100, True, self.pipeline.config.max_frames)


Answer = Callable[[Question], MadeMotion]


def path_request(caption: str, signal: ControlSignal, **more: Any) -> Generate:
    return Generate(
        "realism",
        (PromptBlock(caption, 0, signal.num_frames),),
        signal.num_frames,
        signal.hint,
        signal.hint_mask,
        free_height=signal.free_height,
        **more,
    )


def answered(pipeline: Pipeline, request: Generate, signal: ControlSignal) -> MadeMotion:
    """What the engine delivers."""
    started = time.perf_counter()
    *_, result = pipeline.generate(request)
    assert isinstance(result, Result)  # the last item always is
    error = control_metrics(control_errors(result.joints[0], signal)) if signal.hint_mask.any() else None
    sources = result.sources[0] if result.sources else ()
    return MadeMotion(result.joints[0], error, time.perf_counter() - started, tuple(sources))


def along_path(closeness: float, **switches: bool) -> Answer:
    """By the engine, along the path."""

    def make(question: Question) -> MadeMotion:
        signal = question.path()
        more = {"seed": question.seed, "heading": 0.0, "closeness": closeness, **switches}
        return answered(question.pipeline, path_request(question.caption, signal, **more), signal)

    return make


def from_caption(closeness: float) -> Answer:
    """By the engine, from the caption alone."""

    def make(question: Question) -> MadeMotion:
        signal = ControlSignal.empty(len(question.joints))
        request = path_request(question.caption, signal, seed=question.seed, heading=0.0, closeness=closeness)
        return answered(question.pipeline, request, signal)

    return make


@torch.no_grad()
def autoencoded(question: Question) -> MadeMotion:
    networks = question.pipeline.networks
    mean, std = statistics_of(networks)
    motion = motions_of(networks, [question.clip])
    decoded = networks.vae.decode(networks.vae.encode(motion.features, motion.mask)[0], motion.mask)
    return MadeMotion(joints_of(decoded, mean, std)[0].cpu().numpy())


def finished_capture(question: Question) -> MadeMotion:
    """The captured motion itself, brought onto the path by the finisher."""
    contacts = question.clip.features[: len(question.joints), feature_set.FOOT_CONTACTS]
    return _finished(question, question.joints, contacts)


def _finished(question: Question, joints: np.ndarray, contacts: np.ndarray) -> MadeMotion:
    signal = question.path()
    order = order_of(path_request(question.caption, signal, heading=0.0))
    made, _ = _run(finish(order, joints, contacts))
    return MadeMotion(made, control_metrics(control_errors(made, signal)))


def _run(steps: Generator[Any, None, _Returned]) -> _Returned:
    """What a generator returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def _scores(question: Question) -> ClipScores:
    pipeline = question.pipeline
    assert pipeline.sentences is not None  # baselines of a library are left out where there is none
    vectors = pipeline.text_encoder.encode(pipeline.sentences.sentences_to_encode(question.caption)).cpu().numpy()
    return pipeline.sentences.match(question.caption, *vectors).scores


def _route(question: Question) -> Route:
    places = question.path().hint[:, _PELVIS].astype(np.float64)
    facing = np.full(len(places), np.nan)
    facing[0] = 0.0
    return Route(places, np.ones(len(places), bool), facing)


def nearest_clip(question: Question) -> MadeMotion:
    """The captured clip of the library that is nearest by caption, length and path, as it is."""
    assert question.pipeline.sentences is not None
    library, scores, route = question.pipeline.sentences.library, _scores(question), _route(question)
    clip, mirror = chosen_clip(library, scores.choosing, Way.of(route, None), route.num_frames, question.seed)
    motion = join_segments(library, part_of(library, clip, mirror, route.num_frames, scores.posture))
    headings = motion.headings()
    joints = motion.in_world(np.concatenate([motion.places(headings), headings[:, None]], -1))
    source = MotionSource(library.names[clip], library.captions_of(clip)[0], 0, route.num_frames, mirror)
    return MadeMotion(joints, None, 0.0, (source,))


def by_baseline(going: bool) -> Answer:
    """The library without the engine's choice between them: windows matched along the path (``going``), or the nearest
    clip bent onto it; finished.
    """

    def make(question: Question) -> MadeMotion:
        assert question.pipeline.sentences is not None
        library, scores = question.pipeline.sentences.library, replace(_scores(question), going=going)
        found = _run(find(library, scores, _route(question), question.seed))
        made = _finished(question, found.joints, found.contacts)
        parts = [
            MotionSource(part.name, part.caption, part.first, part.end - part.first, part.mirrored)
            for part in found.parts
        ]
        return replace(made, sources=tuple(parts))

    return make


@dataclass(frozen=True)
class WayToAnswer:
    """A way to answer: ``label`` in tables; ``needs_library``: it cannot be done without one."""

    label: str
    make: Answer
    needs_library: bool = False


ROWS = {
    "autoencoder": WayToAnswer("autoencoder alone", autoencoded),
    "finisher": WayToAnswer("real clip through the finisher", finished_capture),
    "network-raw": WayToAnswer("network, raw", along_path(NETWORK, **RAW)),
    "network": WayToAnswer("network, delivered", along_path(NETWORK)),
    "network-text": WayToAnswer("network, text alone", from_caption(NETWORK)),
    "delivered": WayToAnswer("default, delivered", along_path(LIBRARY), True),
    "text": WayToAnswer("default, text alone", from_caption(LIBRARY), True),
    "nearest": WayToAnswer("nearest clip as it is", nearest_clip, True),
    "bent": WayToAnswer("nearest clip bent, finished", by_baseline(False), True),
    "matched": WayToAnswer("motion matching, finished", by_baseline(True), True),
}
