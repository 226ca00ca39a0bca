# SPDX-License-Identifier: GPL-3.0-or-later
"""The server answers while the model still loads, so nothing in its room may import torch."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import engine.serving

REPOSITORY = Path(__file__).resolve().parents[3]


def test_no_file_of_the_room_imports_torch_or_a_room_of_motion() -> None:
    names = [f"engine.serving.{module.name}" for module in pkgutil.iter_modules(engine.serving.__path__)]
    assert len(names) >= 8
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
    code += "print([m for m in sys.modules if m.split('.')[0] == 'torch' or m in ('engine.pipeline', 'engine.models')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.strip() == "[]"
