# SPDX-License-Identifier: GPL-3.0-or-later
"""Scene -> ControlSignal -> Generate: reads, changes nothing. A new kind of control begins in ``kinds.py``.

For others: ``capture`` (:class:`~.capture.CapturedScene`, :func:`~.capture.read_scene`), ``request`` (what is sent to
the engine), ``changes`` (whether something moved), ``timing.scene_fps``, ``obstacles`` and ``tracks.Track``. This file
imports nothing, since ``facing``, ``pace``, ``paths``, ``prompts`` and ``stroke`` run without bpy.
"""
