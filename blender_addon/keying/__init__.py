# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses -> F-curves of an Action and nothing else of the file."""

from .apply import AppliedMotion, Plan, apply_motion

__all__ = ["AppliedMotion", "Plan", "apply_motion"]
