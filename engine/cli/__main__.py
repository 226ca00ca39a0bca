# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m engine.cli``: the gaitway command where it is not on the PATH."""

from . import main

main()
