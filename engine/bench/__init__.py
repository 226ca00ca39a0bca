# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast, beside what."""
