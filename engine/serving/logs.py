# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's log: one rotating file in the user's log folder. Tracebacks go there and nowhere else."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from blender_addon.shared.errors import BadFile

LOG_MAX_BYTES = 1_000_000
OLD_LOGS_KEPT = 3


def default_log_file() -> Path:
    """Where ``gaitway serve`` logs without ``--log-file``."""
    return platformdirs.user_log_path("gaitway", appauthor=False) / "engine.log"


def start_logging(log_file: Path | None = None) -> Path:
    """Send the engine's log to ``log_file`` and return its path. Raises BadFile if it cannot be written."""
    log_file = log_file or default_log_file()
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(log_file, maxBytes=LOG_MAX_BYTES, backupCount=OLD_LOGS_KEPT, encoding="utf-8")
    except OSError as error:
        raise BadFile(
            f"The log file {log_file} cannot be written: {error.strerror}.", "Choose another with --log-file."
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("engine")
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return log_file
