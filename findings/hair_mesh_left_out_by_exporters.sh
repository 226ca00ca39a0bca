#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Geometry nodes may turn a hair curves object (type CURVES) into a mesh: a strand with a profile becomes a tube, which is drawn
# and rendered as one. Blender's own writers disagree about what that object holds. Seen in bpy 5.2.3 (2026), one strand of
# four points made a tube of 296 vertices (in evaluated_geometry().mesh and in the instances that are drawn):
#   OBJ, PLY and STL write the tube;
#   glTF (with "apply modifiers"), FBX, USD and Alembic write no mesh at all, report FINISHED and give no warning (the Alembic
#   file holds a curve without a sample, which Blender's reader then complains about);
#   Object.to_mesh() of the evaluated object raises RuntimeError, "Object does not have geometry data".
# The same tube made by nodes on a mesh object, which fetches the strand by Object Info, is written by all seven and given by
# to_mesh(). So hair, ropes or straps made with nodes are exported from a mesh object. Exit 0: still so. Exit 1: it changed.
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
import bpy, sys
def tube(on_mesh):
    """The strand in an empty scene, and the object whose nodes make it a tube: itself, or a mesh that fetches it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    data = bpy.data.hair_curves.new("strand")
    data.add_curves([4])
    data.position_data.foreach_set("vector", [0, 0, 0, 0, 0, 1, 1, 0, 2, 1, 1, 3])
    strand = bpy.data.objects.new("strand", data)
    carrier, tree = strand, bpy.data.node_groups.new("tube", "GeometryNodeTree")
    for side in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
    source = tree.nodes.new("GeometryNodeObjectInfo" if on_mesh else "NodeGroupInput")
    circle, mesh, out = map(tree.nodes.new, ("GeometryNodeCurvePrimitiveCircle", "GeometryNodeCurveToMesh", "NodeGroupOutput"))
    circle.inputs["Resolution"].default_value, circle.inputs["Radius"].default_value = 8, 0.1
    tree.links.new(source.outputs["Geometry"], mesh.inputs["Curve"])
    tree.links.new(circle.outputs["Curve"], mesh.inputs["Profile Curve"])
    tree.links.new(mesh.outputs[0], out.inputs[0])
    if on_mesh:
        source.inputs["Object"].default_value = strand
        carrier = bpy.data.objects.new("tube", bpy.data.meshes.new("tube"))
    bpy.context.collection.objects.link(carrier)
    carrier.modifiers.new("tube", "NODES").node_group = tree
    return carrier

def in_memory(on_mesh):
    carrier, graph = tube(on_mesh), bpy.context.evaluated_depsgraph_get
    evaluated = carrier.evaluated_get(graph())
    geometry = evaluated.evaluated_geometry()  # keeps its mesh alive
    drawn = sum(len(i.object.data.vertices) for i in graph().object_instances if i.object.type == "MESH")
    try:
        return len(geometry.mesh.vertices), drawn, len(evaluated.to_mesh().vertices)
    except RuntimeError as refusal:
        return len(geometry.mesh.vertices), drawn, str(refusal).strip()
def written(on_mesh, write, read, path, **options):
    """Whether the writer said that it had finished, and the vertices that its file brings back."""
    tube(on_mesh)
    finished = write(filepath=path, **options) == {"FINISHED"}
    bpy.ops.wm.read_factory_settings(use_empty=True)
    read(filepath=path)
    return finished, sum(len(o.data.vertices) for o in bpy.data.objects if o.type == "MESH")

wm, old = bpy.ops.wm, bpy.ops.export_scene
WRITERS = {"obj": (wm.obj_export, wm.obj_import), "ply": (wm.ply_export, wm.ply_import), "stl": (wm.stl_export, wm.stl_import),
           "glb": (old.gltf, bpy.ops.import_scene.gltf), "fbx": (old.fbx, wm.fbx_import),
           "usda": (wm.usd_export, wm.usd_import), "abc": (wm.alembic_export, wm.alembic_import)}
found = {kind: [written(on_mesh, *pair, f"{sys.argv[1]}/tube.{kind}", **({"export_apply": True} if kind == "glb" else {}))
                for on_mesh in (False, True)] for kind, pair in WRITERS.items()}
memory = [in_memory(on_mesh) for on_mesh in (False, True)]
print("vertices evaluated, drawn, given by to_mesh(): on hair curves, on a mesh object", *memory)
for kind, (hair, plain) in found.items():
    print(f"{kind:5} finished {hair[0]}, {hair[1]} vertices on hair curves; finished {plain[0]}, {plain[1]} on a mesh object")
left_out = [kind for kind, (hair, _) in found.items() if hair == (True, 0)]
same = left_out == ["glb", "fbx", "usda", "abc"] and all(plain[1] for _, plain in found.values())
same = same and memory[0][0] == memory[0][1] == memory[1][2] and "geometry data" in str(memory[0][2])
print("as found" if same else "CHANGED")
sys.exit(not same)
EOF
"$folder/venv/bin/python" "$folder/run.py" "$folder"
