# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn over the scene; computes before, only draws when drawing."""
