# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract between the add-on and the engine: skeleton, features, control, axes, messages, errors.

Imports the standard library, numpy and msgpack only, so that Blender, the engine and the training all use this one
definition.
"""
