# SPDX-License-Identifier: GPL-3.0-or-later
"""The library of captured motion that ships beside the weights: ``python -m training.library --data DATA --out DIR``.

Takes the train split of a prepared data set, clips with captions whose feet find the floor; writes ``library.npz`` (see
``engine/library/library.py``) and its card ``LIBRARY.md`` with the terms of the data and what the 8-bit codes lose on
clips that they were not fitted to. Some minutes on one core.

Shapes: T frames, J = 22 joints, P patches, F = 8 frames, N = 67 numbers a frame, Q = 128 components.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.series import runs
from blender_addon.shared.skeleton import CONTACT_JOINTS, FPS, SKELETON
from engine.export.atomic import atomic_file
from engine.library.facts import ClipFacts
from engine.library.library import FRAME_NUMBERS, PATCH_FRAMES, Codes, Library, frames_of, motion_of
from engine.library.measure_facts import clip_facts
from engine.library.motion import BodyMotion
from engine.models.text_encoder import load_text_encoder

from .data.clips import read_captures

COMPONENTS = 128
SHORTEST_FRAMES = 16
FLOATS_M = 0.12  # the lowest foot's median height, above which a body does not stand on this floor
CARRIED_M, CARRIED_FRAMES = 0.15, 16  # all of a body so high for so long is carried by something: by steps if it
STANDING_HIPS_M = 0.7  # stands, its hips so far above its feet, else by a seat or a bar that is not there
ENCODER, ENCODER_WIDTH = "all-MiniLM-L6-v2", 384
_ANIMAL = re.compile(r"\b(acts? like|imitates?|pretends? to be|waddles? like|like an?) (an? )?(\w+ )?(animal|bear|bird"
                     r"|cat|chicken|dinosaur|dog|duck|elephant|monkey|gorilla|mouse|penguin|rodent|snake|horse|frog|rabbit"
                     r"|kangaroo|fish|swan|insect|spider|lion|tiger|cow|pig|flying)")  # fmt: skip
_FEET = SKELETON.indices(*CONTACT_JOINTS)
TERMS = {
    "CMU-free": (
        "CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu): free for all uses; may be part of commercial "
        "products; the data itself may not be resold, even converted.\n\n"
        "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from "
        "NSF EIA-0196217."
    ),
    "CC0": "Mesh2Motion animations: CC0 1.0, public domain.",
    "MIT": """AnimatedDrawings:

  MIT License. Copyright (c) Meta Platforms, Inc. and affiliates.

  Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
  documentation files (the "Software"), to deal in the Software without restriction, including without
  limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
  Software, and to permit persons to whom the Software is furnished to do so, subject to the following
  conditions:

  The above copyright notice and this permission notice shall be included in all copies or substantial portions
  of the Software.

  THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
  TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
  THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
  CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
  DEALINGS IN THE SOFTWARE.""",
}


@dataclass(frozen=True, eq=False)
class Source:
    """A clip to keep: its line of ``captions.jsonl`` and its joints (T, J, 3)."""

    about: dict[str, Any]
    joints: np.ndarray

    @property
    def texts(self) -> list[str]:
        """Its captions, the one that its source gives first."""
        kinds = {"index": 0, "humanml3d": 1}
        ordered = sorted(self.about["captions"], key=lambda caption: kinds.get(caption["kind"], 2))
        return list(dict.fromkeys(caption["text"] for caption in ordered))


def usable(source: Source) -> bool:
    """Whether a sentence can find the clip, its feet find the floor, and it nowhere sits on or hangs from what is not
    there.
    """
    lowest = source.joints[:, _FEET, 1].min(1)
    if not source.about["captions"] or len(lowest) < SHORTEST_FRAMES or np.median(lowest) > FLOATS_M:
        return False
    low = source.joints[..., 1].min(1)
    carried = (low > CARRIED_M) & (source.joints[:, 0, 1] - low < STANDING_HIPS_M)
    return all(end - start < CARRIED_FRAMES for start, end in runs(carried))


def patches_of(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patches (P, F * N) float32 and contacts (P, F / 2) uint8 of a clip; the last frame fills the last patch."""
    motion = BodyMotion.of(joints)
    fill = [(0, -motion.num_frames % PATCH_FRAMES), (0, 0)]
    frames = np.pad(frames_of(motion), fill, mode="edge").reshape(-1, PATCH_FRAMES * FRAME_NUMBERS)
    bits = np.pad(motion.contacts > 0.5, fill, mode="edge").reshape(len(frames), -1)
    return frames, np.packbits(bits, axis=-1)


def fit_codes(patches: np.ndarray, contacts: np.ndarray, components: int = COMPONENTS) -> Codes:
    """Principal components of patches (P, F * N), and the patches as whole numbers of them."""
    mean = patches.mean(0)
    centred = patches - mean
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    basis = vectors[:, ::-1][:, :components].T.astype(np.float32)
    values = centred @ basis.T
    scale = np.maximum(np.abs(values).max(0), 1e-6) / 127
    return Codes(np.rint(values / scale).astype(np.int8), scale.astype(np.float32), basis, mean, contacts)


def code_error(codes: Codes, joints: np.ndarray) -> float:
    """Mean distance in millimetres of the joints (T, J, 3) of a clip, which need not be one of ``codes``, from what its
    codes give back, in heading axes.
    """
    patches, contacts = patches_of(joints)
    values = np.clip(np.rint((patches - codes.mean) @ codes.components.T / codes.scale), -127, 127).astype(np.int8)
    own = Codes(values, codes.scale, codes.components, codes.mean, contacts)
    here = np.arange(len(values))
    given = motion_of(own.decode(here), own.contacts_of(here)).cut(0, len(joints))
    return float(1000 * np.linalg.norm(given.pose - BodyMotion.of(joints).pose, axis=-1).mean())


def make_library(sources: Sequence[Source], vectors_of: Any) -> Library:
    """The library of ``sources``; ``vectors_of`` gives the vectors (S, D) of a list of captions."""
    coded = [patches_of(source.joints) for source in sources]
    patches, contacts = (np.concatenate(part) for part in zip(*coded, strict=True))
    codes = fit_codes(patches, contacts)
    texts = list(dict.fromkeys(text for source in sources for text in source.texts))
    place = {text: i for i, text in enumerate(texts)}
    ids = [[place[text] for text in source.texts] for source in sources]
    abouts = [source.about for source in sources]
    performers = [about["source"].split("_")[0] if "CMU" in about["source"] else about["take"] for about in abouts]
    return Library(
        names=[about["id"] for about in abouts],
        frames=np.array([len(source.joints) for source in sources], np.int32),
        first_patch=np.cumsum([0, *(len(patches) for patches, _ in coded)]).astype(np.int32),
        codes=codes,
        takes=_numbered([about["take"] for about in abouts]),
        performers=_numbered(performers),
        captions=texts,
        vectors=np.asarray(vectors_of(texts), np.float16),
        caption_ids=np.array([i for some in ids for i in some], np.int32),
        first_caption=np.cumsum([0, *map(len, ids)]).astype(np.int32),
        weak=np.array([about["weak"] for about in abouts]),
        animal=np.array([_is_animal(source) for source in sources]),
        facts=ClipFacts.from_array(np.stack([clip_facts(source.joints).to_array() for source in sources])),
        encoder=ENCODER,
        licence="; ".join(sorted({about["licence"] for about in abouts})),
    )


def _numbered(names: Sequence[str]) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1].astype(np.int32)


def _is_animal(source: Source) -> bool:
    return source.about.get("class") == "animal" or any(_ANIMAL.search(text) for text in source.texts)


def card(library: Library, held_out: dict[str, float]) -> str:
    """The Markdown that goes with the file."""
    minutes = library.frames.sum() / FPS / 60
    licences = library.licence.split("; ")
    errors = ", ".join(f"{name} {error:.1f} mm" for name, error in held_out.items())
    terms = "\n\n".join(f"- {TERMS[name]}" for name in licences)
    return (
        f"# Library of captured motion\n\n{library.num_clips} clips, {minutes:.0f} minutes, {len(library.captions)} "
        f"captions; made by `python -m training.library` from the train split only.\n\nClips are "
        f"{library.codes.values.shape[1]} principal components of patches of {PATCH_FRAMES} frames, a byte each. "
        f"Mean error of the joints on clips that the components were not fitted to: {errors}.\n\n"
        f"## Where the motions come from, and their terms\n\n{terms}\n"
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.library", description="Make the library of motion.")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.npz and captions.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="folder for library.npz and LIBRARY.md")
    arguments = parser.parse_args(argv)
    try:
        everything = [Source(about, joints) for about, joints in read_captures(arguments.data)]
        sources = [source for source in everything if source.about["split"] == "train" and usable(source)]
        encoder = load_text_encoder(ENCODER, ENCODER_WIDTH)
        library = make_library(sources, lambda texts: encoder.encode(texts).numpy())
        held_out = {
            split: float(
                np.mean([code_error(library.codes, s.joints) for s in everything if s.about["split"] == split])
            )
            for split in ("val", "test")
            if any(s.about["split"] == split for s in everything)
        }
        arguments.out.mkdir(parents=True, exist_ok=True)
        with atomic_file(arguments.out / "LIBRARY.md") as file:
            file.write(card(library, held_out).encode())
        with atomic_file(arguments.out / "library.npz") as file:
            np.savez(file, **library.arrays())
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
    size = (arguments.out / "library.npz").stat().st_size / 1e6
    print(f"{library.num_clips} clips, {library.frames.sum() / FPS / 60:.0f} minutes, {size:.1f} MB; error {held_out}")


if __name__ == "__main__":
    main()
