# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons that are no humans: as game makers build them, with their names and without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from blender_addon.retarget.rig import BoneRest

from ..figures import bone

Point = tuple[float, float, float]
Chain = tuple[str, str, Sequence[Point]]
"""The bone that it hangs on, its bones' names with {n} for their number and {s} for the side, and the points."""


def build(chains: Sequence[Chain]) -> list[BoneRest]:
    """Bones along the points of chains; those with {s} on both sides."""
    found: list[BoneRest] = []
    for parent, names, points in chains:
        for side, sign in (("L", 1), ("R", -1)) if "{s}" in names else (("", 1),):
            above, places = parent.format(s=side) or None, [np.array(point) * (sign, 1, 1) for point in points]
            for number in range(len(places) - 1):
                name = names.format(s=side, n=number + 1)
                found.append(bone(name, above, places[number], places[number + 1]))
                above = name
    return found


def _spider(angles: Sequence[float]) -> list[BoneRest]:
    chains: list[Chain] = [
        ("", "Root", [(0, 0, 0), (0, 0, 0.1)]), ("Root", "Body", [(0, 0, 0.5), (0, -0.3, 0.5)]),
        ("Body", "Head", [(0, -0.3, 0.5), (0, -0.5, 0.55)]), ("Body", "Abdomen", [(0, 0.1, 0.5), (0, 0.6, 0.6)]),
    ]  # fmt: skip
    for number, angle in enumerate(angles, start=1):
        out = np.array([np.sin(np.radians(angle)), -np.cos(np.radians(angle)), 0.0])
        points = [tuple(far * out + (0, 0, up)) for far, up in ((0.15, 0.5), (0.5, 0.85), (0.9, 0.4), (1.1, 0.0))]
        chains.append(("Body", f"Leg{number}_{{n}}.{{s}}", points))
    return build(chains)


def spider() -> list[BoneRest]:
    """Four pairs of legs on one body."""
    return _spider((35, 70, 110, 145))


def _four_legged(trunk: float, leg: float, names: Mapping[str, str]) -> list[BoneRest]:
    chains: list[Chain] = [
        ("", "Root", [(0, 0, 0), (0, 0, 0.1)]), ("Root", "Hips", [(0, 0.4, leg), (0, 0.2, leg)]),
        ("Hips", "Spine{n}", [(0, 0.2, leg), (0, 0.0, leg), (0, -trunk, leg)]),
        ("Spine2", "Neck", [(0, -trunk, leg), (0, -trunk - 0.2, leg + 0.3)]),
        ("Neck", "Head", [(0, -trunk - 0.2, leg + 0.3), (0, -trunk - 0.5, leg + 0.3)]),
        ("Hips", "Tail{n}", [(0, 0.4, leg), (0, 0.6, leg), (0, 0.8, leg - 0.1), (0, 1.0, leg - 0.2)]),
        ("Head", "Ear.{s}", [(0.05, -trunk - 0.2, leg + 0.4), (0.08, -trunk - 0.2, leg + 0.5)]),
    ]  # fmt: skip
    for parent, kind, along in (("Spine2", "front", -trunk), ("Hips", "back", 0.35)):
        points = [(0.12, along + y, z * leg) for y, z in ((0, 0.95), (-0.05, 0.55), (0.06, 0.2), (0, 0.05), (-0.08, 0))]
        chains.append((parent, names[kind], points))
    return build(chains)


def fox() -> list[BoneRest]:
    return _four_legged(0.4, 0.5, {"front": "Front{n}.{s}", "back": "Back{n}.{s}"})


def horse() -> list[BoneRest]:
    return _four_legged(0.9, 1.1, {"front": "FrontLeg{n}.{s}", "back": "BackLeg{n}.{s}"})


def wolf_with_arms_names() -> list[BoneRest]:
    """Its maker used a human's names: what lies on all fours is no human still."""
    return _four_legged(0.6, 0.6, {"front": "UpperArm{n}.{s}", "back": "UpperLeg{n}.{s}"})


def bird() -> list[BoneRest]:
    """Two legs that bend backward, two wings."""
    return build([
        ("", "Root", [(0, 0, 0), (0, 0, 0.1)]), ("Root", "Body", [(0, 0.1, 0.4), (0, -0.2, 0.5)]),
        ("Body", "Neck{n}", [(0, -0.2, 0.5), (0, -0.25, 0.65), (0, -0.3, 0.8)]),
        ("Neck2", "Head", [(0, -0.3, 0.8), (0, -0.4, 0.8)]),
        ("Body", "Wing{n}.{s}", [(0.1, -0.1, 0.55), (0.4, -0.1, 0.6), (0.8, 0.0, 0.6), (1.1, 0.1, 0.6)]),
        ("Body", "Leg{n}.{s}", [(0.08, 0.05, 0.4), (0.08, -0.02, 0.25), (0.08, 0.06, 0.08), (0.08, -0.05, 0.0)]),
        ("Body", "Tail{n}", [(0, 0.1, 0.4), (0, 0.3, 0.4), (0, 0.5, 0.4)]),
    ])  # fmt: skip


def t_rex() -> list[BoneRest]:
    """A trunk that lies across two strong legs, small arms."""
    return build([
        ("", "Root", [(0, 0, 0), (0, 0, 0.1)]), ("Root", "Hips", [(0, 0.2, 1.6), (0, -0.2, 1.65)]),
        ("Hips", "Spine{n}", [(0, -0.2, 1.65), (0, -0.8, 1.75), (0, -1.3, 1.9)]),
        ("Spine2", "Neck", [(0, -1.3, 1.9), (0, -1.6, 2.3)]), ("Neck", "Head", [(0, -1.6, 2.3), (0, -2.3, 2.3)]),
        ("Spine2", "Arm{n}.{s}", [(0.25, -1.2, 1.6), (0.28, -1.3, 1.4), (0.28, -1.5, 1.35), (0.28, -1.6, 1.3)]),
        ("Hips", "Leg{n}.{s}", [(0.35, 0.1, 1.5), (0.4, -0.2, 0.9), (0.4, 0.2, 0.4), (0.4, 0.0, 0.1), (0.4, -0.3, 0)]),
        ("Hips", "Tail{n}", [(0, 0.2, 1.6), (0, 0.8, 1.6), (0, 1.5, 1.5), (0, 2.3, 1.4)]),
    ])  # fmt: skip


def fish() -> list[BoneRest]:
    return build([
        ("", "Root", [(0, 0, 0.5), (0, -0.2, 0.5)]), ("Root", "Head", [(0, -0.2, 0.5), (0, -0.5, 0.5)]),
        ("Root", "Tail{n}", [(0, 0, 0.5), (0, 0.3, 0.5), (0, 0.6, 0.5), (0, 0.9, 0.5)]),
        ("Root", "Fin{n}.{s}", [(0.1, -0.1, 0.45), (0.3, 0.0, 0.4), (0.4, 0.1, 0.4)]),
    ])  # fmt: skip


ANIMALS: dict[str, Callable[[], list[BoneRest]]] = {
    "spider": spider,
    "spider with its legs forward": lambda: _spider((20, 50, 80, 110)),
    "fox": fox,
    "horse": horse,
    "wolf with arms": wolf_with_arms_names,
    "bird": bird,
    "T-Rex": t_rex,
    "fish": fish,
}
