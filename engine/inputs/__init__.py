# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of users -> tracks, surroundings, motions. Every mistake in a file is a sentence with a remedy.

Knows file formats, nothing of models. ``safe_pickle`` is the only place that reads pickles.
"""

from .controls import Track, read_track
from .motions import Motions, read_motions
from .surroundings import read_surroundings

__all__ = ["Motions", "Track", "read_motions", "read_surroundings", "read_track"]
