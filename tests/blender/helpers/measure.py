# SPDX-License-Identifier: GPL-3.0-or-later
"""How well an armature does what the model does: read from Blender's evaluated pose, not from what was computed to be
keyed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from blender_addon.character import read_rig as rig
from blender_addon.keying import apply
from blender_addon.retarget.bone_map import detect as bone_map
from blender_addon.retarget.pose import alignment, scale
from blender_addon.retarget.proportions import adapt
from blender_addon.shared import quat
from blender_addon.shared.limbs import LIMBS, Limb, bend_angle
from blender_addon.shared.pose import global_rotations
from blender_addon.shared.skeleton import SKELETON
from blender_addon.shared.space import model_to_blender, model_to_scene_frame

CLIPS = {
    "walk": "012181",
    "run": "013102",
    "box": "cmu_13_18_00229",
    "kick": "011787",
    "cartwheel": "003007",
    "climb": "cmu_01_02_00212",
    "jump": "cmu_01_07_00431",
    "sit": "cmu_01_06_00269",
}
FLIP = 60.0  # degrees a frame beyond what the joints themselves show


@dataclass(frozen=True)
class Fidelity:
    """``hips``: worst distance of the hips bone's head to the scaled model's pelvis, cm. ``direction``: worst angle
    between a limb bone and the model's, degrees. ``hinge``: 95th percentile of the angle between the axis that the
    skin of elbow and knee bends about and the axis that it is bent about, degrees. ``flips``: limb frames that turn
    without cause. ``fastest``: degrees a frame."""

    hips: float
    direction: float
    hinge: float
    flips: int
    fastest: float
    keyed: int


def cmu_motions(shared_dir: Path, wanted: dict[str, str]) -> dict[str, np.ndarray]:
    """Joints (T, 22, 3) of the CMU clips ``wanted`` (label -> clip id)."""
    data = np.load(shared_dir / "data" / "cmu" / "clips.npz")
    ids, offset, positions, unit = list(data["ids"]), data["offset"], data["pos"], float(data["unit"])
    places = {label: ids.index(clip) for label, clip in wanted.items()}
    return {label: positions[offset[i] : offset[i + 1]] * unit for label, i in places.items()}


def evaluated_heads(
    armature: bpy.types.Object, names: list[str], frames: np.ndarray, points: Mapping[int, Sequence[float]] = {}
) -> tuple[np.ndarray, np.ndarray]:
    """World heads (K, B, 3) and orientations (K, B, 4) of bones at scene frames (K,) that need not be whole.

    ``points``: place among the bones -> a point in the axes of that bone, which is read instead of its head."""
    scene = bpy.context.scene
    heads, turns = np.empty((len(frames), len(names), 3)), np.empty((len(frames), len(names), 3, 3))
    for row, frame in enumerate(np.round(frames, 4)):
        scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
        final = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for column, name in enumerate(names):
            matrix = np.array(final.matrix_world @ final.pose.bones[name].matrix)
            heads[row, column] = (matrix @ (*points.get(column, (0.0, 0.0, 0.0)), 1.0))[:3]
            turns[row, column] = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return heads, quat.from_matrix(turns)


def measure(
    armature: bpy.types.Object,
    joints: np.ndarray,
    start_frame: float = 1.0,
    constraints: adapt.Constraints = adapt.UNCONSTRAINED,
) -> Fidelity:
    """Apply ``joints`` to ``armature`` in the present scene, as they are without ``constraints``, play and compare."""
    scene = bpy.context.scene
    unit = scene.unit_settings.scale_length
    rest = rig.read_rig(armature)
    found = bone_map.detect_bones(rest.bones)
    factor = scale.rig_scale(rest, found)
    local_hinges = _hinges_of_skin(rest, found)
    applied = apply.apply_motion(
        armature,
        joints,
        scale=factor,
        start_frame=start_frame,
        scene=scene,
        action_name="Measured",
        bone_map=found,
        constraints=constraints,
    )
    fps = scene.render.fps / scene.render.fps_base
    frames = model_to_scene_frame(np.arange(len(joints)), start_frame, fps)
    names = sorted({*found.bones.values(), *(_above_joint(rest, found, limb) for limb in LIMBS)})
    heads, turns = evaluated_heads(armature, names, frames)

    def head(joint: str) -> np.ndarray:
        return heads[:, names.index(found[joint])]

    wanted = model_to_blender(joints * factor, unit)
    hips = np.linalg.norm(head("pelvis") - wanted[:, SKELETON.index("pelvis")], axis=-1).max() * unit * 100
    directions, hinges, flips, fastest = [], [], 0, 0.0
    source = global_rotations(joints)
    for limb, local in zip(LIMBS, local_hinges, strict=True):
        upper, lower = head(limb.middle) - head(limb.upper), head(limb.end) - head(limb.middle)
        a, b, c = SKELETON.indices(limb.upper, limb.middle, limb.end)
        for rig_bone, start, end in ((upper, a, b), (lower, b, c)):
            directions.append(np.degrees(bend_angle(rig_bone, wanted[:, end] - wanted[:, start])).max())
        bone_turns = turns[:, names.index(_above_joint(rest, found, limb))]
        bent = bend_angle(upper, lower) > np.radians(25)
        shown = quat.rotate(bone_turns, local)
        hinges.append(np.degrees(bend_angle(shown, np.cross(upper, lower)))[bent])
        speed = _degrees_a_step(bone_turns)
        causes = np.maximum(_step(upper), _step(lower)) + _degrees_a_step(source[:, SKELETON.parents[a]])
        flips += int((speed > causes + FLIP).sum())
        fastest = max(fastest, float(speed.max(initial=0)))
    hinge = float(np.percentile(np.concatenate(hinges), 95)) if any(len(h) for h in hinges) else 0.0
    return Fidelity(float(hips), float(max(directions)), hinge, flips, fastest, len(applied.bones_keyed))


def _above_joint(rest: rig.Rig, found: bone_map.BoneMap, limb: Limb) -> str:
    """The bone whose skin elbow or knee bends: the upper one, or its last piece where it is a chain of them."""
    line = rest.ancestors(found[limb.middle])
    return line[0] if found[limb.upper] in line else found[limb.upper]


def _hinges_of_skin(rest: rig.Rig, found: bone_map.BoneMap) -> list[np.ndarray]:
    """The axis (3,) in each upper limb bone's own axes about which its skin bends: that of the rest bend where the
    rest shows one, else the axis that lies across the figure at rest, as the eye would put it."""
    figure = alignment.figure_rotation(rest, found)
    axes = []
    for limb in LIMBS:
        upper, lower = (alignment.segment(rest, found, joint) for joint in (limb.upper, limb.middle))
        if bend_angle(upper, lower) > np.radians(15):
            axis = np.cross(upper, lower)
        else:
            # In the plane square to the bone: for legs the figure's left, for arms what is square to bone and front.
            front = quat.rotate(quat.conjugate(figure), np.array([0.0, -1.0, 0.0]))
            left = quat.rotate(quat.conjugate(figure), np.array([1.0, 0.0, 0.0]))
            axis = (
                np.cross(upper, front) if "shoulder" in limb.upper else left - (left @ upper) * upper / (upper @ upper)
            )
        turn = alignment.rest_rotation(rest, _above_joint(rest, found, limb))
        axes.append(quat.rotate(quat.conjugate(turn), axis / np.linalg.norm(axis)))
    return axes


def _step(directions: np.ndarray) -> np.ndarray:
    return np.degrees(bend_angle(directions[1:], directions[:-1]))


def _degrees_a_step(turns: np.ndarray) -> np.ndarray:
    return np.degrees(quat.angle(quat.multiply(quat.conjugate(turns[1:]), turns[:-1])))


def main() -> None:
    """Print a table: every rig, every motion, at the frame rates given on the command line (20 and 24)."""
    from . import rigs

    shared = Path(os.environ.get("GAITWAY_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    motions = cmu_motions(shared, CLIPS)
    print(f"{'rig':26}{'fps':>4}  {'motion':10}{'hips cm':>9}{'limbs deg':>10}{'hinge deg':>10}", end="")
    print(f"{'flips':>6}{'deg/frame':>10}{'bones':>6}")
    for fps in [int(word) for word in sys.argv[1:]] or [20, 24]:
        for name, make in rigs.ALL.items():
            for label, joints in motions.items():
                bpy.ops.wm.read_homefile(use_empty=True)
                bpy.context.scene.render.fps = fps
                with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
                    found = measure(make(), joints)
                print(
                    f"{name:26}{fps:4}  {label:10}{found.hips:9.4f}{found.direction:10.3f}{found.hinge:10.1f}"
                    f"{found.flips:6}{found.fastest:10.0f}{found.keyed:6}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may hang on the way out
