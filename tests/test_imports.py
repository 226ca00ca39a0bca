# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: the light side never pulls in torch, the engine never bpy, nobody training."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from .conftest import REPOSITORY

FORBIDDEN = {
    "blender_addon/retarget": {"bpy", "mathutils", "gpu", "torch", "zmq", "scipy"},
    "blender_addon/shared": {"bpy", "mathutils", "gpu", "torch", "zmq", "scipy", "engine", "training"},
    "blender_addon": {"torch", "engine", "training"},
    "engine": {"bpy", "mathutils", "training"},
    "training": {"bpy", "mathutils"},
}


def imported(path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_retargeting_imports_only_itself_and_the_contract():
    root = REPOSITORY / "blender_addon" / "retarget"
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level > len(inside):
                assert node.level == len(inside) + 1 and (node.module or "").split(".")[0] == "shared", (
                    f"{path} imports from {'.' * node.level}{node.module}"
                )


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_import_rule(folder):
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    assert files
    for path in files:
        wrong = imported(path) & FORBIDDEN[folder]
        assert not wrong, f"{path} imports {wrong}"


def test_addon_imports_itself_relatively():
    for path in sorted((REPOSITORY / "blender_addon").rglob("*.py")):
        assert "blender_addon" not in imported(path), (
            f"{path} names its own package, which is called otherwise inside Blender"
        )


def test_light_side_loads_nothing_heavy():
    code = (
        "import sys, blender_addon\n"
        "from blender_addon.shared import control, errors, features, pose, protocol, quat, skeleton, space\n"
        "bad = {'bpy', 'torch', 'zmq', 'scipy'} & set(sys.modules)\n"
        "raise SystemExit(f'loaded {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
