# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the add-on's zip: blender_addon/ and the wheels of one platform -> dist/gaitway-<version>-<platform>.zip.

    python build_addon.py                    the zip for this computer
    python build_addon.py --platform all     one zip for each platform of the manifest
    python build_addon.py --repository       all of them and the index of a static extension repository

The manifest lists the wheels, ``wheels.lock`` their hashes; pip downloads them and rejects any other file.
Blender's own extension tool validates the zips and writes the index: that of ``--blender``, or of ``pip install bpy``.
A folder built with ``--repository`` can be put on any web server as it is; animators add the address of its
``index.json`` under *Preferences > Get Extensions > Repositories* and get updates from there.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import importlib.util
import platform
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SOURCE = ROOT / "blender_addon"
LOCK = SOURCE / "wheels.lock"
WHEELS = SOURCE / "wheels"
EXCLUDED = ("__pycache__", "wheels", "docs", "README.md", "wheels.lock", "blender_manifest.toml", "*.pyc", ".*")
PLATFORM_TAGS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_26_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_11_0_arm64", "macosx_10_15_universal2"),
    "macos-x64": ("macosx_10_13_x86_64", "macosx_10_9_x86_64", "macosx_10_15_universal2"),
}
FIXED_DATE = (2020, 1, 1, 0, 0, 0)  # so that the same sources give the same zip


class BuildError(Exception):
    """The zip cannot be built; the message says what to do."""


def this_platform() -> str:
    """Blender's name for this computer."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    return f"{system}-{'arm64' if platform.machine().lower() in ('arm64', 'aarch64') else 'x64'}"


def read_manifest() -> dict:
    return tomllib.loads((SOURCE / "blender_manifest.toml").read_text(encoding="utf-8"))


def locked_hashes() -> set[str]:
    """The sha256 of every wheel that is allowed in the zip."""
    return set(re.findall(r"--hash=sha256:([0-9a-f]{64})", LOCK.read_text(encoding="utf-8")))


def wheels_for(name: str, wheels: list[str]) -> list[str]:
    """The file names among the manifest's ``wheels`` for the platform ``name``."""
    tags = PLATFORM_TAGS[name]
    names = [wheel.rsplit("/", 1)[-1] for wheel in wheels]
    return [wheel for wheel in names if set(wheel[: -len(".whl")].split("-")[-1].split(".")) & set(tags)]


def fetch(names: list[str], tags: tuple[str, ...]) -> list[Path]:
    """The wheels ``names``, from the folder beside the manifest or from pip.

    Raises BuildError for a missing or altered one.
    """
    WHEELS.mkdir(exist_ok=True)
    # An abi3 wheel is downloaded together with those for a single Python version.
    pythons = sorted({match[1] for name in names if (match := re.search(r"-cp3(\d+)-cp", name))}, key=int)
    missing = [name for name in names if not _is_locked(WHEELS / name)]
    for minor in pythons if missing else ():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "-r", str(LOCK), "-d", str(WHEELS)]
        command += ["--python-version", f"3.{minor}", *(word for tag in tags for word in ("--platform", tag))]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            raise BuildError(f"pip could not download the wheels in {LOCK.name}:\n{done.stderr.strip()}")
    missing = [name for name in names if not _is_locked(WHEELS / name)]
    if missing:
        raise BuildError(f"The manifest lists wheels that {LOCK.name} does not allow: {', '.join(missing)}.")
    return [WHEELS / name for name in names]


def _is_locked(wheel: Path) -> bool:
    return wheel.is_file() and hashlib.sha256(wheel.read_bytes()).hexdigest() in locked_hashes()


def manifest_for(name: str, wheels: list[str]) -> str:
    """The manifest's text with only the platform ``name`` and its wheels."""
    text = (SOURCE / "blender_manifest.toml").read_text(encoding="utf-8")
    text = re.sub(r"^platforms = \[.*?\]", f'platforms = ["{name}"]', text, count=1, flags=re.M | re.S)
    listed = "".join(f'  "./wheels/{wheel}",\n' for wheel in wheels)
    text = re.sub(r"^wheels = \[.*?\]", lambda _: f"wheels = [\n{listed}]", text, count=1, flags=re.M | re.S)
    return text[: text.index("\n[build]")] + "\n" if "\n[build]" in text else text


def sources() -> list[Path]:
    """The files of the add-on that go into the zip, relative to its folder."""
    files = (path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*")) if path.is_file())
    return [path for path in files if not any(fnmatch.fnmatch(part, rule) for part in path.parts for rule in EXCLUDED)]


def build(name: str, folder: Path = ROOT / "dist") -> Path:
    """Build the zip for the platform ``name`` in ``folder`` and return its path. Raises BuildError."""
    manifest = read_manifest()
    if name not in manifest["platforms"]:
        raise BuildError(f"There is no zip for {name}. Choose one of {', '.join(manifest['platforms'])}, or 'all'.")
    names = wheels_for(name, manifest["wheels"])
    contents = {Path("blender_manifest.toml"): manifest_for(name, names).encode()}
    contents |= {path: (SOURCE / path).read_bytes() for path in sources()}
    contents |= {Path("wheels") / path.name: path.read_bytes() for path in fetch(names, PLATFORM_TAGS[name])}
    licence = ROOT / "LICENSE"
    if licence.is_file():
        contents[Path("LICENSE")] = licence.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{manifest['id']}-{manifest['version']}-{name}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(contents):
            entry = zipfile.ZipInfo(path.as_posix(), FIXED_DATE)
            entry.compress_type = zipfile.ZIP_STORED if path.suffix == ".whl" else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, contents[path])
    return target


def extension_tool(blender: str = "") -> list[str] | None:
    """The command of Blender's own extension tool: the program ``blender``'s, or else the bpy module's; None when
    neither is available.
    """
    if blender:
        return [blender, "--command", "extension"]
    found = importlib.util.find_spec("bpy")
    if found is None or not found.submodule_search_locations:
        return None
    tools = Path(found.submodule_search_locations[0]).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    return next(([sys.executable, str(path)] for path in sorted(tools)), None)


def validate(archive: Path, tool: list[str]) -> None:
    """Check the zip with Blender's ``tool``. Raises BuildError with its findings."""
    _run(tool, "validate", str(archive), complaint=f"Blender's validator rejects {archive.name}")


def write_index(folder: Path, tool: list[str]) -> Path:
    """Write the index of the zips in ``folder`` with Blender's ``tool`` and return its path.

    Raises BuildError, also for two zips of one platform: an index offers one version of it.
    """
    _run(
        tool, "server-generate", f"--repo-dir={folder}", "--html", complaint="Blender's tool could not write the index"
    )
    return folder / "index.json"


def _run(tool: list[str], *arguments: str, complaint: str) -> None:
    try:
        done = subprocess.run([*tool, *arguments], capture_output=True, text=True, encoding="utf-8", errors="replace")
    except OSError as error:
        raise BuildError(f"{tool[0]} could not be started: {error.strerror or error}.") from error
    if done.returncode:
        raise BuildError(f"{complaint}:\n{done.stdout}{done.stderr}")


def main() -> int:
    manifest = read_manifest()
    parser = argparse.ArgumentParser(description="Build the zip that Blender installs.")
    parser.add_argument("--platform", default=this_platform(), choices=[*manifest["platforms"], "all"])
    parser.add_argument(
        "--repository", action="store_true", help="build zips for all platforms and the index of a repository"
    )
    parser.add_argument(
        "--blender", default="", help="Blender whose tool validates the zip (default: the bpy module's)"
    )
    parser.add_argument("--out", type=Path, help="folder for the zips (default: dist, or dist/repository)")
    options = parser.parse_args()
    folder = (options.out or ROOT / "dist" / ("repository" if options.repository else "")).resolve()
    try:
        tool = extension_tool(options.blender)
        if options.repository and tool is None:
            raise BuildError("Blender's own tool writes the index: give --blender PATH, or pip install bpy.")
        for name in manifest["platforms"] if options.repository or options.platform == "all" else [options.platform]:
            archive = build(name, folder)
            if tool is not None:
                validate(archive, tool)
            note = "valid" if tool else "not validated: give --blender PATH, or pip install bpy"
            print(f"{archive}  {archive.stat().st_size / 1e6:.2f} MB, {note}")
        if options.repository and tool is not None:
            print(f"{write_index(folder, tool)}  is the repository index to subscribe to; the zips are beside it")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
