# SPDX-License-Identifier: GPL-3.0-or-later
"""Which takes lie in a folder: a HumanML3D data set, .bvh files, .amc files with the .asf skeleton of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blender_addon.shared.errors import BadFile

KINDS = ("humanml3d", "bvh", "amc")


@dataclass(frozen=True)
class CaptureSource:
    """One take. ``name`` is unique; ``take`` is shared by forms of one take (a mirror image, another file format),
    which must not part between the splits. ``skeleton``: the .asf file of an .amc file, None when there is none.
    """

    name: str
    take: str
    kind: str
    path: Path
    skeleton: Path | None = None

    def files(self) -> list[Path]:
        return [self.path, self.skeleton] if self.skeleton else [self.path]


def find_sources(folder: Path, kind: str | None = None) -> list[CaptureSource]:
    """Every take below ``folder``, sorted by name; only those of ``kind`` when it is given. Raises BadFile when there
    are none.
    """
    if not folder.is_dir():
        raise BadFile(f"The folder '{folder}' does not exist.", "Check the path.")
    finders = {"humanml3d": _humanml3d, "bvh": _bvh, "amc": _amc}
    found = [source for name in ([kind] if kind else KINDS) for source in finders[name](folder)]
    if not found:
        raise BadFile(
            f"'{folder}' contains no motion" + (f" of the kind '{kind}'." if kind else "."),
            "Point it at a HumanML3D folder (with new_joints), or at a folder with .bvh files or .asf and .amc files.",
        )
    return sorted(_unique(found), key=lambda source: source.name)


def _unique(sources: list[CaptureSource]) -> Iterator[CaptureSource]:
    """Two files of one name are told apart by their kind."""
    count = Counter(source.name for source in sources)
    for source in sources:
        if count[source.name] > 1:
            yield CaptureSource(f"{source.name}_{source.kind}", source.take, source.kind, source.path, source.skeleton)
        else:
            yield source


def _files(folder: Path, suffix: str) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.suffix.lower() == suffix and path.is_file())


def _name(path: Path, folder: Path) -> str:
    return "_".join(path.relative_to(folder).with_suffix("").parts)


def _bvh(folder: Path) -> Iterator[CaptureSource]:
    for path in _files(folder, ".bvh"):
        yield CaptureSource(_name(path, folder), path.stem, "bvh", path)


def _amc(folder: Path) -> Iterator[CaptureSource]:
    for path in _files(folder, ".amc"):
        skeletons = {other.stem.lower(): other for other in _files(path.parent, ".asf") if other.parent == path.parent}
        names = (path.stem.lower(), path.stem.lower().rsplit("_", 1)[0])
        skeleton = next((skeletons[name] for name in names if name in skeletons), None)
        if skeleton is None and len(skeletons) == 1:
            skeleton = next(iter(skeletons.values()))
        yield CaptureSource(_name(path, folder), path.stem, "amc", path, skeleton)


def _humanml3d(folder: Path) -> Iterator[CaptureSource]:
    """The makers' layout; motions whose joints are missing are taken from their features."""
    paths = {
        path.stem: path for name in ("new_joint_vecs", "new_joints") for path in sorted((folder / name).glob("*.npy"))
    }
    for name, path in sorted(paths.items()):
        yield CaptureSource(name, _unmirrored(name), "humanml3d", path)


def _unmirrored(name: str) -> str:
    """ "M012314" is the mirror image of "012314"."""
    return name[1:] if name.startswith("M") and name[1:].isdigit() else name


def read_split_lists(folder: Path) -> dict[str, str]:
    """Take -> split of HumanML3D's train.txt, val.txt and test.txt; empty where there are none.

    Raises BadFile when a take stands in two lists.
    """
    splits: dict[str, str] = {}
    for split in ("train", "val", "test"):
        path = folder / f"{split}.txt"
        for line in path.read_text(encoding="utf-8").split() if path.is_file() else []:
            take = _unmirrored(line)
            if splits.setdefault(take, split) != split:
                raise BadFile(
                    f"'{take}' is in both {splits[take]}.txt and {split}.txt of '{folder}'.",
                    "Remove it from one of them.",
                )
    return splits


def load_humanml3d(path: Path) -> np.ndarray:
    """Joints (T, 22, 3) of a file of new_joints or new_joint_vecs. Raises BadFile when it is neither."""
    from blender_addon.shared import features as feature_set

    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadFile(f"'{path}' cannot be read as an array of numbers.", "Copy the file again.") from error
    if array.ndim == 2 and array.shape[1] == feature_set.NUM_FEATURES:
        array = feature_set.features_to_joints(array.astype(np.float64))
    if array.ndim != 3 or array.shape[1:] != (22, 3) or not len(array):
        raise BadFile(
            f"'{path}' has shape {array.shape}, not frames x 22 joints x 3.",
            "Use the unchanged files of the data set.",
        )
    return array.astype(np.float64)
