# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a latent onto what was asked. Numbers only; knows no feet."""
