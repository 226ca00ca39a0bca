# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses -> F-curves of an Action and nothing else of the file."""

from .apply import AppliedMotion, apply_motion
from .plan import Plan, plan_motion

__all__ = ["AppliedMotion", "Plan", "apply_motion", "plan_motion"]
