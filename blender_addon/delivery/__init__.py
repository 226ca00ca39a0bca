# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's result -> keys, takes, measured error, one undo step.

How a result is keyed is decided here and nowhere else: ``deliver.deliver`` does it all, ``observe.observe`` measures a
motion on the rig, ``report.report`` puts it in words, ``options`` are the scene's settings for keying.
"""
