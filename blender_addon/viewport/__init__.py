# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn over the scene: computed while there is time (``shapes``, numpy only), only drawn while drawing
(``overlay``), and kept true to the take that is shown (``take_observer``). A new layer is a function in ``shapes`` and
a row in ``overlay``. No state of its own: ``app`` holds the one overlay and the one observer.
"""
