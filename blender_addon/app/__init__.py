# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens over time: one timer, one request, callbacks. The only room with global state, one object each.

They know each other in this order, and each changes another only by its methods: engine, viewport, generation, live,
timer, handlers. A new thing that goes on over time is one object here and one line in ``Timer.tick``.
"""

from .engine import ENGINE
from .generation import GENERATION
from .live import LIVE
from .setup_timer import SETUP_CHECK, recheck_setup, recheck_soon
from .timer import TIMER, tick
from .viewport import OVERLAY, TAKE_OBSERVER

__all__ = [
    "ENGINE",
    "GENERATION",
    "LIVE",
    "OVERLAY",
    "SETUP_CHECK",
    "TAKE_OBSERVER",
    "TIMER",
    "recheck_setup",
    "recheck_soon",
    "tick",
]
