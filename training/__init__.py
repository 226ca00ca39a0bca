# SPDX-License-Identifier: GPL-3.0-or-later
"""The four training stages and their evaluation: motion VAE, latent diffusion, consistency distillation, ControlNet."""

import engine  # noqa: F401  (before numpy: it says how many threads that may use)
