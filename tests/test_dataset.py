import pytest
import torch
from toy import toy_dataset

from labkit.chapter import setup
from labkit.data import Split
from labkit.settings import SettingError
from labkit.training.history import History


def test_as_images_pads_and_repeats_without_resampling():
    data = toy_dataset()
    wide = data.as_images(3, 11, 14)
    assert wide.input_shape == (3, 11, 14) and data.input_shape == (1, 8, 8)
    for name in ("train", "validation", "test"):
        before, after = getattr(data, name), getattr(wide, name)
        assert after.inputs.dtype == torch.uint8 and after.inputs.is_contiguous()
        assert torch.equal(after.inputs[:, :, 1:9, 3:11], before.inputs.expand(-1, 3, -1, -1))
        assert after.inputs.long().sum() == 3 * before.inputs.long().sum()      # all around is black
        assert torch.equal(after.targets, before.targets)
    assert (wide.name, wide.class_names) == (data.name, data.class_names)


def test_as_images_of_the_right_size_changes_nothing():
    data = toy_dataset()
    assert torch.equal(data.as_images(1, 8, 8).train.inputs, data.train.inputs)
    colour = data.as_images(3, 8, 8)
    assert torch.equal(colour.as_images(3, 8, 8).train.inputs, colour.train.inputs)


@pytest.mark.parametrize("form", [(1, 7, 8), (1, 8, 7)])
def test_as_images_refuses_larger_images(form):
    with pytest.raises(SettingError, match="images = '1x8x8' cannot be used. Allowed: 1 or 1 channels of at most"):
        toy_dataset().as_images(*form)


def test_as_images_refuses_other_channels():
    with pytest.raises(SettingError, match="images = '3x8x8' cannot be used"):
        toy_dataset().as_images(3, 8, 8).as_images(1, 32, 32)


def test_first():
    data = toy_dataset()
    part = data.first(train=10, test=5)
    assert [len(split) for split in (part.train, part.validation, part.test)] == [10, 32, 5]
    assert torch.equal(part.train.inputs, data.train.inputs[:10])
    assert torch.equal(part.test.targets, data.test.targets[:5])
    assert data.train.first(None) is data.train and len(data.train.first(96)) == 96
    for count in (0, -1, 97):
        with pytest.raises(SettingError, match=f"count = {count} cannot be used. Allowed: 1 to 96"):
            data.first(train=count)


def test_labels_and_inputs_must_be_equally_many():
    with pytest.raises(SettingError, match=r"targets = '3 labels' cannot be used. Allowed: as many as .* \(4\)"):
        Split(torch.zeros(4, 2), torch.zeros(3, dtype=torch.int64))


@pytest.fixture
def settled():
    """What `setup` changes, put back."""
    import plotly.io
    threads, shown, state = torch.get_num_threads(), plotly.io.renderers.default, torch.get_rng_state()
    yield
    torch.set_num_threads(threads)
    plotly.io.renderers.default = shown
    torch.set_rng_state(state)


def test_a_chapters_setup(settled, monkeypatch):
    budgets = {"quick": {"steps": 10}, "laptop": {"steps": 100}}
    quick = setup("quick", 3, **budgets)
    expected = torch.rand(2).tolist()
    assert (quick.profile, quick.seed, quick.threads, quick.steps) == ("quick", 3, 1, 10)
    assert setup("quick", 3, **budgets) == quick and torch.rand(2).tolist() == expected
    monkeypatch.delenv("LABKIT_THREADS", raising=False)
    assert setup("laptop", 0, **budgets).threads is None
    monkeypatch.setenv("LABKIT_THREADS", "2")
    assert setup("quick", 0, **budgets).threads == 2 == torch.get_num_threads()


@pytest.mark.parametrize("arguments, message", [
    ({"profile": "fast"}, "profile = 'fast' cannot be used. Allowed: quick, laptop, gpu."),
    ({"seed": -1}, "seed = -1"), ({"seed": 1.5}, "seed = 1.5"), ({"seed": True}, "seed = True"),
    ({"quick": {"steps": 1}, "laptop": {"epochs": 1}}, "budgets = .* the same names in each profile"),
    ({"quick": {"steps": 1}, "labtop": {"steps": 2}}, "budgets = 'labtop' .* Allowed: quick, laptop")])
def test_a_chapters_setup_refuses(settled, arguments, message):
    with pytest.raises(SettingError, match=message):
        setup(**arguments)


def test_a_set_and_the_history_of_a_run_print_as_a_few_lines():
    assert repr(toy_dataset()).splitlines()[:2] == [
        "<Dataset toy, 3 classes", "  train       <Split of 96: inputs uint8 (1, 8, 8), targets int64 ()>"]
    history = History()
    assert repr(history) == "<History of 0 steps>"
    history.append(1, 0, 0.1, 2.5, 0.25)
    assert repr(history) == "<History of 1 steps, train_loss 2.5, train_accuracy 0.25>"
