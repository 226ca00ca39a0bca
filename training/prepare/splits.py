# SPDX-License-Identifier: GPL-3.0-or-later
"""Which take is for training, validation or test: the data set's own lists, or a hash of the take's name.

A hash does not change when takes are added, and gives all clips of a take, and the same take in another format, one
split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from .options import SPLITS


def split_takes(takes: Collection[str], shares: tuple[float, float, float]) -> dict[str, str]:
    """Take -> split by the hash of its name. A split that would be empty although it has a share gets the nearest take
    of the largest one, as long as that keeps one: small sets can be trained on too.
    """
    places = {take: _place(take) for take in sorted(takes)}
    total = sum(shares)
    splits = {take: _split_at(place * total, shares) for take, place in places.items()}
    for split, share in list(zip(SPLITS, shares, strict=True))[1:]:
        members = [take for take in splits if splits[take] == SPLITS[0]]
        if share > 0 and split not in splits.values() and len(members) > 1:
            splits[max(members, key=places.__getitem__)] = split
    return splits


def _place(take: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(take.encode()).digest()[:8], "big") / 2**64


def _split_at(place: float, shares: tuple[float, float, float]) -> str:
    return SPLITS[0] if place < shares[0] else SPLITS[1] if place < shares[0] + shares[1] else SPLITS[2]


def assign(takes: Collection[str], lists: Mapping[str, str], shares: tuple[float, float, float]) -> dict[str, str]:
    """Take -> split by ``lists`` where there are any (a take in none of them gets no split), else by hash."""
    return {take: lists[take] for take in takes if take in lists} if lists else split_takes(takes, shares)
