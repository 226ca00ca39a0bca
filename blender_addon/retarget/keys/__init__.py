# SPDX-License-Identifier: GPL-3.0-or-later
"""A key a frame -> few keys within a bound. Numbers in, numbers out."""

from .reduce import Bound
from .spline_fit import Channel, Curve, Spacing

__all__ = ["Bound", "Channel", "Curve", "Spacing"]
