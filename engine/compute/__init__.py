# SPDX-License-Identifier: GPL-3.0-or-later
"""Device, precision, threads, how matrices are multiplied. Bytes must stay the same."""
