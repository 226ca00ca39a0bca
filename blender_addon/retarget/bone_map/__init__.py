# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint. A new rig family is one new file in tables/ and one line; no logic."""
