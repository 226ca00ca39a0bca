# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of users -> tracks, surroundings, motions. Every mistake in a file is a sentence with a remedy.

Knows file formats, nothing of models. ``safe_pickle`` is the only place that reads pickles.
"""

from .controls import FileTrack, read_track
from .ground import path_on_ground
from .motions import MotionFile, read_motions
from .surroundings import read_surroundings

__all__ = ["FileTrack", "MotionFile", "path_on_ground", "read_motions", "read_surroundings", "read_track"]
