"""Reviews: what is hidden, what is unseen, what the product refuses, and what the rule of C6.1 decides."""
import copy

import pytest
import torch

from labkit.applications import reviews
from labkit.claims import ch06
from labkit.claims.ch06.language import pretraining
from labkit.claims.rules import HOLDS, IN_PART, NOT
from labkit.evaluation import evaluate
from labkit.settings import SettingError


@pytest.fixture(scope="module")
def data():
    return reviews.load()


def test_training_reviews_are_not_held_out_ones_with_other_punctuation(data):
    def plain(split):
        return {"".join(filter(str.isalnum, data.tokenizer.decode(row))) for row in split.inputs}
    assert not plain(data.train) & plain(data.test) - {""}
    assert len(data.train) > 13_800


def test_hide_names_two_of_sixteen_and_leaves_the_rest(data):
    tokens, mask = torch.randint(2, 500, (4000, 16), generator=torch.Generator().manual_seed(1)), 500
    split = reviews.hide(tokens, mask, torch.Generator().manual_seed(0))
    shown, places = split.inputs.split([16, 2], dim=1)
    assert torch.equal(tokens.gather(1, places), split.targets)
    others = torch.ones_like(tokens, dtype=torch.bool).scatter(1, places, False)
    assert torch.equal(shown[others], tokens[others])
    assert (shown == mask).sum() / places.numel() == pytest.approx(0.8, abs=0.02)
    assert (shown.gather(1, places) == split.targets).float().mean() == pytest.approx(0.1, abs=0.02)


def test_pretraining_learns_and_its_encoder_takes_labels(data):
    short, long = reviews.pretrain(data.first(train=200, validation=60), 30, 3, threads=1)
    losses = short.history["train_loss"]
    assert losses[-5:].mean() < losses[:5].mean() and long.model is short.model and long.model.length == 64
    run = reviews.fine_tune(copy.deepcopy(long.model.encoder), reviews.few(data, 50, validation=60), 6, 1e-3, threads=1)
    assert 0 < evaluate(run.model, data.test.first(100)).accuracy < 1


def test_the_same_seed_gives_the_same_labels(data):
    first, again, other = (reviews.few(data, 50, seed).train.inputs for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    with pytest.raises(SettingError, match="labels"):
        reviews.few(data, 1)


def test_a_bag_of_characters_beats_chance(data):
    assert reviews.BagOfCharacters(reviews.few(data, 1000), 0.3).accuracy(data.test) > 0.68


@pytest.mark.parametrize("text", ["", " \n", "好" * 10_000, None, "\u0f00\u0f01"])
def test_classify_refuses(data, text):
    with pytest.raises(SettingError, match="text"):
        reviews.Classifier(reviews.encoder(data), data)(text)


def test_classify_reads_all_of_a_long_text(data):
    classify = reviews.Classifier(reviews.encoder(data), data)
    answer = classify("好" * 64 + "差" * 64)
    pieces = [classify(text * 64) for text in "好差"]
    positive = [found["probability"] if found["class"] == "positive" else 1 - found["probability"]
                for found in (answer, *pieces)]
    assert positive[0] == pytest.approx(sum(positive[1:]) / 2, abs=1e-5)
    assert answer["characters"] == answer["known"] == 128


@pytest.mark.parametrize(("gains", "verdict"), [
    ((0.06, 0.05, 0.01), HOLDS), ((0.06, 0.01, 0.01), IN_PART), ((0.06, 0.06, -0.01), IN_PART),
    ((0.01, 0.01, 0.01), NOT), ((-0.02, 0.0, 0.0), NOT)])
def test_the_rule(gains, verdict):
    runs = [{"part": "reviews", "seed": seed, "labels": labels, "model": name, "accuracy": 0.6 + seed / 100 + gain}
            for seed in range(3) for labels, more in zip((50, 200, 1000), gains, strict=True)
            for name, gain in (("pre-trained", more + 1e-9), ("from scratch", 0.0), ("bag of characters", 0.1))]
    assert pretraining({"runs": runs})[0] == verdict and ch06
