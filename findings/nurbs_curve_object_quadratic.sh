#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Blender keeps a NURBS curve in two kinds of object: a curve object (type CURVE, what "Add > Curve" makes) and a curves object
# (type CURVES, what hair and geometry nodes use). In bpy 5.2.3 (2026) both evaluate to the same points, but the time of the
# second grows with the number of control points and the time of the first with its square.
# Seen (CPU time of one evaluation, order 4, 12 points a segment):
#   control points              2,000    4,000    8,000
#   CURVE, one spline          0.13 s   0.47 s    1.8 s   x 14
#   CURVES, one curve         0.003 s  0.005 s  0.009 s   x 3; 8,000 points about 200 times faster than the other kind
#   CURVE, 100 points a spline 0.02 s   0.03 s   0.07 s   x 4: the length of a spline costs, not the sum of the points
# bpy 4.5 is quadratic for both kinds, so newer releases mended one of them. A long traced line in a NURBS curve object is
# better made a poly spline, split, or converted to a curves object. Exit 0: still so. Exit 1: it changed.
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
import sys, time
import bpy
import numpy as np
COUNTS = (2000, 4000, 8000)
GROUP = bpy.data.node_groups.new("as mesh", "GeometryNodeTree")  # evaluated points are read as vertices
for side in ("INPUT", "OUTPUT"):
    GROUP.interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
nodes = [GROUP.nodes.new(name) for name in ("NodeGroupInput", "GeometryNodeCurveToMesh", "NodeGroupOutput")]
for before, after in zip(nodes, nodes[1:]):
    GROUP.links.new(before.outputs[0], after.inputs[0])

def curve_object(line, each):
    data = bpy.data.curves.new("old", "CURVE")
    data.dimensions = "3D"
    for part in np.split(line, len(line) // each):
        spline = data.splines.new("NURBS")
        spline.points.add(each - 1)
        spline.points.foreach_set("co", np.insert(part, 3, 1, axis=1).ravel())
        spline.order_u, spline.use_endpoint_u, spline.resolution_u = 4, True, 12
    return data

def curves_object(line, each):
    data = bpy.data.hair_curves.new("new")
    data.add_curves([each])
    data.position_data.foreach_set("vector", line.ravel())
    data.set_types(type="NURBS")
    for name, kind, value in (("nurbs_order", "INT8", 4), ("knots_mode", "INT8", 1), ("resolution", "INT", 12)):
        (data.attributes.get(name) or data.attributes.new(name, kind, "CURVE")).data[0].value = value
    return data

def cost(make, n, each):
    line = np.stack([np.arange(n) * 0.01, np.arange(n) % 7 * 0.1, np.zeros(n)], axis=1)
    thing = bpy.data.objects.new("curve", make(line, each))
    bpy.context.collection.objects.link(thing)
    thing.modifiers.new("as mesh", "NODES").node_group = GROUP
    start = time.process_time()
    evaluated = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    seconds, geometry = time.process_time() - start, evaluated.evaluated_geometry()
    points = np.array([v.co for v in geometry.mesh.vertices])
    bpy.data.objects.remove(thing)
    return seconds, points

def row(label, make, each=None):
    found = [min((cost(make, n, each or n) for _ in range(3)), key=lambda run: run[0]) for n in COUNTS]
    print(f"{label:27}", *(f"{t:.4f} s" for t, _ in found), f"x {found[-1][0] / found[0][0]:.1f}", flush=True)
    return found[-1][0] / found[0][0], *found[-1]

old, new = row("CURVE, one spline", curve_object), row("CURVES, one curve", curves_object)
split = row("CURVE, 100 points a spline", curve_object, 100)
apart = np.abs(old[2] - new[2]).max() if old[2].shape == new[2].shape else np.inf
print(f"the two kinds are at most {apart:.1g} m apart; one takes {old[1] / new[1]:.0f} times as long as the other")
same = apart < 1e-3 and old[0] > 9 and new[0] < 8 and old[1] > 20 * new[1] and old[1] > 8 * split[1]
print("as found" if same else "CHANGED")
sys.exit(not same)
EOF
"$folder/venv/bin/python" "$folder/run.py"
