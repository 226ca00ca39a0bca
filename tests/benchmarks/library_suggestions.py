# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine makes of the sentences of the add-on's menu with its library of captured motion.

    python -m tests.benchmarks.library_suggestions [--seeds 1] [--only WORD] [SENTENCE ...]

For each sentence, those of the menu if none is given: the cosine to the library's closest caption, by how much the
motion that is made misses what the words ask of it (``engine/library/goals.py``; 0 is nothing, under .12 is little),
the worst of the seeds, and the clips that it was made of. What is told to go along a path is made along an S at its
usual speed. A sentence belongs into the menu when it is near and does what it says. Prints a table and a line of JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from blender_addon.shared.control import ControlSignal
from blender_addon.shared.gaits import usual_speed
from blender_addon.shared.protocol import Generate, PromptBlock, Result
from blender_addon.shared.skeleton import FPS, SKELETON
from blender_addon.ui.prompt_suggestions import KNOWN_BY_LIBRARY
from engine.library.goals import sentence_goals
from engine.library.measure_facts import clip_facts
from engine.pipeline import Pipeline

FRAMES = 141
LITTLE = 0.12
LIES_M = 0.4
"""Height of the hips, below which the trunk is on the floor."""
GOALS = 1.5
"""By how much what is missed counts, as in ``engine/library/sentences.py``."""


def walked(sentence: str) -> np.ndarray:
    """The pelvis (T, 3) along an S at the sentence's usual speed."""
    along = usual_speed([sentence]) * np.arange(FRAMES) / FPS
    return np.stack([0.6 * np.sin(along / 2), np.full(FRAMES, SKELETON.standing_height), along], -1)


def made(pipeline: Pipeline, sentence: str, seed: int, path: bool) -> Result:
    """What the engine makes of a sentence, alone or along a path."""
    signal = ControlSignal.empty(FRAMES)
    if path:
        signal.hint[:, 0], signal.hint_mask[:, 0] = walked(sentence), True
    block = PromptBlock(sentence, 0, FRAMES)
    request = Generate("benchmark", (block,), FRAMES, signal.hint, signal.hint_mask, seed, free_height=path)
    return next(item for item in pipeline.generate(request) if isinstance(item, Result))


def missed(sentence: str, joints: np.ndarray) -> float:
    """By how much a motion (T, 22, 3) misses what a sentence asks of it. Of who lies, feet in the air are no flight."""
    facts = clip_facts(joints)
    lies = facts.hips_lowest < LIES_M
    goals = [goal for goal in sentence_goals(sentence) if not (lies and goal.fact == "flight_seconds")]
    return GOALS * sum(float(goal.cost(facts)) for goal in goals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", nargs="*", metavar="SENTENCE")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="", help="sentences that contain this")
    options = parser.parse_args()
    pipeline = Pipeline.load()
    groups = {"given": tuple(options.sentences)} if options.sentences else KNOWN_BY_LIBRARY
    sound: list[str] = []
    unsound: list[str] = []
    for heading, sentences in groups.items():
        print(heading)
        for sentence in sentences:
            if options.only not in sentence:
                continue
            results = [made(pipeline, sentence, seed, "along a path" in heading) for seed in range(options.seeds)]
            first, worst = results[0], max(missed(sentence, result.joints[0]) for result in results)
            fits = not first.notice and worst < LITTLE
            (sound if fits else unsound).append(sentence)
            clips = " / ".join(dict.fromkeys(result.sources[0][0].caption for result in results))
            print(f"  {'' if fits else '!':2}{sentence:58}{first.nearness:5.2f}{worst:6.2f}  {clips}", flush=True)
    print(json.dumps({"benchmark": "library_suggestions", "sound": len(sound), "unsound": unsound}))


if __name__ == "__main__":
    main()
