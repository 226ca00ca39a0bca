# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks on disk and in memory; safe loading only."""
