# SPDX-License-Identifier: GPL-3.0-or-later
"""What leads joints: the list of controls, drawing paths, pins."""
