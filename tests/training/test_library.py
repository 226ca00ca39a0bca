# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of the library."""

from tests.engine.library.made import library
from training.library import card


def test_the_card_names_the_terms_of_what_is_in_it():
    text = card(library(), {"val": 7.5})
    assert "The database was created with funding from NSF EIA-0196217." in text and "not be resold" in text
    assert "4 clips" in text and "val 7.5 mm" in text and "MIT" not in text
