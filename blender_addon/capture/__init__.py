# SPDX-License-Identifier: GPL-3.0-or-later
"""Scene -> ControlSignal -> Generate. A new kind of control begins here."""
