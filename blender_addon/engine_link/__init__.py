# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of the wire and the local process. No bpy: all of it runs under plain pytest.

``session`` and ``client`` need zmq, and are imported where they are used: without it the add-on must still load, and
say what is missing.
"""

from .process import EngineProcess, clean_environment, find_command, find_connection, quiet_options
from .setup_check import INSTALL_COMMANDS, SetupCheck

__all__ = [
    "INSTALL_COMMANDS",
    "EngineProcess",
    "SetupCheck",
    "clean_environment",
    "find_command",
    "find_connection",
    "quiet_options",
]
