# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of held-out motion: pure functions in ``metrics``, a row each in ``metric_table``, tables and pages above.

A new metric is a function and its row: report, JSON and charts follow.
"""

from . import evaluator_networks, metrics

__all__ = ["evaluator_networks", "metrics"]
