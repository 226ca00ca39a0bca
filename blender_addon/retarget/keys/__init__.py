# SPDX-License-Identifier: GPL-3.0-or-later
"""A key a frame -> few keys within a bound. Numbers in, numbers out."""
