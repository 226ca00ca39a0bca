# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured motion behind the model: which clips say what a sentence asks for, and how they come to go along a path.

The room for what is found and how it is joined and bent. Numpy only; no network, no torch. A sentence's scores are made
in ``sentences.py``; :func:`find` is the one way from them to a motion, which still has to be finished.
"""

from .found import FoundMotion, FoundPart, find
from .library import SHIPPED, Library
from .route import Route, Start
from .scores import ClipScores

__all__ = ["SHIPPED", "ClipScores", "FoundMotion", "FoundPart", "Library", "Route", "Start", "find"]
