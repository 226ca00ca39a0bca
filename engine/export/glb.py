# SPDX-License-Identifier: GPL-3.0-or-later
"""Binary glTF 2.0: a skinned stick figure with its animation, written by hand after the Khronos specification.

Axes and units are glTF's own: metres, Y up, facing +Z, quaternions x,y,z,w. The rest pose is the T-pose of the
motion's own bone lengths; every bone is a slim octahedron bound to the joint at its start, so that any viewer shows
the figure walking.

Legend: T frames, E = 23 exported joints (``clip_pose.py``).
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

import numpy as np

from blender_addon.shared import quat

from .clip import ExportClip
from .clip_pose import CHILDREN, NAMES, PARENTS, ClipPose, clip_pose

_FLOAT, _USHORT, _UBYTE = 5126, 5123, 5121
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_LEAF_LENGTH_M = 0.08  # head, hands and toes end in a joint and get a short stub
_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942


class _Buffer:
    """The one binary buffer with its views and accessors."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, component: int, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append ``array`` (count, components) and return the index of its accessor."""
        self.data.extend(b"\0" * (-len(self.data) % 4))
        raw = np.ascontiguousarray(array).tobytes()
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw)}
        self.views.append(view if target is None else {**view, "target": target})
        accessor = {"bufferView": len(self.views) - 1, "componentType": component, "count": len(array), "type": kind}
        if bounds:
            flat = array.reshape(len(array), -1)
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.accessors.append(accessor)
        self.data.extend(raw)
        return len(self.accessors) - 1


def write_glb(clip: ExportClip, stream: BinaryIO) -> None:
    """Write ``clip`` as one .glb: nodes named after the joints, mesh, skin and one animation at the clip's rate."""
    pose, buffer = clip_pose(clip), _Buffer()
    joints = len(NAMES)
    nodes = _nodes(pose)
    document = {
        "asset": {"version": "2.0", "generator": "Gaitway"},
        "extras": {"prompt": clip.prompt, "seed": clip.seed, "model": clip.model, "fps": clip.fps},
        "scene": 0,
        "scenes": [{"nodes": [joints]}],
        # The armature carries skeleton and mesh; the mesh follows the skin alone.
        "nodes": [*nodes, {"name": "Gaitway", "children": [0, joints + 1]}, {"name": "Figure", "mesh": 0, "skin": 0}],
        "meshes": [_mesh(pose, buffer)],
        "materials": _materials(),
        "skins": [{"joints": list(range(joints)), "skeleton": 0, "inverseBindMatrices": _inverse_binds(pose, buffer)}],
        "animations": [_animation(clip, pose, buffer)],
    }
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary = bytes(buffer.data) + b"\0" * (-len(buffer.data) % 4)
    stream.write(struct.pack("<III", _MAGIC, 2, 12 + 8 + len(text) + 8 + len(binary)))
    stream.write(struct.pack("<II", len(text), _JSON) + text)
    stream.write(struct.pack("<II", len(binary), _BIN) + binary)


def _nodes(pose: ClipPose) -> list[dict[str, Any]]:
    """One node a joint, at rest: the root where the motion starts, without rotation."""
    nodes: list[dict[str, Any]] = []
    for j, name in enumerate(NAMES):
        position = pose.root_positions[0] if j == 0 else pose.offsets[j]
        node: dict[str, Any] = {"name": name, "translation": [float(v) for v in position]}
        if CHILDREN[j]:
            node["children"] = list(CHILDREN[j])
        nodes.append(node)
    return nodes


def _rest_positions(pose: ClipPose) -> np.ndarray:
    """Joints (E,3) of the rest pose."""
    rest = np.zeros((len(NAMES), 3))
    rest[0] = pose.root_positions[0]
    for j in range(1, len(NAMES)):
        rest[j] = rest[PARENTS[j]] + pose.offsets[j]
    return rest


def _inverse_binds(pose: ClipPose, buffer: _Buffer) -> int:
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(NAMES), 1, 1))
    matrices[:, :3, 3] = -_rest_positions(pose)
    return buffer.add(matrices.transpose(0, 2, 1).reshape(-1, 16), _FLOAT, "MAT4")  # glTF stores columns first


def _animation(clip: ExportClip, pose: ClipPose, buffer: _Buffer) -> dict[str, Any]:
    times = buffer.add(
        (np.arange(clip.num_frames) / clip.fps).astype(np.float32)[:, None], _FLOAT, "SCALAR", bounds=True
    )
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def channel(node: int, path: str, values: np.ndarray, kind: str) -> None:
        samplers.append(
            {"input": times, "output": buffer.add(values.astype(np.float32), _FLOAT, kind), "interpolation": "LINEAR"}
        )
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})

    channel(0, "translation", pose.root_positions, "VEC3")
    for j in range(len(NAMES)):
        channel(j, "rotation", quat.make_continuous(pose.rotations[:, j])[:, [1, 2, 3, 0]], "VEC4")
    return {"name": clip.prompt[:60] or "Motion", "samplers": samplers, "channels": channels}


def _mesh(pose: ClipPose, buffer: _Buffer) -> dict[str, Any]:
    """Three primitives, left side, right side and middle, each the octahedra of its bones."""
    rest = _rest_positions(pose)
    sides: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {"left": [], "right": [], "middle": []}
    for j, name in enumerate(NAMES):
        side = name.split("_")[0] if name.startswith(("left_", "right_")) else "middle"
        if j and pose.offsets[j].any():
            sides[side].append((PARENTS[j], rest[PARENTS[j]], rest[j]))
        if not CHILDREN[j]:
            direction = quat.normalize(pose.offsets[j])
            sides[side].append((j, rest[j], rest[j] + _LEAF_LENGTH_M * direction))
    primitives = []
    for material, side in enumerate(("left", "right", "middle")):
        bones = [_octahedron(start, end) for _, start, end in sides[side]]
        positions = np.concatenate(bones).astype(np.float32)
        corners = positions.reshape(-1, 3, 3)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.repeat(quat.normalize(normals), 3, axis=0).astype(np.float32)
        bound = np.zeros((len(positions), 4), np.uint8)
        bound[:, 0] = np.repeat([joint for joint, _, _ in sides[side]], len(bones[0]))
        weights = np.tile(np.array([1, 0, 0, 0], np.float32), (len(positions), 1))
        attributes = {
            "POSITION": buffer.add(positions, _FLOAT, "VEC3", _ARRAY_BUFFER, bounds=True),
            "NORMAL": buffer.add(normals, _FLOAT, "VEC3", _ARRAY_BUFFER),
            "JOINTS_0": buffer.add(bound, _UBYTE, "VEC4", _ARRAY_BUFFER),
            "WEIGHTS_0": buffer.add(weights, _FLOAT, "VEC4", _ARRAY_BUFFER),
        }
        indices = buffer.add(np.arange(len(positions), dtype=np.uint16)[:, None], _USHORT, "SCALAR", _ELEMENT_BUFFER)
        primitives.append({"attributes": attributes, "indices": indices, "material": material})
    return {"name": "Figure", "primitives": primitives}


def _octahedron(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Corners (24,3) of the 8 triangles of a bone from ``start`` to ``end``, thickest near its start, seen from
    outside.
    """
    along = end - start
    length = float(np.linalg.norm(along))
    up = along / max(length, 1e-9)
    side = np.cross(up, [0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    ring_centre, width = start + 0.2 * along, min(0.035, 0.15 * length + 0.005)
    ring = [ring_centre + width * (np.cos(a) * side + np.sin(a) * np.cross(up, side)) for a in np.arange(4) * np.pi / 2]
    triangles = []
    for k in range(4):
        a, b = ring[k], ring[(k + 1) % 4]
        triangles += [[start, b, a], [end, a, b]]
    return np.array(triangles).reshape(-1, 3)


def _materials() -> list[dict[str, Any]]:
    colours = {"left": (0.08, 0.27, 0.55), "right": (0.72, 0.16, 0.16), "middle": (0.25, 0.27, 0.30)}
    return [
        {
            "name": name,
            "pbrMetallicRoughness": {"baseColorFactor": [*colour, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.7},
        }
        for name, colour in colours.items()
    ]
