# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures every test may use, and a clean way out of processes that have imported bpy."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import engine  # noqa: F401  (before numpy and torch: it says how many threads these may use)

from .shared_folder import SHARED

os.environ.setdefault("HF_HUB_OFFLINE", "1")

REPOSITORY = Path(__file__).resolve().parent.parent
_exit_code = 0


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with fixtures and motion data that stands beside the repository; tests that need it skip without
    it.
    """
    if not (SHARED / "fixtures").is_dir():
        pytest.skip(f"needs the fixtures and motion data at {SHARED} (set GAITWAY_SHARED)")
    return SHARED


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _exit_code
    _exit_code = int(exitstatus)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """What was captured may hold half a character, which a process of pytest-xdist cannot send to the other."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "replace").decode()) for name, text in report.sections]
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    # Blender as a Python module can hang or crash when the interpreter tears it down; leave before that.
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_code)
