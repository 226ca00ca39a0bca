# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of users -> controls, scenes, motions. Every mistake is a sentence with a remedy."""
