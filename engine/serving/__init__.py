# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes, turns, threads, keys: the engine as a server. It knows nothing of motion and imports no torch, so that the
port is open before the model loads; what it runs is whatever has the three methods of :class:`job.ServedPipeline`.
"""

from .job import ServedPipeline
from .logs import default_log_file, start_logging
from .server import Server, serve

__all__ = ["ServedPipeline", "Server", "default_log_file", "serve", "start_logging"]
