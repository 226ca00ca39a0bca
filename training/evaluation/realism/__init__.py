# SPDX-License-Identifier: GPL-3.0-or-later
"""How like captured motion the engine's motion is, beside captured motion itself and what is simplest to do.

``python -m training.evaluate --parts realism``. Every row and table is one of ``part.PIECES``; each can be left out.
"""
