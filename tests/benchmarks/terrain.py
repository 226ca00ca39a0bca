# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks on ground that is not level: where feet and hips are over it, and pictures with the ground's profile.

    python -m tests.benchmarks.terrain [--only stairs] [--pictures FOLDER] [--json FILE]

Prints a line for each ground and all of it as one line of JSON. Heights are compared with those of a walk on the
level floor: of standing toes over the ground, and of the hips over the standing foot that they are above. Slides are
those of toes in the middle of stances, overhang is the share of them in which an edge is under the sole.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from blender_addon.shared.ground import ground_along, heights_at
from blender_addon.shared.ground_mesh import ground_of_mesh
from blender_addon.shared.protocol import Generate, Ground, PromptBlock, Result
from blender_addon.shared.series import dilate
from blender_addon.shared.skeleton import FPS, SKELETON
from engine.finishing.knees import knees_ahead
from engine.pipeline import Pipeline

SECONDS, FLAT_M = 8.0, 1.0
OVER_FOOT_M = 0.12  # beside a standing foot, within which hips are over it
SAMPLES = 8  # of the path, in a frame
TOES, ANKLES = SKELETON.indices("left_foot", "right_foot"), SKELETON.indices("left_ankle", "right_ankle")
Profile = Callable[[np.ndarray], np.ndarray]


def stairs(sign: int, going: float = 0.29, count: int = 12) -> Profile:
    return lambda s: sign * 0.17 * np.clip(np.floor((s - FLAT_M) / going) + 1, 0, count)


def ramp(degrees: float) -> Profile:
    return lambda s: np.tan(np.radians(degrees)) * np.clip(s - FLAT_M, 0, 3.5)


def hills(s: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(7)
    waves = [(rng.uniform(0.6, 4), rng.uniform(0, 6)) for _ in range(6)]
    return sum(0.16 / w * (np.sin(w * s + p) - np.sin(p)) for w, p in waves)


GROUNDS: dict[str, tuple[Profile, float, str]] = {
    "level": (lambda s: 0 * s, 1.0, "a person walks forward"),
    "stairs up": (stairs(1), 0.55, "a person walks up the stairs"),
    "stairs down": (stairs(-1), 0.55, "a person walks down the stairs"),
    "stairs up, brisk": (stairs(1), 0.9, "a person walks forward"),
    "ramp 5": (ramp(5), 1.0, "a person walks forward"),
    "ramp -5": (ramp(-5), 1.0, "a person walks forward"),
    "ramp 15": (ramp(15), 0.9, "a person walks forward"),
    "ramp -15": (ramp(-15), 0.9, "a person walks forward"),
    "ramp 25": (ramp(25), 0.8, "a person walks forward"),
    "ramp -25": (ramp(-25), 0.8, "a person walks forward"),
    "hills": (hills, 1.0, "a person walks forward"),
    "hills, a run": (hills, 2.6, "a person runs forward"),
    "bump of 14 cm": (lambda s: 0.14 * np.exp(-(((s - 2.5) / 0.3) ** 2)), 1.0, "a person walks forward"),
    "balcony": (lambda s: 0 * s + 3.0, 1.0, "a person walks forward"),
}


def request(ground: Ground | None, places: np.ndarray, heights: np.ndarray, sentence: str) -> Generate:
    """The path on the ground (T, 2), with the ground's ``heights`` (T,) under it."""
    frames = len(places)
    hint, mask = np.zeros((frames, 22, 3), np.float32), np.zeros((frames, 22), bool)
    hint[:, 0], mask[:, 0] = np.stack([places[:, 0], heights + 0.93, places[:, 1]], -1), True
    block = PromptBlock(sentence, 0, frames)
    return Generate("terrain", (block,), frames, hint, mask, free_height=True, ground=ground)


def made(pipeline: Pipeline, asked: Generate) -> tuple[np.ndarray, np.ndarray, float]:
    """Joints (T, 22, 3), toes' contacts (T, 2), seconds."""
    started = time.perf_counter()
    result = next(item for item in pipeline.generate(asked) if isinstance(item, Result))
    return result.joints[0].astype(float), result.foot_contacts[0][:, 1::2], time.perf_counter() - started


def along(profile: Profile, speed: float) -> tuple[Ground | None, np.ndarray, np.ndarray]:
    """The ground of a path straight ahead, its places (T, 2) and heights (T,)."""
    fine = np.arange(int(SECONDS * FPS) * SAMPLES + 1) * speed / FPS / SAMPLES
    places, heights = np.stack([0 * fine, fine], -1), profile(fine)
    return ground_along(places, heights, SAMPLES), places[::SAMPLES], heights[::SAMPLES]


def measure(
    joints: np.ndarray, stands: np.ndarray, ground: Ground | None, level: dict[str, float] | None
) -> dict[str, float]:
    """What a viewer sees of a walk, beside that on the ``level``."""
    frames, toes, ankles = np.arange(len(joints)), joints[:, TOES], joints[:, ANKLES]

    def under(places: np.ndarray) -> np.ndarray:
        return np.zeros(places.shape[:2]) if ground is None else heights_at(ground, frames, places[..., [0, 2]])

    middle = stands & ~np.stack([dilate(~stands[:, foot], 2) for foot in (0, 1)], 1)
    over = toes[..., 1] - under(toes)
    apart = np.linalg.norm((joints[:, :1] - (ankles + toes) / 2)[..., [0, 2]], axis=-1)
    hips = (joints[:, :1, 1] - toes[..., 1])[stands & (apart < OVER_FOOT_M)]
    speed = np.linalg.norm(np.gradient(toes, axis=0), axis=-1) * FPS
    direction = (toes - ankles) * [1, 0, 1]
    direction /= np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-6)
    heel, tip = under(ankles - 0.04 * direction), under(toes + 0.06 * direction)
    halfway = under((ankles + toes) / 2)
    edge = np.abs(halfway - (heel + tip) / 2) > 0.04
    reference = level or {"toe_cm": float(np.median(over[middle])) * 100, "hips_cm": float(np.mean(hips)) * 100}
    return {
        "toe_cm": float(np.median(over[middle])) * 100,
        "toe_off_cm": float(np.percentile(np.abs(over[middle] * 100 - reference["toe_cm"]), 95)),
        "hips_cm": float(np.mean(hips)) * 100,
        "hips_off_cm": float(np.mean(hips)) * 100 - reference["hips_cm"],
        "slide_cm_s": float(np.percentile(speed[middle], 95)) * 100,
        "dip_cm": float(-np.minimum(over[~stands].min(), 0)) * 100,
        "knee_cm": float(knees_ahead(joints)[0].min()) * 100,
        "overhang": float(edge[middle].mean()),
        "steps_s": float((np.diff(stands.astype(int), axis=0) == 1).sum() / SECONDS),
        "hips_jerk": float(np.abs(np.diff(joints[:, 0, 1], 3)).mean()) * FPS**3,
    }


def stairs_obj(file: Path) -> None:
    """A floor and nine steps up from 1 m on, as a mesh in a file."""
    quads = [(-3.0, 9.0, 0.0), *((1 + 0.3 * i, 1.3 + 0.3 * i, 0.17 * (i + 1)) for i in range(9)), (3.7, 9.0, 1.53)]
    lines = []
    for number, (begin, end, height) in enumerate(quads):
        lines += [f"v {x} {height} {z}" for x, z in ((-1, begin), (-1, end), (1, end), (1, begin))]
        lines.append("f " + " ".join(str(4 * number + corner) for corner in (1, 2, 3, 4)))
    file.write_text("\n".join(lines))


def from_command_line(folder: Path) -> tuple[np.ndarray, np.ndarray, Ground | None]:
    """A flat path over stairs from a file, by ``gaitway generate``: joints, contacts, ground."""
    from engine.inputs.ground import read_obj

    stairs_obj(folder / "stairs.obj")
    (folder / "path.csv").write_text("x,z\n0,0\n0,4.4\n")
    command = [sys.executable, "-m", "engine.cli", "generate", "a person walks up the stairs", "--length", str(SECONDS)]
    files = ["--path", "path.csv", "--ground", "stairs.obj", "--out", "out.npz"]
    subprocess.run([*command, *files], cwd=folder, check=True, capture_output=True)
    with np.load(folder / "out.npz", allow_pickle=False) as data:
        joints = data["joints"].astype(float).reshape(-1, 22, 3)
    places = np.stack([np.zeros(len(joints)), np.linspace(0, 4.4, len(joints))], -1)
    ground = ground_of_mesh(read_obj(folder / "stairs.obj"), places, np.zeros(len(joints))).ground
    toes = joints[:, TOES]
    slow = np.linalg.norm(np.gradient(toes, axis=0), axis=-1) * FPS < 0.15
    return joints, slow, ground


def picture(joints: np.ndarray, ground: Ground | None, file: Path) -> None:
    """Some poses from the side over the ground's profile."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(20, 9))
    z = np.linspace(joints[:, 0, 2].min() - 0.5, joints[:, 0, 2].max() + 0.5, 3000)
    frames = np.interp(z, joints[:, 0, 2], np.arange(len(joints))).astype(int)
    places = np.stack([np.interp(z, joints[:, 0, 2], joints[:, 0, 0]), z], -1)[:, None]
    profile = np.zeros(len(z)) if ground is None else heights_at(ground, frames, places)[:, 0]
    axes.fill_between(z, profile, profile.min() - 0.3, color="#d8d8d8")
    for pose in joints[::4]:
        for joint, parent in enumerate(SKELETON.parents):
            if parent >= 0:
                colour = "r" if joint in (1, 4, 7, 10) else "b" if joint in (2, 5, 8, 11) else "k"
                axes.plot(pose[[parent, joint], 2], pose[[parent, joint], 1], colour, lw=1.2)
    axes.plot(joints[:, 0, 2], joints[:, 0, 1], "g", lw=1)
    axes.set_aspect("equal")
    figure.tight_layout()
    figure.savefig(file, dpi=60)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="grounds with this in their name")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pipeline, rows = Pipeline.load(), {}

    def tell(name: str, joints: np.ndarray, stands: np.ndarray, ground: Ground | None, seconds: float) -> None:
        rows[name] = measure(joints, stands, ground, rows.get("level")) | {"seconds": seconds}
        print(f"{name:20s}" + "".join(f" {key} {value:.2f}" for key, value in rows[name].items()), flush=True)
        if given.pictures:
            picture(joints, ground, given.pictures / f"{name.replace(' ', '_').replace(',', '')}.png")

    for name, (profile, speed, sentence) in GROUNDS.items():
        if name == "level" or given.only in name:
            ground, places, heights = along(profile, speed)
            joints, stands, seconds = made(pipeline, request(ground, places, heights, sentence))
            tell(name, joints, stands, ground, seconds)
    if given.only in "mesh from the command line":
        with tempfile.TemporaryDirectory() as folder:
            joints, stands, ground = from_command_line(Path(folder))
        tell("mesh from the command line", joints, stands, ground, 0.0)
    print(json.dumps(rows))
    if given.json:
        given.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
