# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest, the lock and the builder agree; what may not go into a zip does not."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

import build_addon


def test_every_platform_has_both_wheels_for_every_python() -> None:
    manifest = build_addon.read_manifest()
    for name in manifest["platforms"]:
        wheels = build_addon.wheels_for(name, manifest["wheels"])
        for python in ("cp311-cp311", "cp313-cp313"):
            assert any(wheel.startswith("msgpack-") and python in wheel for wheel in wheels), (name, python)
        for python in ("cp311-cp311", "cp312-abi3"):
            assert any(wheel.startswith("pyzmq-") and python in wheel for wheel in wheels), (name, python)
    named = {wheel.rsplit("/", 1)[-1] for wheel in manifest["wheels"]}
    assert named == {w for name in manifest["platforms"] for w in build_addon.wheels_for(name, manifest["wheels"])}
    assert len(build_addon.locked_hashes()) == len(named)


def test_the_manifest_of_a_platform_names_that_platform_alone() -> None:
    wheels = ["a-1-cp311-cp311-win_amd64.whl", "b-1-cp313-cp313-win_amd64.whl"]
    manifest = tomllib.loads(build_addon.manifest_for("windows-x64", wheels))
    assert manifest["platforms"] == ["windows-x64"]
    assert manifest["wheels"] == [f"./wheels/{wheel}" for wheel in wheels]
    source = build_addon.read_manifest()
    for key in ("id", "version", "permissions", "blender_version_min"):
        assert manifest[key] == source[key]


def test_the_zip_takes_sources_only() -> None:
    files = {path.as_posix() for path in build_addon.sources()}
    assert {"__init__.py", "shared/skeleton.py", "ui/generate.py"} <= files
    assert not [
        name for name in files if "__pycache__" in name or name.endswith((".pyc", ".whl", ".lock", ".png", ".md"))
    ]


def test_an_altered_wheel_is_not_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the right name and other bytes counts as missing, and pip is asked for the real one; here pip has
    none.
    """
    monkeypatch.setattr(build_addon, "WHEELS", tmp_path)
    monkeypatch.setattr(build_addon, "LOCK", tmp_path / "wheels.lock")
    name = "gaitway_no_such_package-1.0-cp311-cp311-win_amd64.whl"
    (tmp_path / name).write_bytes(b"not the wheel")
    digest = hashlib.sha256(b"the wheel").hexdigest()
    (tmp_path / "wheels.lock").write_text(f"{tmp_path / name} --hash=sha256:{digest}\n")
    with pytest.raises(build_addon.BuildError, match="could not download"):
        build_addon.fetch([name], ("win_amd64",))
    (tmp_path / name).write_bytes(b"the wheel")
    assert build_addon.fetch([name], ("win_amd64",)) == [tmp_path / name]
