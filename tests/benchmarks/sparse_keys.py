# SPDX-License-Identifier: GPL-3.0-or-later
"""How few keys a motion needs: ``python -m tests.benchmarks.sparse_keys`` prints a table.

Five captured motions are put onto an armature in Blender, with a key a frame and with as few as keep every bone within
the bound; both are played, and the heads of all keyed bones and the ends of the last ones are compared in the world at
every frame. Share: keys of all channels over frames times channels.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import redirect_stdout

import bpy
import numpy as np

from blender_addon import compat
from blender_addon.character import read_rig as rig
from blender_addon.keying import apply
from blender_addon.keying.plan import plan_motion
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.keys.spline_fit import Spacing
from blender_addon.retarget.pose import scale
from blender_addon.retarget.proportions.contacts import at_scene_frames, contact_mask, stances
from blender_addon.shared.skeleton import CONTACT_JOINTS
from blender_addon.time_slices import run_to_end

from ..blender.helpers import measure, rigs
from ..shared_folder import SHARED, needed

MOTIONS = ("walk", "run", "kick", "jump", "sit")


def played(armature: bpy.types.Object, bones: list[str], frames: np.ndarray) -> np.ndarray:
    """World heads and tails (K, 2 B, 3) of ``bones`` at ``frames``, as Blender evaluates them."""
    points = np.empty((len(frames), 2 * len(bones), 3))
    for row, frame in enumerate(frames):
        bpy.context.scene.frame_set(int(frame))
        final = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for column, name in enumerate(bones):
            bone = final.pose.bones[name]
            points[row, column] = final.matrix_world @ bone.head
            points[row, len(bones) + column] = final.matrix_world @ bone.tail
    return points


def count_keys(armature: bpy.types.Object) -> tuple[int, int]:
    """Keys and channels of the Action that is played."""
    curves = compat.played_bag(armature).fcurves
    return sum(len(curve.keyframe_points) for curve in curves), len(curves)


def compare(make: str, joints: np.ndarray, fps: float, bound: float) -> dict[str, float]:
    """Share of keys, errors in cm, drift of standing feet in cm, seconds and the longest piece of work."""
    found = {}
    shown = []
    for spacing in (Spacing(), Spacing("SPARSE", bound=bound)):
        bpy.ops.wm.read_homefile(use_empty=True)
        scene = bpy.context.scene
        scene.render.fps = round(fps)
        with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
            armature = rigs.ALL[make]()
        rest = rig.read_rig(armature)
        mapped = bone_map.detect_bones(rest.bones)
        factor = scale.rig_scale(rest, mapped)
        plan = run_to_end(plan_motion(armature, joints, scale=factor, start_frame=1, scene=scene))
        solution = run_to_end(plan.solve(*run_to_end(plan.segments())))
        began, longest = time.perf_counter(), 0.0
        work = apply.space_keys(armature, plan, solution, spacing)
        while True:
            tick = time.perf_counter()
            try:
                next(work)
            except StopIteration as done:
                curves = done.value
                break
            finally:
                longest = max(longest, time.perf_counter() - tick)
        found["seconds"], found["tick"] = time.perf_counter() - began, longest
        run_to_end(apply.write_action(armature, plan, curves, "Sparse"))
        bones = list(dict.fromkeys(curve.bone for curve in curves))
        shown.append(played(armature, bones, plan.frames))
    keys, channels = count_keys(armature)
    off = np.linalg.norm(shown[1] - shown[0], axis=-1) * 100
    in_contact = at_scene_frames(contact_mask(joints), plan.frames, 1, fps)
    drift = [0.0]
    for column, joint in enumerate(CONTACT_JOINTS):
        if joint in mapped:
            points = shown[1][:, bones.index(mapped[joint])]
            for stance in stances(in_contact[:, column], points, points / factor):
                drift.append(float(np.linalg.norm(points[stance.span] - stance.position, axis=-1).max()) * 100)
    return found | {
        "frames": len(plan.frames),
        "share": keys / (channels * len(plan.frames)),
        "worst": float(off.max()),
        "mean": float(off.mean()),
        "drift": max(drift),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fps", type=float, nargs="+", default=[24.0, 60.0])
    parser.add_argument("--bound", type=float, default=0.5, help="centimetres")
    parser.add_argument("--rig", default="Mixamo T-pose", choices=rigs.ALL)
    parser.add_argument("--motions", nargs="+", default=MOTIONS, choices=measure.CLIPS)
    chosen = parser.parse_args()
    needed("data/cmu")
    motions = measure.cmu_motions(SHARED, {label: measure.CLIPS[label] for label in chosen.motions})
    print(f"{chosen.rig}, bound {chosen.bound:g} cm")
    print(f"{'motion':10}{'fps':>4}{'frames':>8}{'keys':>8}{'worst cm':>10}{'mean cm':>9}{'drift cm':>10}", end="")
    print(f"{'seconds':>9}{'longest ms':>12}")
    for fps in chosen.fps:
        shares = []
        for label, joints in motions.items():
            found = compare(chosen.rig, joints, fps, chosen.bound / 100)
            shares.append(found["share"])
            print(
                f"{label:10}{fps:4.0f}{found['frames']:8}{found['share']:8.1%}{found['worst']:10.3f}"
                f"{found['mean']:9.3f}{found['drift']:10.3f}{found['seconds']:9.2f}{found['tick'] * 1e3:12.0f}",
                flush=True,
            )
        print(f"{'mean':10}{fps:4.0f}{'':8}{np.mean(shares):8.1%}", flush=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may hang on the way out
