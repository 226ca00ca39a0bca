# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sentence and a control signal to joints: the page that explains the model.

    text ──► text encoder ─────────────┐
    hints ─► canonical frame ─► trajectory encoder ─► ControlNet ─ residuals ─► denoiser ⟲ steps ─► latent
    latent ─► corrector ─► refine onto the hints ─► VAE decoder ─► 263 features ─► joined to what is there (longform.py)
           ─► joints ─► finished: feet stand, hints are hit (finish.py)

Every way in (command line, socket, tests) goes through :meth:`Pipeline.generate`, so the same request gives the same
bytes.

Shapes: V variations, T frames, J = 22 joints, F = 263 features, N latent tokens, D latent width.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import engine
from blender_addon.shared import features as feature_set
from blender_addon.shared.control import CanonicalFrame, ControlSignal, control_errors
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.protocol import (
    PROTOCOL_VERSION,
    ControlError,
    Generate,
    Part,
    Progress,
    PromptBlock,
    Result,
    Welcome,
)
from blender_addon.shared.skeleton import FPS, SKELETON

from .checkpoint import load, load_default
from .checks import check
from .correct import correct
from .detour import led_around
from .device import pick_device, pick_dtype, pin_threads
from .finish import finishing
from .longform import MAX_FRAMES, Take
from .metrics import control_metrics, foot_skating_ratio
from .models.text_encoder import TextEncoder, load_text_encoder
from .networks import Networks
from .refine import STEPS as REFINING_STEPS
from .refine import can_refine, refine
from .sampler import sample
from .timeline import Context
from .wishes import settle, wishes_of

_SEED_STEP = 1_000_003  # between the seeds of variations, so that neighbouring seeds do not share motions
_PELVIS = SKELETON.index("pelvis")
_HELD = SKELETON.indices("pelvis", "left_hip", "right_hip")
"""Joints that refining holds where they are in frames that are there already: they say place and heading."""
_GROUND = np.array([1.0, 0.0, 1.0], np.float32)


class Pipeline:
    """A loaded model. One request at a time; the object is not meant for several threads at once."""

    def __init__(self, networks: Networks, text_encoder: TextEncoder, device: torch.device) -> None:
        self.networks, self.text_encoder, self.device = networks, text_encoder, device
        self.config, statistics = networks.config, networks.statistics
        if networks.denoiser is None or statistics is None:
            raise BadRequest(
                f"The checkpoint '{self.config.name}' cannot generate motion: it holds an autoencoder only, or no "
                "statistics.",
                "Load a model with a denoiser; bring published files in with 'gaitway import-checkpoint'.",
            )
        self._last_read: tuple[Tensor, Tensor, Tensor] | None = None  # hints, their mask, what they were read as
        self.feature_mean = torch.from_numpy(statistics.feature_mean).to(device)
        self.feature_std = torch.from_numpy(statistics.feature_std).to(device)
        if networks.controlnet is not None and statistics.hint_mean is not None:
            self.hint_mean = torch.from_numpy(statistics.hint_mean).to(device)
            self.hint_std = torch.from_numpy(statistics.hint_std).to(device)

    @classmethod
    def load(cls, checkpoint: Path | None = None, device: str = "auto", dtype: str = "auto") -> Pipeline:
        """The embedded model, or the checkpoint folder or published file given. Raises GaitwayError with a remedy."""
        pin_threads()
        target = pick_device(device)
        networks = load(checkpoint) if checkpoint else load_default()
        networks = networks.to(target, pick_dtype(target, dtype)).freeze()
        encoder = load_text_encoder(networks.config.text_encoder, networks.config.text_width, target)
        return cls(networks, encoder, target)

    @property
    def has_control(self) -> bool:
        return self.networks.controlnet is not None and self.networks.trajectory_encoder is not None

    def describe(self) -> Welcome:
        """What this engine is, for a client that says Hello."""
        return Welcome(
            PROTOCOL_VERSION,
            engine.__version__,
            self.config.name,
            self.networks.model_hash,
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
            signal.hint_mask[0, 0] = True
        block = PromptBlock("a person walks forward", 0, frames)
        for _ in self.generate(Generate("warm-up", (block,), frames, signal.hint, signal.hint_mask)):
            pass

    def generate(self, request: Generate) -> Iterator[Progress | Part | Result]:
        """Progress items, with ``stream`` Parts between them, then the Result. Raises BadRequest or BadControl before
        any work; may be abandoned between items.
        """
        signal = check(request, self.config, self.has_control)
        request = led_around(replace(request, hint=signal.hint, hint_mask=signal.hint_mask))
        least, longest = self.config.min_frames, self.config.max_frames
        patch = self.config.patch_size if self.config.token_layout == "patch" else 0
        takes = [
            Take(request, request.seed + variation * _SEED_STEP, least, longest, patch)
            for variation in range(request.num_variations)
        ]
        windows = takes[0].windows
        clock = _Clock(request, len(windows), self._steps(request), can_refine(self.networks) and request.refine)
        yield clock.tell("Reading the prompt")
        texts = self.text_encoder.encode([*(block.text.strip() for block in request.prompts), ""]).to(self.device)
        for window in windows:
            text = texts[[window.prompt, -1]]
            for take in takes:
                asked, frame, context = take.prepare(window)
                made = yield from self._window(asked, frame, context, text, take.generator, clock)
                take.add(window, *made)
                yield clock.tell("Finishing")
                span = yield from clock.meanwhile(take.finish(window, finishing))
            if request.stream and span.stop > span.start:
                yield Part(request.request_id, span.start, *_stacked(takes, span))
        yield clock.tell("Measuring")
        whole = slice(0, request.num_frames)
        # Hints with slack are met in frames of their own; a way that leads around something is not what was asked.
        asked_of = [signal if request.slack is None else take.signal for take in takes]
        measured = [
            control_metrics(control_errors(take.joints[whole], asked))
            for take, asked in zip(takes, asked_of, strict=True)
        ]
        yield Result(
            request.request_id,
            *_stacked(takes, whole),
            tuple(ControlError(m.average_error, m.maximum_error, m.percentile95_error) for m in measured),
            tuple(foot_skating_ratio(take.joints[whole]) for take in takes),
            clock.finish(),
            request.seed,
            self.networks.model_hash,
        )

    def _window(
        self,
        request: Generate,
        frame: CanonicalFrame,
        context: Context,
        text: Tensor,
        generator: torch.Generator,
        clock: _Clock,
    ) -> Generator[Progress, None, tuple[np.ndarray, CanonicalFrame, ControlSignal]]:
        """Features (T, F) of one window that starts in the canonical ``frame`` and goes on from ``context``, the frame,
        and the hints in the frames in which they are met.
        """
        mask = torch.ones(1, request.num_frames, dtype=torch.bool, device=self.device)
        signal = ControlSignal(request.hint, request.hint_mask, request.free_height)
        leads = bool(signal.hint_mask[:, _PELVIS].any()) or context.arrives
        # Without a path, hints that end with the known frames would read as standing still from there on.
        shown = context.add_hints(signal, [_PELVIS]) if leads else signal
        hint = torch.from_numpy(frame.to_model(shown.hint)).float()[None].to(self.device)
        control = None
        if shown.hint_mask.any() and self.has_control:
            yield clock.tell("Reading the controls")
            control = self._read_controls(hint, torch.from_numpy(shown.hint_mask)[None].to(self.device))
        yield clock.tell("Sampling")
        steps = sample(
            self.networks,
            text[:1, None],
            num_inference_steps=request.num_inference_steps or None,
            guidance_scale=request.guidance_scale,
            control_embedding=control,
            uncond_embedding=text[1:, None],
            num_tokens=self.config.num_tokens(request.num_frames),
            generator=generator,
            known=self._known_tokens(context),
        )
        for latent in steps:  # noqa: B007  (the last one is the result)
            yield clock.tell("Sampling")
        asked = torch.from_numpy(shown.coordinates)[None].to(self.device)
        latent = correct(self.networks, latent, mask, hint, asked)
        if request.slack is not None:
            joints = feature_set.features_to_joints(self._decode(latent, mask))
            signal = settle(signal, request.slack, frame.to_world(joints))
        wishes = wishes_of(request, signal, frame)
        if wishes or leads:
            wishes = wishes_of(context.tighten(request), context.add_hints(signal, _HELD), frame)
        if wishes and request.refine and can_refine(self.networks):
            yield clock.tell("Refining")
            steps = refine(self.networks, latent, mask, hint, asked, wishes=wishes)
            for latent in steps:  # noqa: B007
                yield clock.tell("Refining")
        yield clock.tell("Decoding")
        return self._decode(latent, mask), frame, signal

    @torch.no_grad()
    def _read_controls(self, hint: Tensor, hint_mask: Tensor) -> Tensor:
        """The trajectory encoder's answer (1, N, ·) to hints (1, T, J, 3) in metres and their mask (1, T, J). The last
        one is kept: variations, and another seed or sentence on the same path, ask for it again.
        """
        encoder = self.networks.trajectory_encoder
        assert encoder is not None  # has_control has looked
        normalised = (hint - self.hint_mean) / self.hint_std * hint_mask[..., None]
        if self._last_read is not None:
            seen, mask, control = self._last_read
            if torch.equal(mask, hint_mask) and torch.equal(seen, normalised):
                return control
        weight = next(encoder.parameters())
        control = encoder(normalised, hint_mask).float()
        self._last_read = None if weight.requires_grad else (normalised, hint_mask.clone(), control)
        return control

    @torch.no_grad()
    def _known_tokens(self, context: Context) -> tuple[Tensor, Tensor] | None:
        """Latents (1, N, D) and mask (1, N) of the tokens whose frames are known; None when there are none, or a token
        does not stand for frames.
        """
        if self.config.token_layout != "patch":
            return None
        patch = self.config.patch_size
        tokens = context.known[: len(context.known) // patch * patch].reshape(-1, patch).all(1)
        if not tokens.any():
            return None
        mask = torch.zeros(1, self.config.num_tokens(len(context.known)), dtype=torch.bool, device=self.device)
        latent = torch.zeros(*mask.shape, self.config.latent_width, device=self.device)
        vectors = torch.from_numpy(context.vectors).float().to(self.device)
        normalised = ((vectors - self.feature_mean) / self.feature_std)[None]
        # Each stretch by itself: the encoder looks at the neighbours of a token, and some are not there yet.
        for start, end in np.flatnonzero(np.diff(np.pad(tokens.astype(int), 1))).reshape(-1, 2):
            # Only the token next to the new frames is held: more of them would keep the motion from doing what a new
            # sentence says (after a walk, a run came to 0.7 m/s instead of 1.2).
            first, last = (start, start + 1) if start > 0 else (end - 1, end)
            span = normalised[:, start * patch : end * patch].to(next(self.networks.vae.parameters()).dtype)
            mean, _ = self.networks.vae.encode(span, torch.ones(span.shape[:2], dtype=torch.bool, device=self.device))
            latent[:, start:end], mask[:, first:last] = mean.float() * self.config.vae_scale_factor, True
        return latent, mask

    @torch.no_grad()
    def _decode(self, latent: Tensor, mask: Tensor) -> np.ndarray:
        """Features (T, F) in metres and radians of a latent (1, N, D)."""
        decoded = self.networks.decode(latent.to(next(self.networks.vae.parameters()).dtype), mask).float()
        return (decoded * self.feature_std + self.feature_mean)[0].double().cpu().numpy()

    def _steps(self, request: Generate) -> int:
        return request.num_inference_steps or self.config.default_num_inference_steps


def _stacked(takes: list[Take], span: slice) -> tuple[np.ndarray, np.ndarray]:
    """Joints (V, n, J, 3) and foot contacts (V, n, 4) of all takes."""
    joints = np.stack([take.joints[span] for take in takes])
    if takes[0].request.in_place:
        joints = joints - joints[:, :, :1] * _GROUND + np.stack([take.joints[:1, :1] for take in takes]) * _GROUND
    return joints, np.stack([take.contacts[span] for take in takes])


class _Clock:
    """Counts the parts of a request for its progress, and the seconds of each stage for its report."""

    def __init__(self, request: Generate, windows: int, steps: int, refines: bool) -> None:
        self.request = request
        self.total = 3 + windows * request.num_variations * (steps + 4 + (REFINING_STEPS + 1 if refines else 0))
        self.done = 0
        self.timing: dict[str, float] = {}
        self.last = time.perf_counter()
        self.stage: str | None = None

    def tell(self, stage: str) -> Progress:
        """Progress at the begin of ``stage``; the time since the last call belongs to the stage that was running."""
        now = time.perf_counter()
        if self.stage is not None:
            self.timing[self.stage] = self.timing.get(self.stage, 0.0) + now - self.last
        self.last, self.stage = now, stage
        self.done += 1
        return self._progress()

    def _progress(self) -> Progress:
        # A variation that refines in fewer steps than allowed leaves its share of the bar to what follows.
        return Progress(self.request.request_id, self.stage or "", min(1.0, self.done / self.total))

    def meanwhile(self, work: Generator[None, None, slice]) -> Generator[Progress, None, slice]:
        """The present stage said again at every piece of ``work``, where it can be abandoned; what that returns."""
        while True:
            try:
                next(work)
            except StopIteration as done:
                return done.value
            yield self._progress()

    def finish(self) -> dict[str, float]:
        """Seconds by stage, and 'Total'."""
        self.tell("")
        return self.timing | {"Total": sum(self.timing.values())}
