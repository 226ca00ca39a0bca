# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's armature as data: what it is, how large, what may be keyed."""
