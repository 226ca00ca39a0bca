# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of action a motion looks like, to a judge that has learned it from captured clips and their captions.

A linear classifier (multinomial logistic regression with a penalty on the square of its weights) of what a body does:
the facts of the whole clip, and mean, deviation and extremes of its two-second windows.

Shapes: T frames, J = 22 joints, N clips, X numbers of a clip.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from engine.library.measure_facts import clip_facts

from .kinematics import WINDOW, kinematics

ACTIONS = {
    "walk": r"\b(walks?|limps?|hobbles|marches|strolls|wanders|staggers|trudges|toddles|waddles)\b",
    "run": r"\b(runs?|jogs?|jogging|sprints?)\b",
    "jump": r"\b(jumps?|hops?|leaps?|skips?)\b",
    "dance": r"\b(dances?|salsa|ballet|charleston|breakdances)\b",
    "fight": r"\b(box(es|ing)|punch(es)?|kicks?|karate|martial arts|fights?|sword|fists)\b",
    "sit, rise": r"\b(sits?|stands up|gets up|lies|kneels?|squats?|bows?)\b",
    "gesture": r"\b(gestures|waves?|waving|talks|traffic|referee|points?|drinks|laughs|phone|quarrels|nursery|claps)\b",
    "work": r"\b(sweeps|mops|wash(es)?|hammers|wrench|screwdriver|mixes|writes|chops|picks|lifts|push(es)?|pulls?)\b",
    "animal": r"\b(acts like an? (?!superhero)|imitates)",
    "ball": r"\b(dribbles?|throws?|catch(es)?|basketball|football|golf|baseball)\b",
    "climb": r"\b(climbs?|stairs|ladder)\b",
    "acrobatics": r"\b(cartwheels?|handstand|flips?|somersault|rolls?)\b",
}
MOST_CLIPS = 250  # of a kind that the judge learns from
LEAST_CLIPS = 12  # of a kind that can be learned
PENALTY = 3e-3
LARGEST = 5.0  # deviations of a number; what is farther off is as far
_STEPS = 200


def action_of(caption: str) -> str | None:
    """The kind of action that a caption names; None where it names none or several."""
    kinds = [kind for kind, pattern in ACTIONS.items() if re.search(pattern, caption)]
    return kinds[0] if len(kinds) == 1 else None


def _numbers(joints: np.ndarray) -> np.ndarray:
    """(X,) of a motion (T, J, 3) of two seconds or more."""
    pieces, facts = kinematics(joints), clip_facts(joints).to_array()
    parts = [pieces.mean(0), pieces.std(0), pieces.max(0), pieces.min(0), facts[:-2]]  # without the active frames
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class ActionJudge:
    """``kinds`` in the order of the columns of ``weights`` (X + 1, kinds); mean and std (X,) of the numbers."""

    kinds: tuple[str, ...]
    weights: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def learn(
        cls, clips: Iterable[tuple[str, np.ndarray]], advance: Callable[[str], None] = lambda doing: None
    ) -> Self | None:
        """Of captions and joints (T, J, 3); None where no two kinds have enough clips."""
        by_kind: dict[str, list[np.ndarray]] = {}
        for caption, joints in clips:
            kind = action_of(caption)
            if kind is not None and len(joints) >= WINDOW:
                by_kind.setdefault(kind, []).append(joints)
        kinds = tuple(kind for kind in ACTIONS if len(by_kind.get(kind, [])) >= LEAST_CLIPS)
        if len(kinds) < 2:
            return None
        numbers, labels = [], []
        for place, kind in enumerate(kinds):
            advance(f"learning to tell actions: {kind}")
            own = by_kind[kind]
            for motion in own[:: -(-len(own) // MOST_CLIPS)]:
                numbers.append(_numbers(motion))
                labels.append(place)
        table = np.stack(numbers)
        mean, std = table.mean(0), np.maximum(table.std(0), 1e-3)
        return cls(kinds, _fitted(_inputs(table, mean, std), np.array(labels), len(kinds)), mean, std)

    def judge(self, joints: np.ndarray) -> str:
        """The kind that a motion (T, J, 3) of two seconds or more looks most like."""
        return self.kinds[int((_inputs(_numbers(joints)[None], self.mean, self.std) @ self.weights).argmax())]

    def right(self, motions: Sequence[np.ndarray], captions: Sequence[str]) -> list[tuple[str, str]]:
        """What is named and what is seen, of all whose caption names a kind that is known and that are long enough."""
        pairs = [(action_of(caption), joints) for joints, caption in zip(motions, captions, strict=True)]
        return [(kind, self.judge(joints)) for kind, joints in pairs if kind in self.kinds and len(joints) >= WINDOW]


def _inputs(table: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(N, X + 1): in deviations, and a one."""
    return np.pad(np.clip((table - mean) / std, -LARGEST, LARGEST), ((0, 0), (0, 1)), constant_values=1.0)


def _fitted(inputs: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Weights (X + 1, count); every kind counts alike however many clips it has."""
    values, target = torch.from_numpy(inputs), torch.from_numpy(labels)
    balance = len(labels) / (count * torch.bincount(target, minlength=count).double())
    weights = torch.zeros(inputs.shape[1], count, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(values @ weights, target, balance)
        value = value + PENALTY * weights[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call,arg-type]
    return weights.detach().numpy()
