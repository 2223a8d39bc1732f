"""Written dates, the rule that reads them, the network, and the inference function."""
import datetime

import pytest
import torch

from labkit.applications import dates
from labkit.experiments.ch06 import dates as experiment
from labkit.models import Translator
from labkit.settings import SettingError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def made():
    return dates.dataset(2000, 300, 5)


def test_every_form_fits_and_is_written_as_people_do():
    found = [dates.write(datetime.date(2021, 3, 3), form) for form in dates.FORMS]
    assert found == ["3 March 2021", "March 3, 2021", "Mar 3, 2021", "3rd of March 2021", "Wednesday, 3 March 2021",
                     "03-Mar-2021", "2021/3/3", "2021.03.03", "20210303", "third of March 2021", "March third, 2021",
                     "2021年3月3日", "2021年3月3号 星期三", "二〇二一年三月三日"]
    known = set(dates.tokenizer().vocabulary)
    for offset in range(0, 366):
        for form in dates.FORMS:
            text = dates.write(datetime.date(2024, 1, 1) + datetime.timedelta(offset), form).lower()
            assert len(text) <= dates.LONGEST and set(text) <= known
    assert dates.write(datetime.date(1990, 12, 31), dates.FORMS[-1]) == "一九九〇年十二月三十一日"
    assert [dates.write(datetime.date(2021, 1, day), dates.FORMS[3])[:4] for day in (1, 11, 22, 23)] == [
        "1st ", "11th", "22nd", "23rd"]


def test_test_days_are_not_in_training_and_a_seed_decides_everything(made):
    parts = [{iso for _text, iso in dates.pairs(made, split)} for split in (made.train, made.validation, made.test)]
    assert not parts[0] & parts[2] and not parts[0] & parts[1] and not parts[1] & parts[2]
    assert dates.dataset(50, 10, 1).sha256 == dates.dataset(50, 10, 1).sha256 != dates.dataset(50, 10, 2).sha256
    assert made.train.inputs[:, dates.LONGEST + 1:].equal(made.train.targets[:, :-1])


def test_the_rule_is_right_or_silent(made):
    texts, truth = zip(*dates.pairs(made, made.test), strict=True)
    found = [dates.by_rule(text) for text in texts]
    assert 0.6 < dates.exact_match(found, truth) < 0.9
    assert dates.exact_match(found, truth) + found.count(None) / len(found) == 1
    assert dates.by_rule("2021年3月3号 星期三") == "2021-03-03" and dates.by_rule("2021年13月3日") is None
    assert [dates.by_rule(text) for text in ("-5", "nat", "9" * 32, "hello")] == [None] * 4


def test_a_translation_does_not_depend_on_padding_or_on_what_comes_later(same_numbers):
    network = Translator(20, 11, 16, 8, 10, 4).eval()
    row = torch.tensor([[3, 4, 5, 0, 0, 0, 0, 0, 11, 1, 2]])
    logits, weights = network(row, weights=True)
    assert logits.shape == (1, 3, 11) and weights.shape == (1, 3, 8)
    assert weights[..., 3:].max() == 0 and torch.allclose(weights.sum(2), torch.ones(1, 3))
    row[0, -1] = 7
    changed = network(row)
    assert torch.allclose(changed[:, :2], logits[:, :2]) and not torch.allclose(changed[:, 2], logits[:, 2])
    assert network(torch.zeros(1, 9, dtype=torch.int64)).isfinite().all()


def test_the_network_learns_and_greedy_agrees_with_the_whole_row(made):
    run = dates.training(made, 100, 0, threads=1)
    for _step in run:
        pass
    truth = [iso for _text, iso in dates.pairs(made, made.test)]
    found = dates.answers(run.model, made.test)
    assert dates.exact_match(found, truth) > 0.3
    tokens, probabilities, _weights = dates.greedy(run.model, made.test.inputs[:, :dates.LONGEST])
    rows = torch.cat([made.test.inputs[:, :dates.LONGEST + 1], tokens[:, :-1]], 1)
    with torch.no_grad():
        whole = run.model(rows).softmax(2)
    assert whole.argmax(2).equal(tokens) and torch.allclose(whole.amax(2), probabilities, atol=1e-5)
    answer = dates.translate(" 3 March 2021 ", run.model)
    assert answer.weights.shape == (10, 12) and len(answer.iso) == 10 and 0 <= answer.probability <= 1
    assert dates.alignment(" 3 March 2021 ", answer).settings["size"] == [11, 13]
    table = dates.compare(run.model, made)
    assert list(table.index) == ["rule", "network", "rule, then network"]
    assert table["exact match"]["network"] == dates.exact_match(found, truth)
    assert table["exact match"].idxmax() == "rule, then network" and table["no answer"].tolist()[1:] == [0, 0]


@pytest.mark.parametrize("text, message", [
    ("", "text = ''"), ("   ", "a date"), (None, "text = None"), ("3 March " * 1250, "9999 characters"),
    ("3 März 2021", "Unknown: z ä"), ("x" * 33, "33 characters.*at most 32")])
def test_what_is_no_date_is_refused(text, message):
    with pytest.raises(SettingError, match=message) as refused:
        dates.translate(text, dates.model())
    assert len(str(refused.value)) < 300


def test_the_experiment_has_an_outcome():
    runs = experiment.runs(0, train=200, test=50, steps=3)
    assert [run["model"] for run in runs[:-1]] == ["rule", "network", "rule, then network"]
    assert runs[-1]["part"] == "outcome" and runs[-1]["simple"] == runs[0]["exact_match"] > runs[-1]["deep"]
