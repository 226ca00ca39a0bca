# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model makes of the sentences that it has learned: which of them belong into the add-on's menu.

    python -m tests.benchmarks.suggestions [--data FOLDER] [--seeds 12] [--only WORD] [--pictures FOLDER]

For each sentence of the training clips, motions are made from it alone and along captured ways, and told by traits:
speed, swing of hands and feet beside the hips, height of hips, head and hands, bounce, turning, each in deviations of
that trait over all clips. "rank" says how many sentences have captured motions that lie at least as near (the median
over the motions made; of captured motions in brackets), "vigour" how much the limbs swing against the captured ones. A
sentence is known when its rank is at most ``MARGIN`` worse than the captured motions' and its vigour at least
``VIGOUR``. Prints a table (the menu's sentences with a star) and a line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from blender_addon.shared import features, quat
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from blender_addon.shared.skeleton import FPS, SKELETON
from blender_addon.ui.prompt_suggestions import KNOWN_BY_OWN
from engine.export import export_clip
from engine.export.clip import ExportClip
from engine.pipeline import Pipeline
from training.data.clips import Clip, load_clips

from ..shared_folder import needed

MARGIN, VIGOUR = 2, 0.5
LEAST_SECONDS = 10.0
"""Of captured motion, below which a sentence is no candidate."""
TRAITS = ("speed", "hands swing", "feet swing", "hips height", "head height", "hands height", "bounce", "turning")
SWINGS = [TRAITS.index("hands swing"), TRAITS.index("feet swing")]


def traits(joints: np.ndarray) -> np.ndarray:
    """The ``TRAITS`` of a motion (T, 22, 3): metres, a second where they are speeds, radians a second of turning."""

    def of(*names: str) -> np.ndarray:
        return joints[:, [SKELETON.index(name) for name in names]]

    def pace(points: np.ndarray) -> float:
        return float(np.linalg.norm(np.diff(points, axis=0), axis=-1).mean() * FPS)

    hips, hands, feet = of("pelvis"), of("left_wrist", "right_wrist"), of("left_ankle", "right_ankle")
    yaw = np.unwrap(quat.yaw(features.heading_rotation(joints)))
    return np.array(
        [
            pace(hips[..., [0, 2]]),
            pace(hands - hips),
            pace(feet - hips),
            hips[..., 1].mean(),
            of("head")[..., 1].mean(),
            hands[..., 1].mean(),
            hips[..., 1].std(),
            np.abs(np.diff(yaw)).mean() * FPS,
        ]
    )


def make(pipeline: Pipeline, prompt: str, frames: int, seed: int, way: np.ndarray | None = None) -> np.ndarray:
    """The motion (T, 22, 3) as it leaves the engine; ``way`` (T, 3): the hips' path over the ground."""
    signal = ControlSignal.empty(frames)
    if way is not None:
        signal.hint[:, 0], signal.hint_mask[:, 0] = way, True
    request = Generate(
        "benchmark",
        (PromptBlock(prompt, 0, frames),),
        frames,
        signal.hint,
        signal.hint_mask,
        seed,
        heading=0.0,
        free_height=way is not None,
    )
    (result,) = [item for item in pipeline.generate(request) if isinstance(item, Result)]
    return result.joints[0].astype(np.float64)


def candidates(clips: Iterable[Clip], longest: int, least: int) -> dict[str, list[np.ndarray]]:
    """Sentence -> captured motions (T, 22, 3) of which it is the first caption, where there is enough of them."""
    found: dict[str, list[np.ndarray]] = {}
    for clip in clips:
        if not clip.weak and clip.num_frames >= least:
            found.setdefault(clip.captions[0], []).append(clip.joints[:longest])
    return {text: own for text, own in found.items() if sum(map(len, own)) >= LEAST_SECONDS * FPS}


def rank(found: np.ndarray, means: np.ndarray, own: int) -> float:
    """Median place of the sentence ``own`` among all, nearest first, by the distance of traits ``found`` (M, 8) from
    the sentences' ``means`` (S, 8), both in deviations.
    """
    apart = np.linalg.norm(found[:, None] - means, axis=-1)
    return float(np.median((apart <= apart[:, own : own + 1]).sum(-1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with clips.npz and captions.jsonl")
    parser.add_argument("--checkpoint", type=Path, help="default: the embedded model")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--only", default="", help="sentences that contain this")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each sentence's first motion")
    options = parser.parse_args()
    pipeline = Pipeline.load(options.checkpoint)
    longest, least = pipeline.config.max_frames, pipeline.config.min_frames
    clips = load_clips(options.data or needed("data/cmu"))["train"]
    spread = np.std([traits(clip.joints[:longest]) for clip in clips if clip.num_frames >= least], axis=0)
    listed = {sentence.rstrip(".") for group in KNOWN_BY_OWN.values() for sentence in group}
    known: dict[str, list[str]] = {"alone": [], "along a path": []}
    sentences = dict(sorted(candidates(clips, longest, least).items()))
    own_traits = {text: np.array([traits(motion) for motion in own]) for text, own in sentences.items()}
    means = np.array([found.mean(0) for found in own_traits.values()]) / spread
    print(f"{'sentence':<64}{'clips':>6}  {'alone: rank':>14}{'vigour':>8}  {'along a path: rank':>20}{'vigour':>8}")
    for number, (text, captured) in enumerate(sentences.items()):
        if options.only not in text:
            continue
        frames = int(np.median([len(motion) for motion in captured]))
        alone = [make(pipeline, f"{text}.", frames, seed) for seed in range(options.seeds)]
        followed = captured[:: max(1, len(captured) // options.seeds)][: options.seeds]
        along = [make(pipeline, f"{text}.", len(own), seed, own[:, 0]) for seed, own in enumerate(followed)]
        best = rank(own_traits[text] / spread, means, number)
        line = f"{'* ' if text in listed else '  '}{text[:61]:<62}{len(captured):>6}  "
        for kind, made in (("alone", alone), ("along a path", along)):
            found = np.array([traits(motion) for motion in made])
            place = rank(found / spread, means, number)
            vigour = found[:, SWINGS].mean() / own_traits[text][:, SWINGS].mean()
            mark = "known" if place <= best + MARGIN and vigour >= VIGOUR else ""
            line += f"{mark:<8}{place:3.0f} ({best:.0f}){vigour:8.2f}  {'      ' if kind == 'alone' else ''}"
            if mark:
                known[kind].append(text)
        print(line.rstrip(), flush=True)
        if options.pictures is not None:
            options.pictures.mkdir(parents=True, exist_ok=True)
            picture = ExportClip(alone[0], 20.0, text, 0, pipeline.config.name)
            export_clip(picture, options.pictures / f"{text.replace(' ', '_')[:60]}.png")
    print(json.dumps({"benchmark": "suggestions", "known": known, "listed": sorted(listed)}))


if __name__ == "__main__":
    main()
