# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sentence and a control signal to joints: the page that explains the model.

    text ──► text encoder ─────────────┐
    hints ─► canonical frame ─► trajectory encoder ─► ControlNet ─ residuals ─► denoiser ⟲ steps ─► latent
    latent ─► refine onto the hints ─► VAE decoder ─► 263 features ─► joints ─► back into the world ─► finish

Every way in (command line, socket, tests) goes through :meth:`Pipeline.generate`, so the same request gives the same
bytes.

Shapes: V variations, T frames, J = 22 joints, F = 263 features, N latent tokens, D latent width.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import engine
from blender_addon.shared import features as feature_set
from blender_addon.shared.control import CanonicalFrame, ControlSignal, canonical_frame, control_errors
from blender_addon.shared.errors import BadRequest
from blender_addon.shared.protocol import (
    PROTOCOL_VERSION,
    ControlError,
    Generate,
    Progress,
    PromptBlock,
    Result,
    Welcome,
)
from blender_addon.shared.skeleton import FPS, SKELETON

from .checkpoint import load, load_default
from .correct import correct
from .device import pick_device, pick_dtype, pin_threads
from .finish import finish
from .metrics import control_metrics, foot_skating_ratio
from .models.text_encoder import TextEncoder, load_text_encoder
from .networks import Networks
from .refine import STEPS as REFINING_STEPS
from .refine import can_refine, refine
from .sampler import sample
from .scheduler import timesteps_of
from .wishes import check_wishes, settle, wishes_of

MAX_VARIATIONS = 16
MAX_PROMPT_CHARACTERS = 1000
_SEED_STEP = 1_000_003  # between the seeds of variations, so that neighbouring seeds do not share motions


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
        networks = networks.to(target, pick_dtype(target, dtype)).eval()
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
            self.config.max_frames,
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

    def generate(self, request: Generate) -> Iterator[Progress | Result]:
        """Progress items, then the Result. Raises BadRequest or BadControl before any work; may be abandoned between
        items.
        """
        signal = self._check(request)
        frame = canonical_frame(signal, request.heading)
        clock = _Clock(
            request,
            self._steps(request),
            can_refine(self.networks) and request.refine and bool(wishes_of(request, signal, frame)),
        )
        yield clock.tell("Reading the prompt")
        text = self.text_encoder.encode([request.prompts[0].text.strip(), ""]).to(self.device)
        joints, contacts, measured = [], [], []
        for variation in range(request.num_variations):
            motion, planted, settled = yield from self._one(
                request, signal, frame, text, request.seed + variation * _SEED_STEP, clock
            )
            joints.append(motion.astype(np.float32))
            contacts.append(planted)
            measured.append(control_metrics(control_errors(joints[-1], settled)))
        yield clock.tell("Measuring")
        yield Result(
            request.request_id,
            np.stack(joints),
            np.stack(contacts),
            tuple(ControlError(m.average_error, m.maximum_error, m.percentile95_error) for m in measured),
            tuple(foot_skating_ratio(motion) for motion in joints),
            clock.finish(),
            request.seed,
            self.networks.model_hash,
        )

    def _one(
        self, request: Generate, signal: ControlSignal, frame: CanonicalFrame, text: Tensor, seed: int, clock: _Clock
    ) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray, ControlSignal]]:
        """One variation: joints (T, J, 3) in the world, foot contacts (T, 4), and the hints in the frames in which they
        are met.
        """
        mask = torch.ones(1, request.num_frames, dtype=torch.bool, device=self.device)
        controlled = bool(signal.hint_mask.any())
        hint = torch.from_numpy(frame.to_model(signal.hint)).float()[None].to(self.device)
        hint_mask = torch.from_numpy(signal.hint_mask)[None].to(self.device)
        control = None
        if controlled:
            yield clock.tell("Reading the controls")
            with torch.no_grad():
                normalised = (hint - self.hint_mean) / self.hint_std * hint_mask[..., None]
                encoder = self.networks.trajectory_encoder
                assert encoder is not None  # _check has looked
                control = encoder(normalised.to(next(encoder.parameters()).dtype), hint_mask).float()
        yield clock.tell("Sampling")
        steps = sample(
            self.networks,
            text[:1, None],
            num_inference_steps=request.num_inference_steps or None,
            guidance_scale=request.guidance_scale,
            control_embedding=control,
            uncond_embedding=text[1:, None],
            num_tokens=self.config.num_tokens(request.num_frames),
            generator=torch.Generator().manual_seed(seed % 2**63),
        )
        for latent in steps:  # noqa: B007  (the last one is the result)
            yield clock.tell("Sampling")
        asked = torch.from_numpy(signal.coordinates)[None].to(self.device)
        latent = correct(self.networks, latent, mask, hint, asked)
        if request.slack is not None:
            signal = settle(signal, request.slack, frame.to_world(self._decode(latent, mask)[0]))
        wishes = wishes_of(request, signal, frame)
        if wishes and request.refine and can_refine(self.networks):
            yield clock.tell("Refining")
            steps = refine(self.networks, latent, mask, hint, asked, wishes=wishes)
            for latent in steps:  # noqa: B007
                yield clock.tell("Refining")
        yield clock.tell("Decoding")
        motion, contacts = self._decode(latent, mask)
        yield clock.tell("Finishing")
        patch = self.config.patch_size if self.config.token_layout == "patch" else request.num_frames
        seams = range(patch, request.num_frames, patch)
        return *finish(request, signal, frame.to_world(motion), contacts, seams), signal

    @torch.no_grad()
    def _decode(self, latent: Tensor, mask: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Joints (T, J, 3) and the belief 0..1 in foot contacts (T, 4) of a latent (1, N, D)."""
        decoded = self.networks.decode(latent.to(next(self.networks.vae.parameters()).dtype), mask).float()
        vectors = decoded * self.feature_std + self.feature_mean
        motion = feature_set.features_to_joints(vectors)[0].cpu().numpy()
        return motion, vectors[0, :, feature_set.FOOT_CONTACTS].clamp(0, 1).cpu().numpy()

    def _steps(self, request: Generate) -> int:
        return request.num_inference_steps or self.config.default_num_inference_steps

    def _check(self, request: Generate) -> ControlSignal:
        """The request's control signal. Raises BadRequest or BadControl for what cannot be run, before any work is
        done.
        """
        low, high = self.config.min_frames, self.config.max_frames
        if not low <= request.num_frames <= high:
            raise BadRequest(
                f"A motion of {request.num_frames} frames ({request.num_frames / FPS:.1f} s) was asked for.",
                f"This model makes {low} to {high} frames ({low / FPS:.1f} to {high / FPS:.1f} s): change the length.",
            )
        if len(request.prompts) != 1:
            raise BadRequest(
                f"The request has {len(request.prompts)} prompts.", "Give one sentence for the whole motion."
            )
        prompt = request.prompts[0].text.strip()
        if not prompt:
            raise BadRequest(
                "The prompt is empty.", "Say in a sentence what the character does, such as 'a person walks'."
            )
        if len(prompt) > MAX_PROMPT_CHARACTERS:
            raise BadRequest(
                f"The prompt has {len(prompt)} characters.", f"Say it in at most {MAX_PROMPT_CHARACTERS} characters."
            )
        if request.num_inference_steps < 0:
            raise BadRequest(f"{request.num_inference_steps} sampling steps were asked for.", "Use 1, 2 or 4 steps.")
        timesteps_of(self.config, self._steps(request))
        if not 1 <= request.num_variations <= MAX_VARIATIONS:
            raise BadRequest(f"{request.num_variations} variations were asked for.", f"Ask for 1 to {MAX_VARIATIONS}.")
        if request.guidance_scale is not None and not 0 <= request.guidance_scale <= 100:
            raise BadRequest(
                f"A guidance scale of {request.guidance_scale} was asked for.", "Use a number from 1 to 20."
            )
        if request.heading is not None and not np.isfinite(request.heading):
            raise BadRequest("The start heading is not a finite number.", "Leave it out to take it from the path.")
        check_wishes(request)
        signal = ControlSignal(request.hint, request.hint_mask, request.free_height)
        if signal.hint.shape[0] != request.num_frames:
            raise BadRequest(
                f"The controls cover {signal.hint.shape[0]} frames, the motion {request.num_frames}.",
                "Both must have the same length.",
            )
        signal = signal.validate()
        if signal.hint_mask.any() and not self.has_control:
            raise BadRequest(
                f"The model '{self.config.name}' takes no controls.",
                "Remove the controls or load a model with a ControlNet.",
            )
        return signal


class _Clock:
    """Counts the parts of a request for its progress, and the seconds of each stage for its report."""

    def __init__(self, request: Generate, steps: int, refines: bool) -> None:
        self.request = request
        self.total = 3 + request.num_variations * (steps + 4 + (REFINING_STEPS + 1 if refines else 0))
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
        # A variation that refines in fewer steps than allowed leaves its share of the bar to what follows.
        return Progress(self.request.request_id, stage, min(1.0, self.done / self.total))

    def finish(self) -> dict[str, float]:
        """Seconds by stage, and 'Total'."""
        self.tell("")
        return self.timing | {"Total": sum(self.timing.values())}
