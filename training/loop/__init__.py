# SPDX-License-Identifier: GPL-3.0-or-later
"""The one loop: processes, accumulation, EMA, checkpoints, log. Knows no motion."""
