# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks on disk and in memory; safe loading only. Touch for file formats, and for what a model consists of."""

from .folder import (
    CARD,
    EMBEDDED,
    import_published,
    load,
    load_default,
    load_folder,
    load_published,
    save_folder,
    verify_folder,
)
from .networks import Networks, Statistics, build_networks, empty_networks
from .published import read_evaluator_tensors, read_tensors

__all__ = [
    "CARD",
    "EMBEDDED",
    "Networks",
    "Statistics",
    "build_networks",
    "empty_networks",
    "import_published",
    "load",
    "load_default",
    "load_folder",
    "load_published",
    "read_evaluator_tensors",
    "read_tensors",
    "save_folder",
    "verify_folder",
]
