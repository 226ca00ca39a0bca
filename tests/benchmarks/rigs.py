# SPDX-License-Identifier: GPL-3.0-or-later
"""How well armatures of many makes do what real motions do, how long their keys take, and how long Blender is held.

    python -m tests.benchmarks.rigs [--rigs NAME ...] [--motions NAME ...] [--fps 24] [--seconds 60]

Everything after the engine's answer is the add-on's own: retargeting, keys, measuring, undo; read from the pose that
Blender evaluates. The hips are led along their whole way, the left hand at five frames, to places where the motion has
them on a body of the rig's size. A row a rig and motion:

- angles between limb bones and the model's, degrees: *copied*: the largest while the motion is only copied; *planted*:
  mean and 95th percentile while feet are kept standing; 95th percentiles while controls are hit too: *legs* (between
  hips that are led and feet that stand), *arm* (the one led to a place that the model's arm reaches, which this one is
  not long enough for) and *other* (the arm that is free);
- *control*: distance of hips and hand from their controls, 95th percentile and largest, cm;
- *drift*: how far standing feet come from where they were put down, 95th percentile and largest, cm;
- *flips*: frames in which a limb bone turns 60 degrees farther than its direction and its carrier do;
- *keys*: seconds from the answer to the keys, *all*: until everything is measured too; *tick*: the longest time in
  milliseconds that Blender's main thread was held at once, and *work*: the longest without what other programs took;
- *press*: the same two before that, while controls are read: a path on the floor, a hand's empty with twenty keys that
  hangs on a bone of the character, and a foot of its own with twenty keys.

``--seconds`` prolongs the motions by running them there and back.

Needs bpy and the motions of the folder ``shared``. Times depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from typing import Any

import bpy
import numpy as np

import blender_addon
from blender_addon import time_slices
from blender_addon.app import runner
from blender_addon.capture import capture
from blender_addon.capture.request import build_request
from blender_addon.capture.tracks import Track
from blender_addon.delivery.deliver import Delivery, deliver
from blender_addon.keying import apply
from blender_addon.retarget.proportions import adapt
from blender_addon.retarget.proportions.contacts import contact_mask
from blender_addon.shared import quat
from blender_addon.shared.limbs import LIMBS, bend_angle
from blender_addon.shared.pose import global_rotations
from blender_addon.shared.protocol import ControlError, Result
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender, model_to_scene_frame

from ..blender.helpers import measure, rigs, scenes
from ..shared_folder import SHARED, needed

MOTIONS = {
    "walk": "012181",
    "salsa": "000065",
    "cartwheel": "003918",
    "ballet": "003354",
    "sit": "014166",
    "punch": "002536",
    "climb": "008142",
}
PARTS = slice(0, 4), slice(4, 6), slice(6, 8)  # of the limb bones: legs, left arm, right arm
NUM_FRAMES = 196
START = 1


@dataclass(frozen=True)
class Row:
    rig: str
    motion: str
    frames: int
    copied_deg: float
    planted_mean_deg: float
    planted_p95_deg: float
    legs_p95_deg: float
    arm_p95_deg: float
    other_p95_deg: float
    control_p95_cm: float
    control_max_cm: float
    drift_p95_cm: float
    drift_max_cm: float
    flips: int
    keys_s: float
    all_s: float
    tick_ms: float
    work_ms: float
    press_ms: float
    press_work_ms: float


def limb_angles(heads: dict[str, np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """Angles (T, 8) in degrees between the limb bones of a rig, joint -> heads (T, 3), and those of ``wanted`` (T, 22,
    3); NaN where the rig has no such joint."""
    angles = []
    for limb in LIMBS:
        for start, end in ((limb.upper, limb.middle), (limb.middle, limb.end)):
            model = wanted[:, SKELETON.index(end)] - wanted[:, SKELETON.index(start)]
            is_known = start in heads and end in heads
            found = (
                np.degrees(bend_angle(heads[end] - heads[start], model)) if is_known else np.full(len(model), np.nan)
            )
            angles.append(found)
    return np.stack(angles, -1)


def flips(heads: dict[str, np.ndarray], turns: dict[str, np.ndarray], source: np.ndarray) -> int:
    """Limb frames that turn without cause; ``turns``: joint -> orientations (T, 4), ``source``: the model's turns."""

    def step(directions: np.ndarray) -> np.ndarray:
        return np.degrees(bend_angle(directions[1:], directions[:-1]))

    def turn(rotations: np.ndarray) -> np.ndarray:
        return np.degrees(quat.angle(quat.multiply(quat.conjugate(rotations[1:]), rotations[:-1])))

    found = 0
    for limb in LIMBS:
        if limb.end not in heads:
            continue
        upper, lower = heads[limb.middle] - heads[limb.upper], heads[limb.end] - heads[limb.middle]
        carried = turn(source[:, SKELETON.parents[SKELETON.index(limb.upper)]])
        causes = np.maximum(step(upper), step(lower)) + carried
        found += sum(int((turn(turns[joint]) > causes + measure.FLIP).sum()) for joint in (limb.upper, limb.middle))
    return found


def evaluated(
    armature: bpy.types.Object,
    bones: dict[str, str],
    frames: np.ndarray,
    tips: Mapping[str, Sequence[float]] = {},
) -> tuple[dict, dict]:
    """Joint -> heads (T, 3) and joint -> orientations (T, 4) as Blender evaluates them at scene ``frames``; ``tips``:
    joints that are points of their bones instead of heads."""
    points = {number: tips[joint] for number, joint in enumerate(bones) if joint in tips}
    heads, turns = measure.evaluated_heads(armature, list(bones.values()), frames, points)
    return {j: heads[:, i] for i, j in enumerate(bones)}, {j: turns[:, i] for i, j in enumerate(bones)}


def in_ticks(work: Generator[None, None, Any], first: float = time_slices.TICK_BUDGET_S) -> tuple[Any, float, float]:
    """Run ``work`` as the add-on's timer does; what it returns, the longest tick and the longest work in one, ms."""
    longest = longest_work = 0.0
    share, done = first, False
    while not done:
        began, worked = time.perf_counter(), time.thread_time()
        try:
            time_slices.run_for(work, share)
        except StopIteration as end:
            done, returned = True, end.value
        longest = max(longest, 1e3 * (time.perf_counter() - began))
        longest_work = max(longest_work, 1e3 * (time.thread_time() - worked))
        share = time_slices.TICK_BUDGET_S
    return returned, longest, longest_work


def pressed(scene: bpy.types.Scene, armature: bpy.types.Object, bones: dict[str, str]) -> tuple[float, float]:
    """The longest tick, and the longest work in one, ms, while controls of a character are read at a press."""
    scene.gaitway.length_mode = "CONTROLS"
    scenes.control(scenes.curve("Path", [(0, 0, 0), (1, -2, 0), (0, -4, 0)]), frame_start=1, frame_end=97)
    pin = scenes.empty("Pin", {frame: (0, 0, 0.01 * frame) for frame in range(1, 96, 5)}, parent=armature)
    pin.parent_type, pin.parent_bone = "BONE", bones["spine3"]
    scenes.control(pin, "left_wrist")
    for frame in range(1, 96, 5):
        armature.pose.bones[bones["left_ankle"]].keyframe_insert("location", frame=frame)
    scenes.control(armature, "left_ankle", bone=bones["left_ankle"])
    _, tick, worked = in_ticks(capture.read_scene(scene), runner.PRESS_BUDGET_S)
    return tick, worked


def prolonged(joints: np.ndarray, num_frames: int) -> np.ndarray:
    """``joints`` (T, 22, 3), there and back until there are ``num_frames``."""
    while len(joints) < num_frames:
        joints = np.concatenate([joints, joints[-2::-1]])
    return joints[:num_frames]


def run(rig: str, motion: str, joints: np.ndarray, fps: int) -> Row:
    """One rig and one motion (T, 22, 3) in a new file."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = fps
    armature = rigs.ALL[rig]()
    scene.gaitway.character = armature
    scene.gaitway.length_mode, scene.gaitway.seconds = "SECONDS", len(joints) / 20
    captured = capture.capture(scene)
    factor, bones = captured.body.scale, captured.body.bones
    frames = np.asarray(model_to_scene_frame(np.arange(len(joints)), START, fps), float)
    places = model_to_blender(capture.to_floor(joints, replace(captured, tracks=(None,))) * factor, captured.unit_scale)

    on_floor = capture.to_floor(joints, replace(captured, tracks=(None,)))
    angles = {}
    for name, keeping in (("Copied", adapt.UNCONSTRAINED), ("Planted", adapt.Constraints(floor=0.0))):
        apply.apply_motion(
            armature, on_floor, scale=factor, start_frame=START, scene=scene, action_name=name, constraints=keeping
        )
        angles[name] = limb_angles(evaluated(armature, bones, frames)[0], places)

    at = np.linspace(0, len(joints) - 1, 5).round().astype(int)
    tracks = tuple(
        Track(joint, joint, frames[rows], places[rows, SKELETON.index(joint)], 0.0 * rows, np.nan * rows)
        for joint, rows in (("pelvis", np.arange(len(joints))), ("left_wrist", at))
    )
    captured = replace(captured, tracks=tracks)
    answer = Result(
        "benchmark", joints[None].astype(np.float32), contact_mask(joints)[None], (ControlError(0, 0, 0),), (0.0,),
        {}, 0, "",
    )  # fmt: skip
    request = replace(build_request(scene, captured), num_frames=len(joints))
    phases: dict[str, float] = {}
    began = time.perf_counter()
    delivery = Delivery(answer, request, captured)
    work = deliver(delivery, lambda name: phases.setdefault(name, time.perf_counter() - began))
    observed, tick, worked = in_ticks(work)
    whole = time.perf_counter() - began
    heads, turns = evaluated(armature, bones, frames)
    held = limb_angles(heads, places)
    misses = np.concatenate([errors for _, errors in observed.errors.values()]) * 100
    slides = observed.slides[observed.contacts] * 100
    press = pressed(scene, armature, bones)
    return Row(
        rig, motion, len(joints), float(angles["Copied"].max()), float(angles["Planted"].mean()),
        float(np.percentile(angles["Planted"], 95)), *(float(np.percentile(held[:, part], 95)) for part in PARTS),
        float(np.percentile(misses, 95)), float(misses.max()),
        float(np.percentile(slides, 95)) if slides.size else 0.0, float(slides.max(initial=0)),
        flips(heads, turns, global_rotations(joints)), phases["Measuring"], whole, tick, worked, *press,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rigs", nargs="*", default=list(rigs.ALL), choices=list(rigs.ALL), metavar="NAME")
    parser.add_argument("--motions", nargs="*", default=list(MOTIONS), choices=list(MOTIONS), metavar="NAME")
    parser.add_argument("--fps", type=int, default=24, help="of the scene")
    parser.add_argument("--seconds", type=float, help="of all motions; their own, up to 9.8, without it")
    options = parser.parse_args()
    needed("data/cmu")
    motions = measure.cmu_motions(SHARED, {name: MOTIONS[name] for name in options.motions})
    blender_addon.register()
    columns = (
        "copied planted p95  legs   arm other  ctrl p95   max drift p95   max flips  keys   all  tick  work press  work"
    )
    print(f"{'rig':25}{'motion':10}{'T':>4} {columns}", flush=True)
    found = []
    for rig in options.rigs:
        for name, joints in motions.items():
            joints = np.asarray(joints[:NUM_FRAMES])
            if options.seconds:
                joints = prolonged(joints, round(20 * options.seconds))
            with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
                row = run(rig, name, joints, options.fps)
            found.append(asdict(row))
            print(
                f"{row.rig:25}{row.motion:10}{row.frames:4} {row.copied_deg:6.2f}{row.planted_mean_deg:8.2f}"
                f"{row.planted_p95_deg:4.1f}{row.legs_p95_deg:6.1f}{row.arm_p95_deg:6.1f}{row.other_p95_deg:6.2f}{row.control_p95_cm:10.2f}{row.control_max_cm:6.2f}{row.drift_p95_cm:10.2f}"
                f"{row.drift_max_cm:6.2f}{row.flips:6}{row.keys_s:6.2f}{row.all_s:6.2f}{row.tick_ms:6.0f}{row.work_ms:6.0f}{row.press_ms:6.0f}{row.press_work_ms:6.0f}",
                flush=True,
            )
    print(json.dumps({"benchmark": "rigs", "fps": options.fps, "rows": found}))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may hang on the way out
