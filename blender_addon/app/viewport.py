# SPDX-License-Identifier: GPL-3.0-or-later
"""What the viewport shows of the present: the overlay, and the observer that keeps it true to the take shown."""

from __future__ import annotations

from ..viewport.overlay import Overlay
from ..viewport.take_observer import TakeObserver

OVERLAY = Overlay()
TAKE_OBSERVER = TakeObserver(OVERLAY)
