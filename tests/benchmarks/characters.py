# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewer sees of characters as other people build them: each makes two motions with a path and a hand control.

    python -m tests.benchmarks.characters [--only NAME ...] [--motions NAME ...] [--random 32] [--sheet FOLDER]

A row a character and motion, all of it read from what Blender evaluates, by the joints that the character's maker knows
(those that the add-on found, where nobody knows). Lengths are centimetres on the model's body, so that giants and
children compare:

- *path*, *hand*: the largest distance of the hips from their path on the ground, and of the left hand from five places
  that it can reach;
- *copy*: 95th percentile of the angle between limbs and the model's, degrees, while the motion is only copied; *dirs*:
  likewise of legs and free arm while feet stand and controls are hit, which bends the legs of a character of other
  proportions otherwise (so it is held only where a character has about the model's); *turn*: that of the hips' heading;
- *flips*: frames in which a limb turns without cause; *knees*: frames in which a knee bends to the wrong side;
- *slide*: the farthest that a standing foot comes from where it was put down (95th percentile), % of the leg;
- *low*, *high*: the soles' lowest point under the ground in any frame, and over it while the foot is in contact (95th
  percentile), % of the height; of the mesh, where the character has one (*mesh*, else *bones*);
- *torn*: the largest change of a limb's length, %;
- *find*: milliseconds to recognise the armature; *press*: seconds of work from the press to the keys, without the
  engine's; *tick*: the longest work in one tick, ms;
- what is outside of the limits (``Limits``) is named at the end, and in brackets what the add-on says of the motion.

``--random`` makes so many humanoids by chance, the same every time. Needs bpy and the motions of ``shared``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

import blender_addon
from blender_addon import time_slices
from blender_addon.capture import capture
from blender_addon.capture.request import build_request
from blender_addon.capture.tracks import Track
from blender_addon.character import CharacterBody
from blender_addon.character.setup import read_character
from blender_addon.delivery.deliver import Delivery, deliver
from blender_addon.keying import apply
from blender_addon.retarget.proportions import adapt
from blender_addon.retarget.proportions.contacts import contact_mask
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import GaitwayError
from blender_addon.shared.features import foot_contacts
from blender_addon.shared.limbs import LIMBS, bend_angle
from blender_addon.shared.pose import global_rotations
from blender_addon.shared.protocol import ControlError, Generate, PromptBlock, Result
from blender_addon.shared.skeleton import CONTACT_JOINTS, SKELETON
from blender_addon.shared.space import model_to_blender, model_to_scene_frame
from blender_addon.takes.observed import Observed, slide
from engine.finishing import finish
from engine.validate import order_of

from ..blender.helpers import characters, measure, sheet, skin
from ..blender.helpers.armatures import true_joints
from ..blender.helpers.characters import by_chance
from ..shared_folder import SHARED, needed
from . import rigs

MOTIONS = {"turn": "cmu_16_17_00000", "reach": "004087"}
"""A walk with a sharp left turn; exercises of arms and legs."""
NUM_FRAMES, FPS, START = 120, 24, 1
HELD = 5  # places of the left hand
REACHED_SHARE = 0.9  # of the arm's length in the motion, at which these are
SEGMENTS = tuple(pair for limb in LIMBS for pair in ((limb.upper, limb.middle), (limb.middle, limb.end)))
LEGS, FREE_ARM = slice(0, 4), slice(6, 8)  # of the segments
SHOTS = 7


@dataclass(frozen=True)
class Limits:
    """What a row may reach, in its units."""

    path_cm: float = 0.1
    hand_cm: float = 0.1
    copy_deg: float = 4.0
    dirs_deg: float = 4.0
    turn_deg: float = 10.0
    flips: int = 0
    knees: int = 0
    slide_pct: float = 1.0
    low_pct: float = 2.0
    high_pct: float = 1.0
    torn_pct: float = 2.0
    find_ms: float = 50.0
    tick_ms: float = 30.0


LIMITS = Limits()


@dataclass(frozen=True)
class Row:
    character: str
    motion: str
    path_cm: float
    hand_cm: float
    copy_deg: float
    dirs_deg: float
    turn_deg: float
    flips: int
    knees: int
    slide_pct: float
    low_pct: float
    high_pct: float
    torn_pct: float
    find_ms: float
    press_s: float
    tick_ms: float
    soles: str
    has_usual_legs: bool
    says: str

    def faults(self) -> list[str]:
        """The columns that are over their limits."""
        over = [name for name, limit in asdict(LIMITS).items() if not getattr(self, name) <= limit]
        return [name for name in over if name != "dirs_deg" or self.has_usual_legs]


@dataclass(frozen=True, eq=False)
class Standing:
    """A character before its motion: ``joints`` -> bones, heads of these, the ``ground`` it stands on, its height.
    ``tips``: joints that are points in the axes of their bones."""

    joints: dict[str, str]
    tips: dict[str, tuple[float, float, float]]
    heads: dict[str, np.ndarray]
    ground: float
    height: float
    soles: skin.Soles


def motions_of(names: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Joints (T, 22, 3) and contacts (T, 4) of the motions as they leave the engine: their feet stand on the model."""
    found = {}
    for name, joints in measure.cmu_motions(SHARED, {name: MOTIONS[name] for name in names}).items():
        joints = np.asarray(joints[:NUM_FRAMES], np.float64)
        signal = ControlSignal.empty(len(joints))
        block = PromptBlock("a person moves", 0, len(joints))
        order = order_of(Generate("benchmark", (block,), len(joints), signal.hint, signal.hint_mask))
        found[name] = time_slices.run_to_end(finish(order, joints, foot_contacts(joints)))
    return found


def tips_of(body: CharacterBody) -> dict[str, tuple[float, float, float]]:
    """Joints that are points in the axes of their bones; older builds, to compare with, know none."""
    return getattr(body, "tips", {})


def standing(armature: bpy.types.Object, body: CharacterBody) -> Standing:
    """Read the character as it is seen now."""
    joints = {**body.bones, **true_joints(armature)}
    tips = {joint: point for joint, point in tips_of(body).items() if joint not in true_joints(armature)}
    bpy.context.view_layer.update()
    heads = {
        joint: np.array(armature.matrix_world @ armature.pose.bones[bone].matrix @ Vector(tips.get(joint, (0, 0, 0))))
        for joint, bone in joints.items()
    }
    soles = skin.Soles.of(armature, joints)
    lowest = min(soles.lowest().values()) if soles.of_mesh else armature.matrix_world[2][3]
    ground = float(armature.get("ground", lowest))
    soles.stand_on(ground)
    points = skin.vertices(soles.members)
    top = float(points[:, 2].max() if len(points) else heads["head"][2] + 0.1 * (heads["head"][2] - ground))
    return Standing(joints, tips, heads, ground, top - ground, soles)


def path_and_hand(
    armature: bpy.types.Object, stands: Standing, captured: capture.CapturedScene, joints: np.ndarray
) -> tuple[Track, ...]:
    """Leave the motion copied on the armature, and return the hips' path on the ground, as the motion goes, and five
    places of the left hand: where copying brings it, drawn in towards the shoulder so that any arm reaches them."""
    frames = np.asarray(model_to_scene_frame(np.arange(len(joints)), START, FPS), float)
    body = captured.body
    led = replace(captured, tracks=(None,))
    on_floor = capture.to_floor(joints, led)
    places = model_to_blender(on_floor * body.scale, captured.unit_scale)
    way = places[:, 0].copy()
    way[:, 2] = stands.ground
    nothing = np.zeros(len(joints))
    path = Track("pelvis", "path", frames, way, nothing, nothing + np.nan, on_ground=True)
    apply.apply_motion(
        armature, on_floor, scale=body.scale, start_frame=START, scene=bpy.context.scene, action_name="Copied",
        constraints=adapt.UNCONSTRAINED,
    )  # fmt: skip
    if "left_wrist" not in body.bones:
        return (path,)  # a character without hands
    # Every fifth frame of the model is a whole one of the scene.
    rows = np.linspace(0.02 * len(joints), 0.18 * len(joints), HELD).astype(int) * 5
    bones = {joint: body.bones[joint] for joint in ("left_shoulder", "left_wrist")}
    heads, _ = rigs.evaluated(armature, bones, frames[rows], tips_of(body))
    at = heads["left_shoulder"] + REACHED_SHARE * (heads["left_wrist"] - heads["left_shoulder"])
    return path, Track("left_wrist", "hand", frames[rows], at, 0.0 * rows, np.nan * rows)


def has_usual_legs(heads: dict[str, np.ndarray]) -> bool:
    """Whether thighs, shins and the breadth of the hips are to each other about as the model's (.48 and .15)."""
    pairs = (("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("left_hip", "right_hip"))
    thigh, shin, hips = (float(np.linalg.norm(heads[one] - heads[other])) for one, other in pairs)
    return 0.45 < thigh / (thigh + shin) < 0.51 and hips / (thigh + shin) < 0.22


def knees_backward(heads: dict[str, np.ndarray], wanted: np.ndarray) -> int:
    """Frames in which a visibly bent knee points away from where the model's does, or, where that is straight, from
    where its hips look."""
    hips = wanted[:, SKELETON.index("left_hip")] - wanted[:, SKELETON.index("right_hip")]
    front = np.cross(hips, [0.0, 0.0, 1.0])
    found = 0
    for side in ("left", "right"):
        hip, knee, ankle = (heads[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        model = [wanted[:, SKELETON.index(f"{side}_{part}")] for part in ("hip", "knee", "ankle")]
        bent = bend_angle(knee - hip, ankle - knee) > np.radians(12)
        shown = bend_angle(model[1] - model[0], model[2] - model[1]) > np.radians(8)
        reference = np.where(shown[:, None], _aside(*model), front)
        found += int((bent & ((_aside(hip, knee, ankle) * reference).sum(-1) < 0)).sum())
    return found


def _aside(hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """Where a knee lies beside the line from hip to ankle, (T, 3)."""
    along = (ankle - hip) / np.linalg.norm(ankle - hip, axis=-1, keepdims=True)
    offset = knee - hip
    return offset - (offset * along).sum(-1, keepdims=True) * along


def soles_heights(soles: skin.Soles, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Heights (T,) of the lowest point of each foot."""
    found: dict[str, list[float]] = {side: [] for side in skin.SIDES}
    for frame in frames:
        bpy.context.scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
        for side, height in soles.lowest().items():
            found[side].append(height)
    return {side: np.array(heights) for side, heights in found.items()}


def torn(heads: dict[str, np.ndarray], before: dict[str, np.ndarray]) -> float:
    """The largest change of a length, %: of the limbs, of what they hang on and of the trunk."""
    pairs = [*SEGMENTS, ("pelvis", "left_hip"), ("pelvis", "right_hip"), ("pelvis", "head"), ("left_hip", "right_hip")]
    leg = sum(np.linalg.norm(before[a] - before[b]) for a, b in SEGMENTS[:2])
    worst = 0.0
    for one, other in pairs:
        if one in heads and other in heads:
            was = np.linalg.norm(before[one] - before[other])
            change = np.abs(np.linalg.norm(heads[one] - heads[other], axis=-1) - was) / max(was, 0.1 * leg)
            # The trunk bends.
            worst = max(worst, float(change.max()) - (0.5 if "head" in (one, other) else 0.0))
    return 100 * worst


def run(
    name: str,
    make: Callable[[], bpy.types.Object],
    motion: str,
    joints: np.ndarray,
    contacts: np.ndarray,
    pictures: Path | None,
) -> Row:
    """One character and one motion, joints (T, 22, 3) and contacts (T, 4), in a new file.

    Raises GaitwayError when the add-on refuses it.
    """
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = FPS
    armature = make()
    scene.gaitway.character = armature
    scene.gaitway.length_mode, scene.gaitway.seconds = "SECONDS", len(joints) / 20
    read_character(armature, scene)
    began = time.thread_time()
    read_character(armature, scene)
    find_ms = 1e3 * (time.thread_time() - began)
    began = time.thread_time()
    captured = capture.capture(scene)
    press_s = time.thread_time() - began
    stands = standing(armature, captured.body)
    tracks = path_and_hand(armature, stands, captured, joints)
    copied, _ = rigs.evaluated(armature, stands.joints, tracks[0].frames, stands.tips)
    captured = replace(captured, tracks=tracks)
    answer = Result(
        "benchmark", joints[None].astype(np.float32), contacts[None], (ControlError(0, 0, 0),), (0.0,),
        {}, 0, "",
    )  # fmt: skip
    request = replace(build_request(scene, captured), num_frames=len(joints))
    phases: dict[str, float] = {}
    began = time.thread_time()
    work = deliver(Delivery(answer, request, captured), lambda it: phases.setdefault(it, time.thread_time() - began))
    observed, _, tick_ms = rigs.in_ticks(work)
    press_s += phases["Measuring"]
    says = spoken(observed)

    path = tracks[0]
    frames, factor = path.frames, captured.body.scale
    metre = factor / captured.unit_scale
    wanted = model_to_blender(capture.to_floor(joints, replace(captured, tracks=(None,))) * factor, captured.unit_scale)
    heads, turns = rigs.evaluated(armature, stands.joints, frames, stands.tips)
    hips, _ = rigs.evaluated(armature, {"pelvis": captured.body.bones["pelvis"]}, frames)
    missed = [0.0]
    for hand in tracks[1:]:
        body = captured.body
        held, _ = rigs.evaluated(armature, {"left_wrist": body.bones["left_wrist"]}, hand.frames, tips_of(body))
        missed.append(float(np.linalg.norm(held["left_wrist"] - hand.points, axis=-1).max()))
    angles, copied_angles = rigs.limb_angles(heads, wanted), rigs.limb_angles(copied, wanted)
    heading = [_heading(heads["left_hip"] - heads["right_hip"])]
    heading.append(_heading(wanted[:, SKELETON.index("left_hip")] - wanted[:, SKELETON.index("right_hip")]))
    turned = np.degrees(np.abs((heading[0] - heading[1] + np.pi) % (2 * np.pi) - np.pi))
    contact = contact_mask(joints, contacts)
    leg = SKELETON.leg_length * metre
    slides = [
        slide(heads[joint], contact[:, column])[contact[:, column]]
        for column, joint in enumerate(CONTACT_JOINTS)
        if joint in heads
    ]
    soles = soles_heights(stands.soles, frames)
    above = np.concatenate([soles["left"][contact[:, :2].any(1)], soles["right"][contact[:, 2:].any(1)]])
    under = stands.ground - min(float(heights.min()) for heights in soles.values())
    if pictures is not None:
        rows = np.linspace(0, len(joints) - 1, SHOTS).astype(int)
        right = wanted[:, SKELETON.index("right_hip")] - wanted[:, SKELETON.index("left_hip")]
        shots = [sheet.Shot(float(frames[row]), right[row]) for row in rows]
        file = pictures / f"{name.replace('/', ' ')} {motion}.png"
        sheet.draw(file, armature, stands.joints, shots, stands.ground, f"{name}, {motion}: {says}")
    return Row(
        name, motion,
        float(np.linalg.norm((hips["pelvis"] - path.points)[:, :2], axis=-1).max()) / metre * 100,
        max(missed) / metre * 100, float(np.nanpercentile(copied_angles, 95)),
        float(np.nanpercentile(angles[:, [*range(8)[LEGS], *range(8)[FREE_ARM]]], 95)),
        float(np.percentile(turned, 95)),
        rigs.flips(heads, turns, global_rotations(joints)), knees_backward(heads, wanted),
        100 * float(np.percentile(np.concatenate(slides), 95)) / leg,
        100 * under / stands.height, 100 * (float(np.percentile(above, 95)) - stands.ground) / stands.height,
        torn(heads, stands.heads), find_ms, press_s, tick_ms, "mesh" if stands.soles.of_mesh else "bones",
        has_usual_legs(stands.heads), says,
    )  # fmt: skip


def _heading(across: np.ndarray) -> np.ndarray:
    return np.arctan2(across[:, 1], across[:, 0])


def spoken(observed: Observed) -> str:
    """What the add-on tells besides distances from controls: kinds of faults, those that break the motion with a !."""
    return " ".join(f"{fault.kind}{'!' * fault.is_broken}" for fault in getattr(observed, "faults", ()))


COLUMNS = "  path   hand  copy  dirs  turn flips knees slide   low  high  torn  find press  tick  soles"


def line(row: Row) -> str:
    """The row as it is printed."""
    return (
        f"{row.character[:31]:32}{row.motion:6}{row.path_cm:6.2f}{row.hand_cm:7.2f}{row.copy_deg:6.1f}{row.dirs_deg:6.1f}{row.turn_deg:6.1f}"
        f"{row.flips:6}{row.knees:6}{row.slide_pct:6.2f}{row.low_pct:6.2f}{row.high_pct:6.2f}{row.torn_pct:6.1f}"
        f"{row.find_ms:6.0f}{row.press_s:6.2f}{row.tick_ms:6.0f}  {row.soles:6}"
        f"{' '.join(fault.rpartition('_')[0] or fault for fault in row.faults())}" + f" ({row.says})" * bool(row.says)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="characters whose name begins so")
    parser.add_argument("--motions", nargs="*", default=list(MOTIONS), choices=list(MOTIONS), metavar="NAME")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="so many humanoids by chance")
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="write a picture of each there")
    options = parser.parse_args()
    needed("data/cmu")
    motions = motions_of(options.motions)
    blender_addon.register()
    if options.sheet:
        options.sheet.mkdir(parents=True, exist_ok=True)
    chosen = by_chance.characters(options.random) if options.random else dict(characters.ALL)
    if options.only:
        chosen = {name: make for name, make in chosen.items() if name.startswith(tuple(options.only))}
    print(f"{'character':32}{'motion':5}{COLUMNS}", flush=True)
    rows, refused = [], {}
    for name, make in chosen.items():
        for motion, (joints, contacts) in motions.items():
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    rows.append(run(name, make, motion, joints, contacts, options.sheet))
                    told = line(rows[-1])
                except (GaitwayError, ValueError) as error:
                    refused[name] = str(error)
                    told = f"{name[:31]:32}refused: {error}"
                except Exception as error:  # the others are worth measuring
                    refused[name] = repr(error)
                    told = f"{name[:31]:32}failed: {error!r}"
            print(told, flush=True)
            if name in refused:
                break
    print(json.dumps({"benchmark": "characters", "rows": [asdict(row) for row in rows], "refused": refused}))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may hang on the way out
