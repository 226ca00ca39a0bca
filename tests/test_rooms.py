# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the rooms: who may import whom, inside each package and across; and no imports that run in a circle.

Imports for typing and inside functions count too. A room stands on those in the lines above it and imports only from
them; rooms in one line know nothing of each other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from .conftest import REPOSITORY

FLOORS = {
    "blender_addon": """
        shared
        retarget compat time_slices preferences version lookup
        engine_link
        offscreen
        character
        keying
        capture
        properties
        takes
        delivery
        viewport
        app
        ui
        registration
        __init__
    """,
    "engine": """
        __init__
        metrics motion_order progress
        compute serving export
        models inputs
        checkpoints
        sampling
        control
        finishing
        report longform
        library
        validate
        pipeline
        bench install
        cli
    """,
    "training": """
        __init__
        loop
        data
        recipes prepare
        stage_parts
        runs
        evaluation vae mld distill library
        control evaluate
        correct export
        all
    """,
}
PACKAGES = tuple(FLOORS)
LIMIT_OF_LOOSE_FILES = 12
DEFINED_OFTEN = {
    "register": "Blender calls an add-on by it, and the add-on its rooms",
    "unregister": "likewise",
    "main": "what a command runs",
    "train": "the entry of each training stage, called alike for all",
}
NOT_FOR = {
    "blender_addon/shared": {"bpy", "mathutils", "gpu", "torch", "zmq", "scipy", "engine", "training"},
    "blender_addon/retarget": {"bpy", "mathutils", "gpu", "torch", "zmq", "scipy", "engine", "training"},
    "blender_addon/engine_link": {"bpy", "mathutils", "gpu", "torch", "scipy", "engine", "training"},
    "blender_addon": {"torch", "scipy", "engine", "training", "blender_addon"},  # inside Blender it has another name
    "engine/serving": {"torch", "bpy", "training"},
    "engine": {"bpy", "mathutils", "training"},
    "training": {"bpy", "mathutils"},
}


@cache
def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imported(module: str) -> tuple[str, ...]:
    """Dotted names that a module imports, those of our own as far down as a module goes."""
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules() else base for alias in node.names]
    return tuple(names)


def room(module: str) -> str:
    """The folder or file right below its package in which a module lies."""
    return [*module.split("."), "__init__"][1]


def arrows(package: str) -> Iterator[tuple[str, str]]:
    """Pairs (module, module) of the package, where the first imports the second."""
    for module in modules():
        if module.split(".")[0] == package:
            yield from ((module, name) for name in imported(module) if name.split(".")[0] == package)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_room_imports_only_what_it_stands_on(package):
    lines = [line.split() for line in FLOORS[package].split("\n") if line.strip()]
    floor = {name: number for number, names in enumerate(lines) for name in names}
    assert {room(module) for module in modules() if module.split(".")[0] == package} == set(floor)
    wrong = [
        f"{one} imports {other}"
        for one, other in arrows(package)
        if room(one) != room(other) and floor[room(one)] <= floor[room(other)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_imports_run_in_a_circle():
    graph = {name: {other for other in imported(name) if other in modules()} for name in modules()}
    done: set[str] = set()
    for start in graph:
        stack, path = [(start, iter(graph[start]))], [start]
        while stack:
            name, following = stack[-1]
            step = next((other for other in following if other not in done), None)
            if step is None:
                done.add(name)
                stack.pop()
                path.pop()
            else:
                assert step not in path, " -> ".join([*path[path.index(step) :], step])
                stack.append((step, iter(graph[step])))
                path.append(step)


@pytest.mark.parametrize("folder", NOT_FOR)
def test_packages_stay_out_of_rooms(folder):
    inside = [name for name, path in modules().items() if (REPOSITORY / folder) in path.parents]
    assert inside
    for name in inside:
        text = modules()[name].read_text(encoding="utf-8")
        absolute = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom) and node.level == 0
        }
        wrong = absolute & NOT_FOR[folder]
        assert not wrong, f"{name} imports {wrong}"


@pytest.mark.parametrize("package", PACKAGES)
def test_few_files_lie_loose(package):
    loose = sorted(path.name for path in (REPOSITORY / package).glob("*.py"))
    assert len(loose) <= LIMIT_OF_LOOSE_FILES, loose


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_says_what_it_is(package):
    for path in sorted((REPOSITORY / package).rglob("__init__.py")):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} says nothing"


def defined(module: str) -> Iterator[str]:
    """Public classes and functions at the top level of a module."""
    for node in ast.parse(modules()[module].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name


def test_a_name_has_one_meaning():
    places: dict[str, set[str]] = {}
    for module in modules():
        if module.split(".")[0] in PACKAGES:
            for name in defined(module):
                places.setdefault(name, set()).add(module)
    twice = {name: sorted(found) for name, found in places.items() if len(found) > 1 and name not in DEFINED_OFTEN}
    assert not twice, twice
