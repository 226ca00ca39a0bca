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

from .checkpoints.folder import load, load_default
from .checkpoints.networks import Networks
from .compute.cuda_graphs import GraphCache
from .compute.device import one_blas_thread, pick_device, pick_dtype, pin_threads, threads_for
from .control.detour import around_obstacles
from .control.goals import goals_of, settle
from .control.refine import STEPS as REFINING_STEPS
from .control.refine import can_refine, refine
from .finishing.finish import finish
from .finishing.step_over import is_step_over
from .longform.motion import MAX_FRAMES, Take
from .longform.timeline import Context
from .longform.window_request import Asked
from .metrics import control_metrics, foot_skating_ratio
from .models.text_encoder import TextEncoder, load_text_encoder
from .progress import Clock
from .sampling.correct import correct
from .sampling.sampler import sample
from .validate import check

_SEED_STEP = 1_000_003  # between the seeds of variations, so that neighbouring seeds do not share motions
_TOGETHER = 4
"""Variations sampled in one batch: more bring little, and make a cancel wait."""
_HELD = SKELETON.indices("pelvis", "left_hip", "right_hip")
"""Joints that refining holds where they are in frames that are there already: they say place and heading."""
_GROUND = np.array([1.0, 0.0, 1.0], np.float32)


class Pipeline:
    """A loaded model. One request at a time; the object is not meant for several threads at once."""

    def __init__(self, networks: Networks, text_encoder: TextEncoder, device: torch.device) -> None:
        one_blas_thread()
        self.networks, self.text_encoder, self.device = networks, text_encoder, device
        self.config, statistics = networks.config, networks.statistics
        if networks.denoiser is None or statistics is None:
            raise BadRequest(
                f"The checkpoint '{self.config.name}' cannot generate motion: it holds an autoencoder only, or no "
                "statistics.",
                "Load a model with a denoiser; bring published files in with 'gaitway import-checkpoint'.",
            )
        self._last_read: tuple[Tensor, Tensor, Tensor] | None = None  # hints, their mask, what they were read as
        if networks.controlnet is not None and statistics.hint_mean is not None:
            self.hint_mean = torch.from_numpy(statistics.hint_mean)
            self.hint_std = torch.from_numpy(statistics.hint_std)

    @classmethod
    def load(cls, checkpoint: Path | None = None, device: str = "auto", dtype: str = "auto") -> Pipeline:
        """The embedded model, or the checkpoint folder or published file given. Raises GaitwayError with a remedy."""
        pin_threads()
        target = pick_device(device)
        networks = load(checkpoint) if checkpoint else load_default()
        networks = networks.to(target, pick_dtype(target, dtype)).freeze()
        networks.replays = GraphCache() if target.type == "cuda" else None
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
        request = around_obstacles(replace(request, hint=signal.hint, hint_mask=signal.hint_mask))
        least, longest = self.config.min_frames, self.config.max_frames
        patch = self.config.patch_size if self.config.token_layout == "patch" else 0
        takes = [
            Take(request, request.seed + variation * _SEED_STEP, least, longest, patch)
            for variation in range(request.num_variations)
        ]
        windows = takes[0].windows
        refining = REFINING_STEPS + 1 if can_refine(self.networks) and request.refine else 0
        clock = Clock(request, len(windows), self._steps(request), refining)
        yield clock.tell("Reading the prompt")
        texts = self.text_encoder.encode([*(block.text.strip() for block in request.prompts), ""]).to(self.device)
        for window in windows:
            text = texts[[window.prompt, -1]]
            for group in _groups(takes):
                asked = [Asked(*take.prepare(window)) for take in group]
                latents = yield from self._sample(asked, text, [take.generator for take in group], clock)
                for take, one, latent in zip(group, asked, latents.split(1), strict=True):
                    take.add(window, *(yield from self._settle(one, latent, clock)))
                    yield clock.tell("Finishing")
                    span = yield from clock.meanwhile(take.finish(window, finish))
            if request.stream and span.stop > span.start:
                yield Part(request.request_id, span.start, *_stacked(takes, span))
        yield clock.tell("Measuring")
        whole = slice(0, request.num_frames)
        measured = [control_metrics(control_errors(take.joints[whole], _asked_of(take, signal))) for take in takes]
        yield Result(
            request.request_id,
            *_stacked(takes, whole),
            tuple(ControlError(m.average_error, m.maximum_error, m.percentile95_error) for m in measured),
            tuple(foot_skating_ratio(take.joints[whole]) for take in takes),
            clock.finish(),
            request.seed,
            self.networks.model_hash,
        )

    def _sample(
        self, asked: list[Asked], text: Tensor, generators: list[torch.Generator], clock: Clock
    ) -> Generator[Progress, None, Tensor]:
        """Latents (V, N, D) of V variations of a window, sampled together, each with the noise of its own generator."""
        first, count = asked[0], len(asked)
        hints, masks, coordinates = map(torch.cat, zip(*(one.tensors() for one in asked), strict=True))
        control = None
        if first.shown.hint_mask.any() and self.has_control:
            yield clock.tell("Reading the controls", count)
            read = [self._read_controls(*each) for each in zip(hints.split(1), masks.split(1), strict=True)]
            control = torch.cat(read)
        yield clock.tell("Sampling", count)
        hints, coordinates = hints.to(self.device), coordinates.to(self.device)
        steps = sample(
            self.networks,
            text[:1, None],
            num_inference_steps=first.request.num_inference_steps or None,
            guidance_scale=first.request.guidance_scale,
            control_embedding=control,
            uncond_embedding=text[1:, None],
            num_tokens=self.config.num_tokens(first.request.num_frames),
            generator=generators,
            known=_joined([self._known_tokens(one.context) for one in asked]),
        )
        for latent in steps:  # noqa: B007  (the last one is the result)
            yield clock.tell("Sampling", count)
        return correct(self.networks, latent, first.frames(self.device, count), hints, coordinates)

    def _settle(
        self, asked: Asked, latent: Tensor, clock: Clock
    ) -> Generator[Progress, None, tuple[np.ndarray, CanonicalFrame, ControlSignal]]:
        """Features (T, F) of one variation of a window from its sampled latent (1, N, D), the frame that they start in,
        and the hints in the frames in which they are met.
        """
        request, frame, context, signal = asked.request, asked.frame, asked.context, asked.signal
        mask = asked.frames(self.device)
        if request.slack is not None:
            joints = feature_set.features_to_joints(self._decode(latent, mask))
            signal = settle(signal, request.slack, frame.to_world(joints))
        if request.plant_feet and request.obstacles:  # feet that are planted step over what lies low
            request = replace(request, obstacles=tuple(o for o in request.obstacles if not is_step_over(o)))
        goals = goals_of(request, signal, frame)
        if goals or asked.leads:
            goals = goals_of(context.tighten(request), context.add_hints(signal, _HELD), frame)
        if goals and request.refine and can_refine(self.networks):
            yield clock.tell("Refining")
            hint, _, coordinates = asked.tensors()
            steps = refine(self.networks, latent, mask, hint, coordinates, goals=goals)
            for latent in steps:  # noqa: B007
                yield clock.tell("Refining")
        yield clock.tell("Decoding")
        return self._decode(latent, mask), frame, signal

    @torch.no_grad()
    def _read_controls(self, hint: Tensor, hint_mask: Tensor) -> Tensor:
        """The trajectory encoder's answer (1, N, ·) to hints (1, T, J, 3) in metres with their mask (1, T, J), on the
        CPU. The last one is kept: variations, and another seed or sentence on the same path, ask for it again.
        """
        encoder = self.networks.trajectory_encoder
        assert encoder is not None  # has_control has looked
        normalised = (hint - self.hint_mean) / self.hint_std * hint_mask[..., None]
        if self._last_read is not None:
            seen, mask, control = self._last_read
            if torch.equal(mask, hint_mask) and torch.equal(seen, normalised):
                return control
        weight = next(encoder.parameters())
        rows = hint.shape[1] if self.config.token_layout == "global" else self.config.num_tokens(hint.shape[1])
        with threads_for(rows):
            control = encoder(normalised.to(self.device), hint_mask.to(self.device)).float()
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
        mean, std = self.networks.feature_scale(vectors)
        normalised = ((vectors - mean) / std)[None]
        # Each stretch by itself: the encoder looks at the neighbours of a token, and some are not there yet.
        for start, end in np.flatnonzero(np.diff(np.pad(tokens.astype(int), 1))).reshape(-1, 2):
            # Only the token next to the new frames is held: more of them would keep the motion from doing what a new
            # sentence says (after a walk, a run came to 0.7 m/s instead of 1.2).
            first, last = (start, start + 1) if start > 0 else (end - 1, end)
            span = normalised[:, start * patch : end * patch].to(next(self.networks.vae.parameters()).dtype)
            code, _ = self.networks.vae.encode(span, torch.ones(span.shape[:2], dtype=torch.bool, device=self.device))
            latent[:, start:end], mask[:, first:last] = code.float() * self.config.vae_scale_factor, True
        return latent, mask

    @torch.no_grad()
    def _decode(self, latent: Tensor, mask: Tensor) -> np.ndarray:
        """Features (T, F) in metres and radians of a latent (1, N, D)."""
        decoded = self.networks.decode(latent.to(next(self.networks.vae.parameters()).dtype), mask).float()
        mean, std = self.networks.feature_scale(decoded)
        return (decoded * std + mean)[0].double().cpu().numpy()

    def _steps(self, request: Generate) -> int:
        return request.num_inference_steps or self.config.default_num_inference_steps


def _groups(takes: list[Take]) -> list[list[Take]]:
    """Variations that are sampled together. The first is alone, so that it is what one alone would be, to the bit."""
    return [takes[:1], *(takes[i : i + _TOGETHER] for i in range(1, len(takes), _TOGETHER))]


def _joined(known: list[tuple[Tensor, Tensor] | None]) -> tuple[Tensor, Tensor] | None:
    """Known tokens and masks of several variations as one batch. They have the same frames."""
    there = [each for each in known if each is not None]
    return (torch.cat([latent for latent, _ in there]), torch.cat([mask for _, mask in there])) if there else None


def _asked_of(take: Take, signal: ControlSignal) -> ControlSignal:
    """What the errors of ``take`` are told from: ``signal``, but hints with slack in the frames in which they were met.
    A way that led around something is not what was asked.
    """
    if take.request.slack is None:
        return signal
    waits, met = (take.request.slack > 0).any(0), take.signal
    hint = np.where(waits[:, None], met.hint, signal.hint)
    return ControlSignal(hint, np.where(waits, met.hint_mask, signal.hint_mask), signal.free_height)


def _stacked(takes: list[Take], span: slice) -> tuple[np.ndarray, np.ndarray]:
    """Joints (V, n, J, 3) and foot contacts (V, n, 4) of all takes."""
    joints = np.stack([take.joints[span] for take in takes])
    if takes[0].request.in_place:
        joints = joints - joints[:, :, :1] * _GROUND + np.stack([take.joints[:1, :1] for take in takes]) * _GROUND
    return joints, np.stack([take.contacts[span] for take in takes])
