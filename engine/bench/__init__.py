# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the engine is, and compared with what. It only calls the pipeline, never a part of it.

``bench`` measures requests and a cold start, ``measure`` a stage and the machine, ``reference_times`` compares.
Nothing is imported here: the process whose cold start is timed would pay for it.
"""
