# SPDX-License-Identifier: GPL-3.0-or-later
"""What several stages share: modules, latents, losses. Imports data and engine, never a stage."""
