# SPDX-License-Identifier: GPL-3.0-or-later
"""One tree of errors that a person may meet: what happened (``message``) and what to do about it (``hint``).

``code`` travels on the wire, so that the add-on can rebuild the error that the engine raised.
"""

from __future__ import annotations

from typing import ClassVar


class GaitwayError(Exception):
    """Anything Gaitway reports to its user. ``message`` says what happened, ``hint`` what to do; both are full
    sentences.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadRequest(GaitwayError):
    """A request that cannot be run as it is: empty prompt, a length out of range, an unknown option."""

    code = "bad_request"


class BadControl(GaitwayError):
    """A control signal that cannot be followed: not finite, out of range, an unknown joint."""

    code = "bad_control"


class BadFile(GaitwayError):
    """A file of the user's that cannot be read for what it should be."""

    code = "bad_file"


class BadCheckpoint(GaitwayError):
    """Model weights that are missing, truncated, of another kind, or unsafe to load."""

    code = "bad_checkpoint"


class TextEncoderError(GaitwayError):
    """The sentence encoder is missing or does not fit the model."""

    code = "text_encoder"


class DeviceError(GaitwayError):
    """The asked device is not there or cannot do what is asked of it."""

    code = "device"


class ExportError(GaitwayError):
    """A result could not be written."""

    code = "export"


class EngineUnavailable(GaitwayError):
    """The engine is not running, has died, or does not answer."""

    code = "engine_unavailable"


class EngineBusy(GaitwayError):
    """The engine has as many clients or requests as it admits."""

    code = "engine_busy"


class Cancelled(GaitwayError):
    """The request was cancelled by its client, or replaced by a newer one."""

    code = "cancelled"


class ProtocolError(GaitwayError):
    """Bytes that are not a message of this protocol, or a message of another version of it."""

    code = "protocol"


class RetargetError(GaitwayError):
    """The motion cannot be put onto the chosen armature."""

    code = "retarget"


def error_from_code(code: str, message: str, hint: str = "") -> GaitwayError:
    """Rebuild the error that was sent as ``code``; an unknown code gives a plain :class:`GaitwayError`."""
    for kind in GaitwayError.__subclasses__():
        if kind.code == code:
            return kind(message, hint)
    return GaitwayError(message, hint)
