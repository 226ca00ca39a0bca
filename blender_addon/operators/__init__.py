# SPDX-License-Identifier: GPL-3.0-or-later
"""One class per button: gather what the scene says, make one call, report."""
