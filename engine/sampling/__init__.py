# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise -> latent. A sampler is a function (networks, conditioning, noise) -> Iterator[latent]; a new one is one new function in one file."""
