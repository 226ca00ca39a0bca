# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints -> joints that leave: patches joined, feet planted, bones constant, hints hit. The room for feet.

Masks of frames, each True where it says:

- ``frozen``: the frame is final; nothing in it changes.
- ``user_controlled`` (of joints), ``controlled`` (of feet): a control says where the joint is; it follows that.
- ``pinned``: a control has a foot on the floor for a frame or two; the stance around it has its position from there.
- ``known``: a stance's position is given in these of its frames, since they are frozen or pinned.
- ``in_contact``: the foot stands. A stance is an interval of such frames.
"""

from .finish import finish

__all__ = ["finish"]
