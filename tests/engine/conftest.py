# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine's tests share: the numeric fixtures of reduced-size networks, and a tiny model of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.checkpoints.folder import Networks, Statistics, build_networks, load_published
from engine.models.config import ModelConfig

Fixture = dict[str, Tensor]


@pytest.fixture(scope="session")
def reference(shared_dir: Path) -> Callable[[str], Fixture]:
    """Read an array file of the numeric fixtures as tensors."""

    def read(name: str) -> Fixture:
        with np.load(shared_dir / "fixtures" / f"{name}.npz") as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}

    return read


@pytest.fixture(scope="session")
def reference_networks(shared_dir: Path) -> Networks:
    """The reduced-size V1 control model that belongs to the numeric fixtures."""
    return load_published(shared_dir / "fixtures" / "v1_control_t.safetensors")


TINY_V2 = ModelConfig(
    name="tiny-v2",
    variant="v2",
    kind="lcm",
    num_latent_tokens=4,
    latent_width=8,
    hidden_width=16,
    feedforward_width=32,
    num_layers=3,
    num_heads=2,
    text_width=12,
    time_width=16,
    guidance_width=8,
    control_embedding_width=10,
    original_inference_steps=10,
    timesteps_map={1: (799,), 2: (699, 299), 4: (699, 399, 299, 299)},
    guidance_scales={1: 8.0, 2: 12.5, 4: 13.5},
)
"""Small enough to build in a moment; every part of the published V2 layout is there."""


def tiny_networks(config: ModelConfig = TINY_V2, seed: int = 0) -> Networks:
    """Networks with noise in every weight, the zero-initialised ones too, and made-up statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = build_networks(config)
        with torch.no_grad():
            for part in networks.parts.values():
                for parameter in part.parameters():
                    parameter.add_(0.05 * torch.randn_like(parameter))
    random = np.random.default_rng(seed)
    networks.statistics = Statistics(
        random.normal(size=config.num_features).astype(np.float32),
        random.uniform(0.5, 2.0, config.num_features).astype(np.float32),
        random.normal(size=(config.num_joints, 3)).astype(np.float32),
        random.uniform(0.5, 2.0, (config.num_joints, 3)).astype(np.float32),
    )
    return networks.eval()


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder as sentence-t5-large's: T5 encoder (16 wide), mean, Dense 16 -> 12, normalise."""
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    folder = tmp_path_factory.mktemp("encoders") / "sentence-t5-tiny"
    words = ["<pad>", "</s>", "<unk>", "a", "person", "walks", "jumps", "and", "waves"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = T5Config(vocab_size=len(words), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
        T5EncoderModel(config).save_pretrained(folder)
        dense = torch.randn(12, 16)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense", "3_Normalize": "Normalize"}
    modules = [{"path": p, "type": f"sentence_transformers.models.{kind}"} for p, kind in kinds.items()]
    for name, content in {
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": 8},
        "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True},
        "2_Dense/config.json": {
            "in_features": 16,
            "out_features": 12,
            "bias": False,
            "activation_function": "torch.nn.modules.linear.Identity",
        },
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    save_file({"linear.weight": dense}, folder / "2_Dense" / "model.safetensors")
    return folder
