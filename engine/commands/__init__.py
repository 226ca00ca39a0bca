# SPDX-License-Identifier: GPL-3.0-or-later
"""What the subcommands of ``gaitway`` do; ``engine.cli`` holds their options and calls one function of these each."""
