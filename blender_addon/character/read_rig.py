# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an armature object of Blender's into plain data, and tell what keeps it from being keyed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import bpy
import numpy as np

from .. import offscreen
from ..retarget.rig import BoneRest, Rig, with_plausible_tails
from ..shared.errors import RetargetError

SCALE_TOLERANCE_RATIO = 0.01  # by which the axes' scales may differ
# Constraints that do not move a bone against its keys; limits are what the rig's maker wants of any motion.
HARMLESS_CONSTRAINTS = {"LIMIT_ROTATION", "LIMIT_SCALE", "MAINTAIN_VOLUME"}
TRANSFORM_PROPERTIES = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "rotation_mode")


def read_rig(armature: bpy.types.Object, scene: bpy.types.Scene | None = None) -> Rig:
    """Rest pose, hierarchy, present pose and world matrix of an armature object; only reads.

    Raises RetargetError for an object that is no armature, has no bones, or is scaled unevenly or mirrored.
    """
    if armature is None or armature.type != "ARMATURE":
        raise RetargetError("This object is not an armature.", "Choose an armature.")
    if not armature.data.bones:
        raise RetargetError(
            f"The armature '{armature.name}' has no bones.", "Choose an armature with two legs, two arms and a spine."
        )
    matrix_world = _matrix_world(armature)
    axes = np.linalg.norm(matrix_world[:3, :3], axis=0)
    if (
        axes.min() < 1e-9
        or axes.max() / axes.min() > 1 + SCALE_TOLERANCE_RATIO
        or np.linalg.det(matrix_world[:3, :3]) < 0
    ):
        raise RetargetError(
            f"The armature '{armature.name}' is scaled unevenly, mirrored or flattened, its parents included.",
            "Give its object one positive scale for all axes, or apply the scale (Ctrl A in Object Mode).",
        )
    scene = scene or bpy.context.scene
    return Rig(armature.name, read_bones(armature), matrix_world, scene.unit_settings.scale_length)


def _matrix_world(armature: bpy.types.Object) -> np.ndarray:
    # A script or an operator may have moved the object since Blender last evaluated it.
    bpy.context.view_layer.update()
    return np.array(armature.matrix_world, dtype=np.float64)


def read_bones(armature: bpy.types.Object) -> list[BoneRest]:
    """The bones of an armature object as plain data, parents before children; only reads."""
    bones, posed = armature.data.bones, armature.pose.bones
    # A bone that was just made in edit mode has no pose yet.
    bases = _matrices(posed, "matrix_basis")
    poses = {bone.name: (basis, bone.rotation_mode) for bone, basis in zip(posed, bases, strict=True)}
    heads, tails = _points(bones, "head_local"), _points(bones, "tail_local")
    found = []
    for bone, head, tail, matrix in zip(bones, heads, tails, _matrices(bones, "matrix_local"), strict=True):
        parent = bone.parent
        basis, mode = poses.get(bone.name, (np.eye(4), "QUATERNION"))
        connected = bone.use_connect and parent is not None
        if connected:
            basis[:3, 3] = 0  # Blender does not look at the location of a connected bone
        found.append(
            BoneRest(
                name=bone.name,
                parent=parent.name if parent else None,
                head=tuple(head),
                tail=tuple(tail),
                matrix=matrix,
                connected=connected,
                inherit_rotation=bone.use_inherit_rotation,
                inherit_scale=bone.inherit_scale not in {"NONE", "NONE_LEGACY"},
                local_location=bone.use_local_location,
                rotation_mode=mode,
                basis=basis,
            )
        )
    return with_plausible_tails(found)


def _points(bones: bpy.types.bpy_prop_collection, prop: str) -> list[list[float]]:
    """A property of three numbers of all ``bones`` at once: one by one takes longer than all the rest of reading."""
    values = np.empty(3 * len(bones), np.float32)
    bones.foreach_get(prop, values)
    return values.astype(np.float64).reshape(-1, 3).tolist()


def _matrices(bones: bpy.types.bpy_prop_collection, prop: str) -> np.ndarray:
    """The same for matrices: (B, 4, 4)."""
    values = np.empty(16 * len(bones), np.float32)
    bones.foreach_get(prop, values)
    return values.astype(np.float64).reshape(-1, 4, 4).swapaxes(1, 2).copy()  # Blender's stand column by column


def check_keyable(armature: bpy.types.Object, keyed: Iterable[str]) -> None:
    """Raise RetargetError when keys on the bones ``keyed`` would not show: linked data, rest position, tweak mode,
    constraints, drivers."""
    _check_own(armature)
    if armature.data.pose_position == "REST":
        raise RetargetError(
            f"The armature '{armature.name}' is in Rest Position, so keys on it would not show.",
            "Choose Pose Position in the Pose panel of the armature's properties.",
        )
    animation = armature.animation_data
    if animation is not None and animation.use_tweak_mode:
        raise RetargetError(
            f"A strip of '{armature.name}' is being edited in the NLA editor (tweak mode), so a new motion would not "
            "show.",
            "Leave tweak mode (Tab in the NLA editor), then generate again.",
        )
    keyed = set(keyed)
    for bone in armature.pose.bones:
        for constraint in bone.constraints:
            constrained = keyed & set(_constrained_by(bone, constraint))
            if constrained:
                moved = sorted(constrained)[0]
                owner = "" if moved == bone.name else f" of the bone '{bone.name}'"
                raise RetargetError(
                    f"The bone '{moved}' of '{armature.name}' is controlled by the constraint '{constraint.name}'"
                    f"{owner}, so keys on it would not show.",
                    "Mute this constraint, or choose an armature without constraints on its main bones, such as the "
                    "metarig that a rig was made from.",
                )
    for driven in _driven_bones(armature):
        if driven in keyed:
            raise RetargetError(
                f"The bone '{driven}' of '{armature.name}' is controlled by a driver, so keys on it would not show.",
                "Mute or delete the driver (right-click the bone's purple value), or choose another armature.",
            )


def _check_own(armature: bpy.types.Object) -> None:
    """Raise RetargetError for an armature that is another file's, or only shown by an empty."""
    shown_by = next((empty for empty in bpy.context.scene.objects if _shows(empty, armature)), None)
    if armature.library is not None:
        chosen = f"Select '{shown_by.name}'" if shown_by is not None else "Select it"
        raise RetargetError(
            f"The armature '{armature.name}' is linked from '{bpy.path.basename(armature.library.filepath)}', so it "
            "cannot be keyed here.",
            f"{chosen}, use Object > Library Override > Make, and choose the new armature under Character.",
        )
    if shown_by is not None and not armature.users_scene:
        raise RetargetError(
            f"The armature '{armature.name}' is not in this scene itself: '{shown_by.name}' shows its collection.",
            f"Delete '{shown_by.name}' and link the collection '{shown_by.instance_collection.name}' to the scene "
            "instead.",
        )


def _shows(empty: bpy.types.Object, armature: bpy.types.Object) -> bool:
    """Whether an object shows a collection with the armature."""
    shown = empty.instance_collection if empty.instance_type == "COLLECTION" else None
    return shown is not None and any(member == armature for member in shown.all_objects)


def constrained_bones(armature: bpy.types.Object) -> set[str]:
    """Names of all bones that something else than their keys moves: constraints and drivers."""
    constrained = {
        name
        for bone in armature.pose.bones
        for constraint in bone.constraints
        for name in _constrained_by(bone, constraint)
    }
    return constrained | set(_driven_bones(armature))


def _constrained_by(bone: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> Iterator[str]:
    """Names of the bones that an active constraint moves against their keys."""
    if (
        constraint.mute
        or constraint.influence <= 0
        or not constraint.is_valid
        or constraint.type in HARMLESS_CONSTRAINTS
    ):
        return
    yield bone.name
    if constraint.type in {"IK", "SPLINE_IK"}:
        # The chain is as long as it says, or up to the root when it says 0.
        links = constraint.chain_count or len(bone.parent_recursive) + 1
        yield from (above.name for above in bone.parent_recursive[: links - 1])


def _driven_bones(armature: bpy.types.Object) -> Iterator[str]:
    """Names of the bones with a driver on their own transform."""
    drivers = armature.animation_data.drivers if armature.animation_data else ()
    paths = {driver.data_path for driver in drivers if not driver.mute}
    if paths:
        for bone in armature.pose.bones:
            start = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].'
            if any(start + prop in paths for prop in TRANSFORM_PROPERTIES):
                yield bone.name


def pole_axis(armature: bpy.types.Object, pole: str) -> np.ndarray | None:
    """Rest direction (3,) in armature space, across the first bone of an IK chain, that the chain turns towards the
    bone ``pole``; None where ``pole`` leads no chain.

    The pole angle is that from the X axis of the chain's first bone, about the bone, to what points at the pole.
    """
    for bone in armature.pose.bones:
        for constraint in bone.constraints:
            if constraint.type == "IK" and constraint.pole_target == armature and constraint.pole_subtarget == pole:
                chain = [bone, *bone.parent_recursive]
                first = chain[min(constraint.chain_count or len(chain), len(chain)) - 1]
                x, _, z = np.array(first.bone.matrix_local, dtype=np.float64)[:3, :3].T
                return x * np.cos(constraint.pole_angle) + z * np.sin(constraint.pole_angle)
    return None


def is_object_moving(armature: bpy.types.Object) -> bool:
    """Whether the armature's object may stand elsewhere at other frames: constraints, or animation on it or above
    it."""
    above: bpy.types.Object | None = armature
    while above is not None:
        animation = above.animation_data
        # The armature's own Action is about to be replaced; drivers and NLA strips stay.
        animated = animation is not None and (
            (above != armature and animation.action is not None)
            or bool(animation.nla_tracks)
            or any(not driver.data_path.startswith("pose.") for driver in animation.drivers)
        )
        if animated or any(not constraint.mute for constraint in above.constraints):
            return True
        above = above.parent
    return False


def object_matrices(armature: bpy.types.Object, frames: np.ndarray) -> Generator[None, None, np.ndarray]:
    """Where the armature object stands at each scene frame (K,) without the Action that it plays now, which is about to
    be replaced: (K, 4, 4). Neither it nor the playhead is touched. A generator that hands the thread back."""
    matrices = np.empty((len(frames), 4, 4))
    with offscreen.temporary_scene() as uid:
        copy = armature.copy()
        copy.data = bpy.data.armatures.new(offscreen.SCENE_NAME)  # without bones, which would only take time
        offscreen.scene_of(uid).collection.objects.link(copy)
        if copy.animation_data is not None:
            copy.animation_data.action = None
        for row, frame in enumerate(frames):
            scene, copy = offscreen.scene_of(uid), offscreen.armature_copy(uid)
            offscreen.set_frame(scene, float(frame))
            matrices[row] = np.array(copy.evaluated_get(scene.view_layers[0].depsgraph).matrix_world)
            yield
    return matrices
