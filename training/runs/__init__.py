# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: folder, recipe, command line, fine-tuning."""
