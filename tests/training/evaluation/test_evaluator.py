# SPDX-License-Identifier: GPL-3.0-or-later
"""The published evaluators' layout, loading them and ours, and whether ours learns to tell motions apart."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from blender_addon.shared.errors import BadCheckpoint, BadFile, BadRequest
from blender_addon.shared.features import JOINT_VELOCITIES, canonicalize, joints_to_features
from training.data.augment import NO_VARIANTS
from training.evaluation import evaluator
from training.evaluation.evaluator import OWN_LABEL, PUBLISHED_LABEL, load_evaluator, say_the_same
from training.evaluation.evaluator_networks import OwnEvaluator, PublishedEvaluator, contrastive_loss
from training.recipes import DEBUG
from training.runs.command_line import open_run

from ...shared.test_features import walking

SMALL = {"movement": 8, "motion": 12, "text": 6, "width": 5}


@pytest.fixture
def small_published():
    torch.manual_seed(3)
    return PublishedEvaluator(**SMALL).eval()


def write_statistics(folder, size=263):
    folder.mkdir(exist_ok=True)
    np.save(folder / "Mean.npy", np.full(size, 0.5, np.float32))
    np.save(folder / "Std.npy", np.full(size, 2.0, np.float32))
    return folder


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_names_and_shapes_are_the_published_ones(shared_dir, version):
    listing = shared_dir / "design" / f"state_dict_{version}.txt"
    if not listing.is_file():
        pytest.skip("needs the list of published tensors")
    rows = [line.split("\t") for line in listing.read_text().splitlines() if line.startswith("t2m_")]
    published = {key: tuple(json.loads(shape)) for key, shape, _ in rows}
    with torch.device("meta"):
        own = PublishedEvaluator().state_dict()
    assert {key: tuple(value.shape) for key, value in own.items()} == published
    assert len(own) == 42 and sum(value.numel() for value in own.values()) == 21_690_560


def test_a_movement_is_four_frames_and_contacts_are_not_seen(small_published):
    features = torch.randn(2, 40, 263)
    assert small_published.t2m_moveencoder(features[..., :-4]).shape == (2, 10, 8)
    lengths = torch.tensor([40, 23])
    embedded = small_published.embed_motion(features, lengths)
    assert embedded.shape == (2, 5)
    other = features.clone()
    other[..., -4:] += 9
    assert torch.equal(small_published.embed_motion(other, lengths), embedded)
    other[..., 0] += 9
    assert not torch.allclose(small_published.embed_motion(other, lengths), embedded)


def test_order_and_padding_of_a_batch_do_not_matter(small_published):
    features, lengths = torch.randn(3, 40, 263), torch.tensor([17, 40, 28])
    together = small_published.embed_motion(features, lengths)
    turned = small_published.embed_motion(features.flip(0), lengths.flip(0)).flip(0)
    torch.testing.assert_close(turned, together)
    far = features.clone()
    far[0, 20:] = 50.0  # the last of its four movements reads frames up to 18
    torch.testing.assert_close(small_published.embed_motion(far, lengths)[0], together[0])
    words, tags = torch.randn(2, 9, 300), torch.randn(2, 9, 15)
    sentence = small_published.embed_words(words, tags, torch.tensor([4, 9]))
    alone = small_published.embed_words(words[:1, :4], tags[:1, :4], torch.tensor([4]))
    torch.testing.assert_close(sentence[:1], alone)


def test_the_recurrent_encoder_is_two_grus_from_a_learned_state(small_published):
    """Written out step by step for one sequence of three words."""
    net = small_published.t2m_textencoder
    words, tags = torch.randn(1, 3, 300), torch.randn(1, 3, 15)
    x = net.input_emb(words + net.pos_emb(tags))[0]
    ends = []
    for way, steps in (("", (0, 1, 2)), ("_reverse", (2, 1, 0))):
        w_i, w_h, b_i, b_h = (
            getattr(net.gru, f"{n}_l0{way}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        state = net.hidden[len(ends), 0]
        for step in steps:
            (ri, zi, ni), (rh, zh, nh) = (w_i @ x[step] + b_i).chunk(3), (w_h @ state + b_h).chunk(3)
            reset, update = torch.sigmoid(ri + rh), torch.sigmoid(zi + zh)
            state = (1 - update) * torch.tanh(ni + reset * nh) + update * state
        ends.append(state)
    expected = net.output_net(torch.cat(ends))
    torch.testing.assert_close(small_published.embed_words(words, tags, torch.tensor([3]))[0], expected)


def test_too_short_a_motion_is_told(small_published):
    with pytest.raises(BadRequest, match="too short"):
        small_published.embed_motion(torch.zeros(1, 8, 263), torch.tensor([3]))


@pytest.mark.parametrize("form", ["checkpoint", "safetensors", "parts"])
def test_published_weights_load_from_a_checkpoint_or_their_own_file(small_published, tmp_path, form):
    state = small_published.state_dict()
    if form == "checkpoint":
        file = tmp_path / "model.ckpt"
        torch.save({"state_dict": {**state, "vae.global_motion_token": torch.zeros(2, 4)}}, file)
    elif form == "safetensors":
        from safetensors.torch import save_file

        file = tmp_path / "model.safetensors"
        save_file(state, file)
    else:
        file = tmp_path / "finest.tar"
        parts = {"text_encoder": "t2m_textencoder", "movement_encoder": "t2m_moveencoder",
                 "motion_encoder": "t2m_motionencoder"}  # fmt: skip
        nested = {part: getattr(small_published, name).state_dict() for part, name in parts.items()}
        torch.save({**nested, "epoch": 3}, file)
    loaded = load_evaluator(file, write_statistics(tmp_path / "statistics"))
    assert loaded.label == PUBLISHED_LABEL and loaded.embed(["a man walks"]) is None
    features = torch.randn(2, 24, 263)
    expected = small_published.embed_motion((features - 0.5) / 2.0, torch.tensor([24, 20]))
    np.testing.assert_allclose(loaded.embed_motions(features, [24, 20]), expected.detach(), atol=1e-6)


def test_captions_by_the_words_that_the_user_gives(small_published, tmp_path):
    torch.save({"state_dict": small_published.state_dict()}, tmp_path / "model.ckpt")
    words, tags = np.random.default_rng(0).normal(size=(2, 6, 300)), np.zeros((2, 6, 15))
    np.savez(tmp_path / "words.npz", texts=["a man walks", "he runs"], words=words, tags=tags, lengths=[3, 2])
    loaded = load_evaluator(tmp_path / "model.ckpt", write_statistics(tmp_path / "s"), tmp_path / "words.npz")
    got = loaded.embed(["he runs"])
    words, tags = (torch.from_numpy(value[1:, :2]).float() for value in (words, tags))
    expected = small_published.embed_words(words, tags, torch.tensor([2])).detach()
    np.testing.assert_allclose(got, expected, atol=1e-6)
    with pytest.raises(BadFile, match="no words for the caption 'he flies'"):
        loaded.embed(["he flies"])


def test_what_does_not_fit_is_told(small_published, tmp_path):
    state = small_published.state_dict()
    torch.save({"state_dict": state}, tmp_path / "model.ckpt")
    with pytest.raises(BadFile, match="needs the statistics"):
        load_evaluator(tmp_path / "model.ckpt")
    with pytest.raises(BadFile, match="are not 263 means"):
        load_evaluator(tmp_path / "model.ckpt", write_statistics(tmp_path / "wrong", 251))
    torch.save({"state_dict": {"vae.x": torch.zeros(2)}}, tmp_path / "none.ckpt")
    with pytest.raises(BadCheckpoint, match="contains no evaluator"):
        load_evaluator(tmp_path / "none.ckpt")
    del state["t2m_textencoder.pos_emb.bias"]
    torch.save({"state_dict": state}, tmp_path / "cut.ckpt")
    with pytest.raises(BadCheckpoint, match="do not fit"):
        load_evaluator(tmp_path / "cut.ckpt", write_statistics(tmp_path / "s"))
    (tmp_path / "evaluator.safetensors").write_bytes(b"nonsense")
    with pytest.raises(BadCheckpoint, match="damaged"):
        load_evaluator(tmp_path / "evaluator.safetensors")


def test_contrastive_loss_of_orthogonal_pairs():
    pairs = torch.eye(5)
    none = torch.eye(5, dtype=torch.bool)
    terms = contrastive_loss(pairs, pairs, none, 0.5)
    assert float(terms["loss"]) == pytest.approx(math.log(1 + 4 * math.exp(-2)))
    assert float(terms["loss"]) == pytest.approx(2 * float(terms["motion_to_text"]))
    twins = pairs.clone()
    twins[1] = twins[0]  # the same motion twice, with texts that say the same
    same = none.clone()
    same[0, 1] = same[1, 0] = True
    known, unknown = (float(contrastive_loss(twins, twins, s, 0.5)["loss"]) for s in (same, none))
    assert known < unknown
    gradient = torch.eye(5, requires_grad=True)
    contrastive_loss(gradient, pairs, same, torch.tensor(0.5))["loss"].backward()
    assert torch.isfinite(gradient.grad).all()


@pytest.fixture(scope="module")
def speeds_data(tmp_path_factory):
    """Eight ways to move, each said in its own words, in a train and a val clip of different lengths."""
    folder = tmp_path_factory.mktemp("speeds")
    ways = ("stands", "creeps", "walks", "hurries", "runs", "slides left", "slides right", "walks backward")
    drifts = ((0, 0), (0, 0.3), (0, 1.2), (0, 2.2), (0, 4), (1.5, 0), (-1.5, 0), (0, -1))
    clips, lines = [], []
    for split, frames in (("train", 60), ("val", 48)):
        for way, drift in zip(ways, drifts, strict=True):
            still = canonicalize(walking(frames))
            still -= still[:, :1] * [1, 0, 1]
            moved = still + (np.arange(frames)[:, None, None] / 20) * np.array([drift[0], 0, drift[1]])
            clips.append(np.round(moved / 0.00025).astype(np.int16))
            captions = [{"text": f"a person {way}", "kind": "index"}]
            lines.append({"id": f"{split} {way}", "split": split, "weak": False, "captions": captions})
    offsets = np.cumsum([0, *map(len, clips)])
    ids = np.array([line["id"] for line in lines])
    np.savez(folder / "clips.npz", pos=np.concatenate(clips), unit=0.00025, offset=offsets, ids=ids)
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_our_evaluator_learns_is_kept_and_says_what_it_is(speeds_data, tmp_path):
    stage = dataclasses.replace(DEBUG.evaluator, min_frames=32, max_frames=48, learning_rate=3e-3)
    run = open_run(dataclasses.replace(DEBUG, evaluator=stage, variants=NO_VARIANTS), speeds_data, tmp_path / "run")
    trained = evaluator.train(run)
    last = json.loads((run.folder / "evaluator_log.jsonl").read_text().splitlines()[-1])
    assert last["val/chance_top1"] == pytest.approx(1 / 8)
    assert last["val/top1"] >= 0.5 and last["val/top3"] >= 0.75  # four times chance, twice chance
    loaded = load_evaluator(run.folder / evaluator.FILE)
    assert loaded.label == OWN_LABEL and "not comparable with published figures" in loaded.label
    clip = run.clips["val"][3]
    features = torch.from_numpy(clip.features)[None]
    mean, std = run.statistics
    with torch.no_grad():
        expected = trained.embed_motion((features - mean) / std, torch.tensor([clip.num_frames]))
    np.testing.assert_allclose(loaded.embed_motions(features, [clip.num_frames]), expected, atol=1e-6)
    text = loaded.embed([clip.captions[0]])
    assert text.shape == expected.shape and np.linalg.norm(text) == pytest.approx(1, abs=1e-5)


def test_captions_of_one_clip_say_the_same(speeds_data, tmp_path):
    run = open_run(dataclasses.replace(DEBUG, variants=NO_VARIANTS), speeds_data, tmp_path / "run")
    clips = [dataclasses.replace(run.clips["train"][0], captions=("a person runs", "a person creeps"))]
    same = say_the_same(clips, run.texts)
    runs, creeps, walks = (run.texts.index(f"a person {w}") for w in ("runs", "creeps", "walks"))
    assert same[runs, creeps] and same[creeps, runs] and same[walks, walks] and not same[walks, runs]


def test_our_evaluator_sees_features_in_its_own_statistics():
    network = OwnEvaluator(263, 16, 8, 4).eval()
    assert {"mean", "std"} <= set(network.state_dict())
    moving = joints_to_features(canonicalize(walking(41)).astype(np.float32))
    changed = moving.copy()
    changed[:, JOINT_VELOCITIES] *= 3
    both = torch.from_numpy(np.stack([moving, changed])).float()
    with torch.no_grad():
        embedded = network.embed_motion(both, torch.tensor([40, 40]))
    assert not torch.allclose(embedded[0], embedded[1])
    torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(2))
