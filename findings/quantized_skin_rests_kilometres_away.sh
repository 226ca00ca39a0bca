#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A skinned glTF whose vertices are stored as integers (KHR_mesh_quantization) carries the scale back to metres in its inverse
# bind matrices, as that extension proposes. The glTF importer of bpy 5.2.3 (2026; bpy 4.5 too) guesses the rest pose from the
# same matrices: it reads the scale as a place, so that the armature rests kilometres from where the character stands.
# Seen with a figure of 2 m, hips 1 m high, on a grid of 16,382 steps, nodes in the bind pose, default options:
#   the bone at the hips rests 8,191 m high, and the mesh is stored up there, too; the pose brings both back (hips 1 m),
#   in which single precision costs the vertices 0.5 mm (the same figure in floats: nothing);
#   with guess_original_bind_pose=False, or written in floats, the hips rest at 1 m and the vertices are exact.
# No warning is given, and the picture looks right; edit mode, "Rest Position" and whatever reads rest bones (retargeting) show
# it. It takes a joint at the top of the scene, as here, or a skin that names its `skeleton`; else the importer falls back on
# the nodes. gltfpack 1.3 makes such a file of the one in floats. Exit 0: still so. Exit 1: it changed.
set -euo pipefail
python=""
for candidate in python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
    if "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, 13))" 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then echo "This needs Python 3.13 for bpy 5.2.3; there is none on the PATH or in pyenv." >&2; exit 2; fi
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q bpy==5.2.3
cat > "$folder/run.py" <<'EOF'
import base64, json, struct, sys
import bpy

POINTS = [(x, y, 0) for y in (0, 1, 2) for x in (0, 2)]  # a strip 2 m high; its upper end hangs on the head
GRID = 16382

def write(path, quantized):
    """A strip and two joints, 1 and 2 m up; the unit of the vertices is 2 m / GRID or 1 m."""
    unit = 2 / GRID if quantized else 1
    blob, views, accessors = b"", [], []
    def add(data, component, kind, count, stride=None, **more):
        nonlocal blob
        views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": len(data)} | ({"byteStride": stride} if stride else {}))
        accessors.append({"bufferView": len(views) - 1, "componentType": component, "type": kind, "count": count, **more})
        blob += data + b"\0" * (-len(data) % 4)
    stored = [[round(c / unit) for c in p] for p in POINTS]
    position = b"".join(struct.pack("<3H2x" if quantized else "<3f", *p) for p in stored)
    bounds = {"min": [min(c) for c in zip(*stored)], "max": [max(c) for c in zip(*stored)]}
    add(position, 5123 if quantized else 5126, "VEC3", 6, 8 if quantized else 12, **bounds)
    add(b"".join(struct.pack("<4B", p[1] == 2, 0, 0, 0) for p in POINTS), 5121, "VEC4", 6, 4)
    add(struct.pack("<4f", 1, 0, 0, 0) * 6, 5126, "VEC4", 6, 16)
    add(struct.pack("<12H", 0, 1, 2, 2, 1, 3, 2, 3, 4, 4, 3, 5), 5123, "SCALAR", 12)
    inverse = [(unit, 0, 0, 0, 0, unit, 0, 0, 0, 0, unit, 0, 0, -height, 0, 1) for height in (1, 2)]
    add(b"".join(struct.pack("<16f", *m) for m in inverse), 5126, "MAT4", 2)
    mesh = {"attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}, "indices": 3}
    nodes = [{"name": "hips", "translation": [0, 1, 0], "children": [1]}, {"name": "head", "translation": [0, 1, 0]}]
    uri = "data:application/octet-stream;base64," + base64.b64encode(blob).decode()
    used = {"extensionsUsed": ["KHR_mesh_quantization"], "extensionsRequired": ["KHR_mesh_quantization"]} if quantized else {}
    with open(path, "w") as file:
        json.dump({"asset": {"version": "2.0"}, "scenes": [{"nodes": [0, 2]}], "scene": 0, "meshes": [{"primitives": [mesh]}],
                   "nodes": [*nodes, {"name": "body", "mesh": 0, "skin": 0}], "accessors": accessors, "bufferViews": views,
                   "skins": [{"joints": [0, 1], "inverseBindMatrices": 4}],
                   "buffers": [{"byteLength": len(blob), "uri": uri}], **used}, file)

def read(path, **options):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=path, **options)
    rig = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    body = next(o for o in bpy.data.objects if o.type == "MESH" and o.find_armature())
    shown = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices
    error = max(abs(c - w) for v, (x, y, z) in zip(shown, POINTS) for c, w in zip(body.matrix_world @ v.co, (x, -z, y)))
    rest, posed = rig.data.bones["hips"].head_local.z, rig.pose.bones["hips"].head.z
    return rest, posed, max(v.co.z for v in body.data.vertices), 1000 * error

found = {}
for quantized, options in ((True, {}), (True, {"guess_original_bind_pose": False}), (False, {})):
    write(sys.argv[1], quantized)
    rest, posed, stored, error = found[quantized, bool(options)] = read(sys.argv[1], **options)
    print("integers" if quantized else "floats", options or "default options",
          f": hips rest at {rest:.2f} m, posed at {posed:.2f} m; mesh up to {stored:.2f} m, vertices off by {error:.3f} mm")
far, *near = found.values()
same = far[0] > 8000 and abs(far[1] - 1) < 0.01 and far[2] > 8000 and all(abs(r[0] - 1) < 1e-3 and r[3] < 0.01 for r in near)
print("as found" if same else "CHANGED")
sys.exit(not same)
EOF
"$folder/venv/bin/python" "$folder/run.py" "$folder/strip.gltf"
