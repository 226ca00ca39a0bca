# SPDX-License-Identifier: GPL-3.0-or-later
"""Mean and deviation that a run normalises with: its data's own, or those that belong to a checkpoint."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from blender_addon.shared.errors import BadFile
from blender_addon.shared.features import NUM_FEATURES
from blender_addon.shared.skeleton import SKELETON

Numbers = dict[str, np.ndarray]

SHAPES = {
    "mean": (NUM_FEATURES,),
    "std": (NUM_FEATURES,),
    "hint_mean": (SKELETON.num_joints, 3),
    "hint_std": (SKELETON.num_joints, 3),
}
_FILES = {"mean": "Mean.npy", "std": "Std.npy", "hint_mean": "Mean_raw.npy", "hint_std": "Std_raw.npy"}


def checked(numbers: Numbers, source: Path) -> Numbers:
    """``numbers`` as float32. Raises BadFile when one is missing, of another shape, not finite, or no deviation."""
    result = {}
    for name in SHAPES:
        if name not in numbers:
            if name in ("mean", "std"):
                raise BadFile(f"{source} holds no {name} of the features.", "Delete the file, or choose another.")
            continue
        array = np.asarray(numbers[name])
        if array.shape != SHAPES[name]:
            raise BadFile(
                f"The statistics '{name}' of {source} have the shape {array.shape}, not {SHAPES[name]}.",
                "Use the statistics of data with 263 features and 22 joints.",
            )
        array = array.astype(np.float32)
        if not np.isfinite(array).all() or (name.endswith("std") and not (array > 0).all()):
            raise BadFile(
                f"The statistics '{name}' of {source} have values that are not finite, or deviations of zero or less.",
                "Check that mean and deviation are not swapped, or use another file.",
            )
        result[name] = array
    return result


def read_npz(path: Path) -> Numbers:
    """Statistics of a run folder. Raises BadFile."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return checked({name: arrays[name] for name in arrays.files}, path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadFile(
            f"{path} cannot be read ({error}).", "Delete it; it will be computed again from the data."
        ) from error


def read_folder(folder: Path) -> Numbers:
    """Mean.npy and Std.npy, and where they are there Mean_raw.npy and Std_raw.npy, as the data set's makers ship them.

    Raises BadFile.
    """
    numbers = {}
    for name, file in _FILES.items():
        if (folder / file).is_file():
            try:
                numbers[name] = np.load(folder / file, allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise BadFile(f"{folder / file} cannot be read ({error}).", "Copy the file again.") from error
            if name.startswith("hint") and numbers[name].size == np.prod(SHAPES[name]):
                numbers[name] = numbers[name].reshape(SHAPES[name])
    return checked(numbers, folder)
