# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of an installation, each with what was found and, where something is wrong, what to do.

A check is a function that returns a sentence, or raises a GaitwayError whose hint is the remedy; nothing is repaired
here.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from blender_addon.shared.connection import Connection, default_connection_path, read_connection
from blender_addon.shared.errors import DeviceError, EngineUnavailable, GaitwayError

from .errors import InstallationError

DISTRIBUTION = "gaitway"
_NEEDED_DISK_MB = 500
_PING_TIMEOUT_MS = 2000


@dataclass(frozen=True)
class Check:
    """One finding; ``remedy`` says what to do where ``ok`` is false."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(checkpoint: Path | None = None, device: str = "auto") -> Iterator[Check]:
    """Run every check in turn; a failed one does not stop the others."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Python", _python),
        ("Packages", _packages),
        ("Device", partial(_device, device)),
        ("Model", partial(_model, checkpoint)),
        ("Text encoder", partial(_text_encoder, checkpoint)),
        ("Generation", partial(_generation, checkpoint, device)),
        ("Port", _port),
        ("Engine", _engine),
        ("Log", _log),
        ("Disk", _disk),
    ]
    for name, check in checks:
        yield _run(name, check)


def _run(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except GaitwayError as error:
        return Check(name, False, error.message, error.hint)
    except ImportError as error:
        return Check(name, False, f"{error}.", "Install Gaitway again: pip install --force-reinstall gaitway")
    except Exception as error:  # a check that crashes is a finding too, and must not hide those after it
        return Check(name, False, f"{type(error).__name__}: {error}", "Please report this line.")


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise InstallationError(
            f"This is Python {version}.", "Create a virtual environment with Python 3.11, 3.12 or 3.13."
        )
    return f"{version} at {sys.executable}"


def _packages() -> str:
    """Versions of the required packages, compared with the ranges in Gaitway's own metadata."""
    from packaging.requirements import Requirement

    try:
        texts = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        raise InstallationError(
            "Gaitway itself is not installed in this Python.", "Run in its folder: pip install -e ."
        ) from None
    found, wrong = [], []
    for requirement in map(Requirement, texts):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        found.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, but {requirement.specifier} is required")
    if wrong:
        raise InstallationError("; ".join(wrong) + ".", f"Run: pip install --upgrade {DISTRIBUTION}")
    return ", ".join(found)


def _device(name: str) -> str:
    import torch

    from ..compute.device import pick_device, pick_dtype, pin_threads

    device = pick_device(name)
    dtype = pick_dtype(device)
    square = torch.eye(64, device=device, dtype=dtype)
    if float((square @ square).sum()) != 64.0:
        raise DeviceError(
            f"{device} computes wrong results.", "Use --device cpu, and update the driver of the graphics card."
        )
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{pin_threads()} threads"
    return f"{device} ({kind}), {str(dtype).removeprefix('torch.')}, torch {torch.__version__}"


def _folder(checkpoint: Path | None) -> Path:
    from ..checkpoints.folder import EMBEDDED

    return checkpoint or EMBEDDED


def _model(checkpoint: Path | None) -> str:
    from ..checkpoints.folder import load_folder, verify_folder

    folder = _folder(checkpoint)
    model_hash = verify_folder(folder)
    return f"{load_folder(folder).config.name}, files match their checksums ({model_hash[:12]}), {folder}"


def _text_encoder(checkpoint: Path | None) -> str:
    """Encode a sentence without the cache of earlier prompts, which would hide a missing encoder."""
    from ..checkpoints.folder import load_folder
    from ..models.text_encoder import load_text_encoder

    config = load_folder(_folder(checkpoint)).config
    with tempfile.TemporaryDirectory(prefix="gaitway-") as cache:
        encoder = load_text_encoder(config.text_encoder, config.text_width, "cpu", Path(cache))
        width = encoder.encode(["a person walks"]).shape[-1]
    return f"{config.text_encoder}, {width} wide"


def _generation(checkpoint: Path | None, device: str) -> str:
    import numpy as np

    from blender_addon.shared.control import ControlSignal
    from blender_addon.shared.protocol import Generate, PromptBlock, Result

    from ..pipeline import Pipeline
    from ..report import TOTAL

    pipeline = Pipeline.load(checkpoint, device=device)
    welcome = pipeline.describe()
    frames = min(max(60, welcome.min_frames), welcome.max_frames)
    signal = ControlSignal.empty(frames)
    block = PromptBlock("a person walks forward", 0, frames)
    *_, result = pipeline.generate(Generate("doctor", (block,), frames, signal.hint, signal.hint_mask))
    if not isinstance(result, Result) or not np.isfinite(result.joints).all():
        raise DeviceError(f"The motion generated on {welcome.device} is not finite.", "Try --device cpu.")
    return f"{frames} frames in {result.timing[TOTAL]:.2f} s on {welcome.device}"


def _port() -> str:
    import zmq

    if not zmq.has("curve"):
        raise InstallationError(
            "This build of ZeroMQ has no encryption (CURVE).",
            "Run: pip install --force-reinstall --only-binary :all: pyzmq",
        )
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        try:
            port = router.bind_to_random_port("tcp://127.0.0.1")
        except zmq.ZMQError as error:
            raise EngineUnavailable(
                f"No port can be opened on this machine: {error.strerror}.",
                "Allow Python in the firewall or security software for 127.0.0.1; no other computer is contacted.",
            ) from None
    return f"can be opened (tried {port}), ZeroMQ {zmq.zmq_version()} with encryption"


def _engine() -> str:
    """Whether a running engine answers; it is no error if none runs."""
    path = default_connection_path()
    if not path.exists():
        return "none is running; Blender starts one, or use: gaitway serve"
    connection = read_connection(path)
    if not _answers(connection):
        raise EngineUnavailable(
            f"The engine at {connection.address} (process {connection.pid}) does not answer.",
            f"End that process and start the engine again. If it does not exist, delete {path}.",
        )
    return f"{connection.engine_version} answers at {connection.address} (process {connection.pid})"


def _answers(connection: Connection) -> bool:
    import zmq

    from blender_addon.shared.protocol import Ping, Pong, decode, encode

    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.curve_serverkey = connection.server_public_key.encode()
        dealer.curve_publickey = connection.client_public_key.encode()
        dealer.curve_secretkey = connection.client_secret_key.encode()
        dealer.connect(connection.address)
        dealer.send(encode(Ping(1)))
        return bool(dealer.poll(_PING_TIMEOUT_MS)) and isinstance(decode(dealer.recv()), Pong)


def _log() -> str:
    from ..serving.logs import default_log_file

    path = default_log_file()
    folder = next(parent for parent in path.parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InstallationError(
            f"Nothing can be written to {folder}: {error.strerror}.", "Choose another folder with --log-file."
        ) from None
    return str(path)


def _disk() -> str:
    folders = {Path.cwd(), Path(tempfile.gettempdir()), Path.home()}
    for folder in sorted(folder for folder in folders if folder.exists()):
        free = shutil.disk_usage(folder).free // 2**20
        if free < _NEEDED_DISK_MB:
            raise InstallationError(
                f"{folder} has {free} MB left.", f"Free some space: {_NEEDED_DISK_MB} MB are needed."
            )
    return f"{shutil.disk_usage(Path.cwd()).free / 2**30:.1f} GB free here"
