# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise -> latent. A new sampler is a file with a function (networks, conditioning, noise) -> Iterator[latent], and a
row in ``sampler.SAMPLERS``.
"""

from .sampler import sample, timesteps_of

__all__ = ["sample", "timesteps_of"]
