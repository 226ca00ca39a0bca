# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens over time: one timer, one request, callbacks. The only room with global state (one object each)."""
