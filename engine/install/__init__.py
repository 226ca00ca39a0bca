# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on this computer: the checks of ``gaitway doctor``, and the Blenders that the add-on goes into.

Looks and reports; the only thing it changes is the add-on inside a Blender, by Blender's own commands. The checks are
in ``install.doctor``, which is not imported here: it needs numpy, and ``gaitway --help`` does not wait for that.
"""

from .blenders import Blender, find_blenders, install
from .errors import InstallationError

__all__ = ["Blender", "InstallationError", "find_blenders", "install"]
