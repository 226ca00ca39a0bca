# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on this computer: checks and Blenders."""
