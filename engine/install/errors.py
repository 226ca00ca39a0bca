# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of an installation."""

from __future__ import annotations

from blender_addon.shared.errors import GaitwayError


class InstallationError(GaitwayError):
    """Something is missing on this computer or does not fit, or the add-on could not be installed into a Blender."""

    code = "installation"
