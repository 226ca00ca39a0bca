# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a path is walked faster than anybody was captured doing so.

Shapes: K clips.
"""

from __future__ import annotations

import numpy as np

from .library import Library
from .route import Way

LIKE = 0.45  # below the best score; such clips do the same, in other words, too
FASTEST_PERCENT = 90.0  # of clips and of frames
FASTER = 1.3  # than the fastest clips: by a faster tempo it is still done


def pace_notice(library: Library, scores: np.ndarray, way: Way) -> str:
    """What the user should know when ``way`` is faster than clips that fit the sentence, whose ``scores`` are (2, K);
    else nothing.
    """
    best = scores.max(0)
    like = np.asarray(library.facts.top_speed)[best > best.max() - LIKE]
    fastest, wanted = float(np.percentile(like, FASTEST_PERCENT)), way.fast_speed
    if wanted <= FASTER * fastest:
        return ""
    return (
        f"The path is faster ({wanted:.1f} m/s) than captured motion of this kind ({fastest:.1f} m/s), so steps may "
        "slide. Give the path more time, or write a faster way of going, such as 'runs'."
    )
