# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sentence and a control signal to joints: the page that explains the model.

    text ──► text encoder ─────────────┐
    hints ─► canonical frame ─► trajectory encoder ─► ControlNet ─ residuals ─► denoiser ⟲ steps ─► latent
    latent ─► corrector ─► refine onto the hints ─► VAE decoder ─► 263 features ─► joined to what is there (longform/)
           ─► joints ─► finished: feet stand, hints are hit (finishing/)

Where captured motion is near enough to the sentence, it takes the place of all that is between text and features:

    text ─► text encoder ─► clips' scores ─► found along the path (library/) ─► joins denoised ─► 263 features

Every caller (command line, socket, tests) goes through :meth:`Pipeline.generate`, so the same request gives the same
bytes.

Shapes: V variations, T frames, J = 22 joints, F = 263 features, N latent tokens, D latent width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import engine
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.gaits import WALKING_M_PER_S
from blender_addon.shared.protocol import (
    PROTOCOL_VERSION,
    Generate,
    Part,
    Progress,
    PromptBlock,
    Result,
    Welcome,
)
from blender_addon.shared.skeleton import FPS, SKELETON

from .checkpoints import Networks, load, load_default
from .compute.cuda_graphs import GraphCache
from .compute.device import one_blas_thread, pick_device, pick_dtype, pin_threads
from .control.detour import around_obstacles
from .control.key_timing import retime_hints
from .control.refine import REFINING_STEPS, can_refine, refine
from .control.standing import with_standing_ends, without_added
from .finishing.finish import finish
from .library.ground_words import without_ground
from .library.library import Library
from .library.refining import brought_near
from .library.sentences import SentenceIndex, SentenceMatch
from .library.stretches import MotionFinder
from .longform.denoised_joins import can_denoise_joins, denoised_joins
from .longform.motion import MAX_FRAMES, MotionInProgress
from .longform.variations import batches, begin_variations, measured_errors, met_frames, stacked
from .longform.window_goals import RefiningBetweenSteps, window_goals
from .longform.window_request import WindowMotion, WindowRequest
from .longform.windows import Window
from .metrics import foot_skating_ratio
from .models.text_encoder import TextEncoder, load_text_encoder
from .motion_order import MotionOrder
from .progress import ProgressClock
from .sampling import sample
from .sampling.correct import correct
from .sampling.latents import ControlReader, KnownTokens, decode_features, encode_known
from .validate import validate

FOUND_STEPS = 3
"""Of progress, in a window whose motion is found: searching, joining and finishing."""


class Pipeline:
    """A loaded model and the library behind it. One request at a time; not meant for several threads at once."""

    def __init__(
        self,
        networks: Networks,
        text_encoder: TextEncoder,
        device: torch.device,
        library: Library | None = None,
    ) -> None:
        """``library``: one whose sentence vectors are those of ``text_encoder``."""
        one_blas_thread()
        self.sentences = None if library is None else SentenceIndex.of(library)
        self.networks, self.text_encoder, self.device = networks, text_encoder, device
        self.model_hash = networks.model_hash
        """Of the networks' files, and of the library behind them: with the seed it tells which motion is made."""
        if library is not None:
            self.model_hash = hashlib.sha256((networks.model_hash + library.digest).encode()).hexdigest()
        self.config, statistics = networks.config, networks.statistics
        if networks.denoiser is None or statistics is None:
            raise BadRequest(
                f"The checkpoint '{self.config.name}' cannot generate motion: it has only an autoencoder, or no "
                "statistics.",
                "Load a model with a denoiser; import published files with 'gaitway import-checkpoint'.",
            )
        self._control_reader = ControlReader(networks) if self.config.has_control else None

    @classmethod
    def load(cls, checkpoint: Path | None = None, device: str = "auto", dtype: str = "auto") -> Pipeline:
        """The embedded model and its library, or the checkpoint folder or published file given, which has none. Raises
        GaitwayError with a remedy.
        """
        pin_threads()
        target = pick_device(device)
        networks = load(checkpoint) if checkpoint else load_default()
        networks = networks.to(target, pick_dtype(target, dtype)).freeze()
        networks.graph_cache = GraphCache() if target.type == "cuda" else None
        encoder = load_text_encoder(networks.config.text_encoder, networks.config.text_width, target)
        library = None if checkpoint else Library.default(networks.config.text_encoder)
        return cls(networks, encoder, target, library)

    @property
    def has_control(self) -> bool:
        """Whether hints lead the motion: by a ControlNet, or between the steps of sampling."""
        return self.config.takes_hints

    def describe(self) -> Welcome:
        """What this engine is, for a client that says Hello."""
        return Welcome(
            PROTOCOL_VERSION,
            engine.__version__,
            self.config.name,
            self.model_hash,
            SKELETON.names,
            FPS,
            self.config.min_frames,
            MAX_FRAMES,
            SKELETON.names if self.has_control else (),
            str(self.device),
        )

    def warm_up(self) -> None:
        """One small request, so that the first real one does not pay for lazy initialisation."""
        frames = min(max(60, self.config.min_frames), self.config.max_frames)
        signal = ControlSignal.empty(frames)
        if self.has_control:
            signal.hint_mask[[0, -1], 0], signal.hint[-1, 0, 2] = True, WALKING_M_PER_S * frames / FPS
        block = PromptBlock("a person walks forward", 0, frames)
        for _ in self.generate(Generate("warm-up", (block,), frames, signal.hint, signal.hint_mask)):
            pass

    def generate(self, request: Generate) -> Iterator[Progress | Part | Result]:
        """Progress items, with ``stream`` Parts between them, then the Result. Raises BadRequest or BadControl before
        any work; may be abandoned between items.
        """
        asked = validate(request, self.config, self.has_control)
        order, eased = with_standing_ends(asked)
        requested = without_added(order, asked, eased)
        order, offset = around_obstacles(order)
        motions = begin_variations(order, self.config)
        steps = order.num_inference_steps or self.config.default_num_inference_steps
        refining = REFINING_STEPS + 1 if can_refine(self.networks) and order.refine else 0
        windows = [window for window in motions[0].windows for _ in motions]
        made_steps = steps * (1 + self.config.refining_steps) + 4 + refining
        clock = ProgressClock(request.request_id, len(windows) * made_steps)
        yield clock.tell("Reading the prompt")
        matches = self._matches(order)
        near = {i for i, match in enumerate(matches) if max(match.nearness, 0.0) >= 1 - order.closeness}
        clock.expect(sum(FOUND_STEPS if window.prompt in near else made_steps for window in windows))
        finders = self._finders(matches, motions)
        texts = self.text_encoder.encode([*(block.text.strip() for block in order.prompts), ""]).to(self.device)
        for window in motions[0].windows:
            text = texts[[window.prompt, -1]]
            for group in batches(motions):
                prepared = [motion.prepare(window) for motion in group]
                if window.prompt in near:
                    makers = [
                        self._find(finders[motion], window, one, text[:1], motion.generator, clock)
                        for motion, one in zip(group, prepared, strict=True)
                    ]
                else:
                    latents = yield from self._sample(prepared, text, [motion.generator for motion in group], clock)
                    makers = [self._refine(*made, clock) for made in zip(prepared, latents.split(1), strict=True)]
                for motion, maker in zip(group, makers, strict=True):
                    motion.add(window, (yield from maker))
                    yield clock.tell("Finishing")
                    span = yield from clock.meanwhile(motion.finish(window, finish))
            if request.stream and span.stop > span.start:
                yield Part(request.request_id, span.start, *stacked(motions, span))
        yield clock.tell("Measuring")
        whole = slice(0, order.num_frames)
        least = min(matches, key=lambda match: match.nearness, default=None)
        yield Result(
            request.request_id,
            *stacked(motions, whole),
            measured_errors(motions, requested),
            tuple(foot_skating_ratio(motion.joints[whole]) for motion in motions),
            clock.finish(),
            request.seed,
            self.model_hash,
            met_frames(motions, asked, eased),
            offset,
            tuple(tuple(finders[motion].sources) for motion in motions) if matches else (),
            least.nearness if least else None,
            least.closest if least else "",
            " ".join(filter(None, [least.message, finders[motions[0]].notice])) if least else "",
        )

    def _matches(self, order: MotionOrder) -> list[SentenceMatch]:
        """How the library's clips fit each sentence of ``order``; empty where there is no library to be close to."""
        if self.sentences is None or not order.closeness:
            return []
        index, encode = self.sentences, self.text_encoder.encode
        texts = [block.text.strip() for block in order.prompts]
        if order.ground is not None:
            texts = [without_ground(text) for text in texts]
        return [index.match(text, *encode(index.sentences_to_encode(text)).cpu().numpy()) for text in texts]

    def _finders(
        self, matches: list[SentenceMatch], motions: list[MotionInProgress]
    ) -> dict[MotionInProgress, MotionFinder]:
        """For each variation what searches the library for it; empty where nothing is searched."""
        if self.sentences is None or not matches:
            return {}
        return {motion: MotionFinder(self.sentences.library, matches, motion) for motion in motions}

    def _find(
        self,
        finder: MotionFinder,
        window: Window,
        request: WindowRequest,
        text: Tensor,
        generator: torch.Generator,
        clock: ProgressClock,
    ) -> Generator[Progress, None, WindowMotion]:
        """The motion of one variation of a window from the library, by ``finder``; its joins by the networks."""
        yield clock.tell("Searching the library")
        yield from clock.meanwhile(finder.search(window))
        found = finder.window(window, request.context)
        order, met = request.order, request.order.own_frames
        if order.slack.any():
            order, met = retime_hints(order, found.joints[:-1])
        if order.refine and not order.exact:
            near = yield from clock.meanwhile(brought_near(order, found.joints, request.context.known))
            found = replace(found, joints=near)
        made, joins = WindowMotion.of_joints(found, order.signal, met), finder.joins(window)
        if not joins or not order.exact or not can_denoise_joins(self.networks):  # previews are not exact
            return made
        yield clock.tell("Joining")
        joining = denoised_joins(self.networks, made.features, joins, request.context.known, text, generator)
        return replace(made, features=(yield from clock.meanwhile(joining)))

    def _sample(
        self, requests: list[WindowRequest], text: Tensor, generators: list[torch.Generator], clock: ProgressClock
    ) -> Generator[Progress, None, Tensor]:
        """Latents (V, N, D) of V variations of a window, sampled together, each with the noise of its own generator."""
        first, count = requests[0], len(requests)
        hints, masks, coordinates = map(torch.cat, zip(*(one.tensors() for one in requests), strict=True))
        control = None
        if self._control_reader is not None and first.shown.hint_mask.any():
            yield clock.tell("Reading the controls", count)
            control = torch.cat([*map(self._control_reader.read, hints.split(1), masks.split(1))])
        yield clock.tell("Sampling", count)
        hints, coordinates = hints.to(self.device), coordinates.to(self.device)
        known = [encode_known(self.networks, one.context.features, one.context.known) for one in requests]
        refining = RefiningBetweenSteps.of(self.networks, requests)
        steps = sample(
            self.networks,
            text[:1, None],
            num_inference_steps=first.order.num_inference_steps or None,
            guidance_scale=first.order.guidance_scale,
            control_embedding=control,
            uncond_embedding=text[1:, None],
            num_tokens=self.config.num_tokens(first.order.num_frames),
            generator=generators,
            known=KnownTokens.together(known),
            refining=refining,
        )
        for latent in steps:  # noqa: B007  (the last one is the result)
            yield clock.tell("Sampling", count if refining is None else 1)
        return correct(self.networks, latent, first.frames(self.device, count), hints, coordinates)

    def _refine(
        self, request: WindowRequest, latent: Tensor, clock: ProgressClock
    ) -> Generator[Progress, None, WindowMotion]:
        """The motion of one variation of a window from its sampled latent (1, N, D), refined onto what is requested."""
        mask = request.frames(self.device)
        goals, order, met = window_goals(self.networks, request, latent)
        if goals and order.refine and can_refine(self.networks):
            yield clock.tell("Refining")
            steps = refine(self.networks, latent, mask, goals)
            for latent in steps:  # noqa: B007
                yield clock.tell("Refining")
        yield clock.tell("Decoding")
        return WindowMotion(decode_features(self.networks, latent, mask), request.frame, order.signal, met)
