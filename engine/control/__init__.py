# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a latent onto what is requested. Numbers only; knows no feet. A new kind of goal is a residual in ``goals``."""

from .latent_tuning import correlation, tune_latent
from .refine import can_refine, refine

__all__ = ["can_refine", "correlation", "refine", "tune_latent"]
