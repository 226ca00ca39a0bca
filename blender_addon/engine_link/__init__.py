# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of the wire and the local process. No bpy: all of it runs under plain pytest."""
