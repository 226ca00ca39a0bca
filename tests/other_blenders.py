# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the add-on's tests in the other Blenders that it supports, each as a Python module in an environment of its own.

    python -m tests.other_blenders                 4.3 and 5.0 on Python 3.11, 5.2 LTS on Python 3.13, what is there
    python -m tests.other_blenders 5.2 --must      fail when Python 3.13 is not on this computer

The engine runs in the Python that runs this script, as for users: Blender's Python has no torch. Environments are kept
in ``--folder`` and used again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BLENDERS = {
    "4.3": ("3.11", "bpy==4.3.0", "numpy<2"),  # without numpy's bound pip brings one that this Blender cannot read
    "5.0": ("3.11", "bpy==5.0.1"),
    "5.2": ("3.13", "bpy==5.2.3"),
}
# pyzmq and msgpack for the add-on, the rest for the tests and for the server without its model.
PACKAGES = (
    "pyzmq>=26,<28",
    "msgpack>=1.1,<2",
    "pytest>=8,<10",
    "pytest-xdist>=3.6,<4",
    "hypothesis>=6.100,<7",
    "platformdirs>=4,<5",
    "psutil",
)
TESTS = (
    "tests/blender",
    "tests/addon/engine_link/test_setup_check.py",
    "tests/addon/engine_link/test_session.py",
    "tests/addon/capture/test_paths.py",
)


def interpreter(version: str) -> str | None:
    """A Python ``version`` on this computer: this one, the PATH's, or pyenv's."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    candidates = [shutil.which(f"python{version}")]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python"))]
    for candidate in filter(None, candidates):  # pyenv's shims lie on the PATH and need not work
        done = subprocess.run([candidate, "-c", "import sys; print(sys.version)"], capture_output=True, text=True)
        if done.stdout.startswith(version + "."):
            return candidate
    return None


def environment(python: str, packages: list[str], folder: Path) -> Path:
    """The Python of an environment with ``packages``; made where it is not there."""
    inside = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not inside.exists():
        if python == sys.executable:
            venv.create(folder, with_pip=True)
        else:
            subprocess.run([python, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(inside), "-m", "pip", "install", "--quiet", *packages, *PACKAGES], check=True)
    return inside


def run(version: str, folder: Path, must: bool) -> int:
    """Exit code of the tests in one Blender."""
    wanted, *packages = BLENDERS[version]
    python = interpreter(wanted)
    if python is None:
        print(f"Blender {version}: there is no Python {wanted} here", flush=True)
        return int(must)
    inside = environment(python, packages, folder / version)
    variables = {**os.environ, "GAITWAY_ENGINE_PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)}
    command = [str(inside), "-m", "pytest", "-n", "auto", "-m", "not same_in_every_blender", *TESTS]
    print(f"Blender {version} ({packages[0]}, Python {wanted})", flush=True)
    return subprocess.run(command, cwd=REPOSITORY, env=variables, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=[*BLENDERS], help="which Blenders (default: all)")
    parser.add_argument("--must", action="store_true", help="a Python that is not there is a failure")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gaitway-blenders")
    chosen = parser.parse_args()
    if unknown := set(chosen.versions) - set(BLENDERS):
        parser.error(f"no such Blender: {', '.join(unknown)}; there are {', '.join(BLENDERS)}")
    return max([run(version, chosen.folder, chosen.must) for version in chosen.versions])


if __name__ == "__main__":
    sys.exit(main())
