"""Exact counts, equal counts, spirals: what chapter 2's experiments are built from."""
import pytest
import torch

from labkit.data.spirals import spirals
from labkit.models import parameter_count
from labkit.models.equal import mlp, width_for
from labkit.models.published import PUBLISHED, build, counts
from labkit.settings import SettingError

KNOWN = {"Transformer base": 63_082_496, "Transformer big": 214_245_376, "BERT base": 109_482_240,
         "BERT large": 335_141_888, "GPT-1": 116_534_784, "GPT-2 small": 124_439_808, "GPT-2 XL": 1_557_611_200,
         "GPT-3": 174_604_259_328, "ResNet-50": 25_557_032, "EfficientNet-B0": 5_288_548}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_exact_and_need_no_memory(name):
    model = build(name)
    assert parameter_count(model) == KNOWN[name]
    assert {weight.device.type for weight in model.parameters()} == {"meta"}


@pytest.mark.parametrize("name, config, model", [
    ("BERT base", "BertConfig", "BertModel"), ("GPT-2 small", "GPT2Config", "GPT2Model")])
def test_counts_equal_those_of_transformers(name, config, model):
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        theirs = getattr(transformers, model)(getattr(transformers, config)())
    assert parameter_count(theirs) == parameter_count(build(name))


@pytest.mark.parametrize("name", ["ResNet-50", "EfficientNet-B0"])
def test_image_networks_give_logits(name):
    with torch.inference_mode():
        assert build(name).eval()(torch.zeros(2, 3, 224, 224, device="meta")).shape == (2, 1000)


def test_the_table_names_what_is_off_by_more_than_a_percent():
    table = counts()
    assert list(table.index) == list(PUBLISHED)
    assert list(table.index[table.difference.abs() > 0.01]) == ["Transformer base", "BERT large", "GPT-2 small",
                                                                "GPT-2 XL"]
    with pytest.raises(SettingError, match="name = 'GPT-4'"):
        build("GPT-4")


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
@pytest.mark.parametrize("parameters", [300, 20_000])
def test_the_widest_network_of_a_count(depth, parameters):
    width = width_for(parameters, depth, 7, 3)
    model = mlp(parameters, depth, 7, 3)
    assert model(torch.zeros(5, 7)).shape == (5, 3)
    sizes = [layer.weight.shape for layer in model.layers]
    assert len(sizes) == depth + 1 and sizes[0] == (width, 7)
    def count(wide):
        return wide * 8 + (depth - 1) * wide * (wide + 1) + 3 * (wide + 1)
    assert parameter_count(model) == count(width) <= parameters < count(width + 1)


@pytest.mark.parametrize("parameters, depth", [(3, 1), (30, 30), (100, 0)])
def test_a_count_that_no_network_has_is_refused(parameters, depth):
    with pytest.raises(SettingError, match="parameters"):
        width_for(parameters, depth, 2, 2)


def test_spirals_are_two_equal_arms_that_a_line_cannot_split():
    data = spirals(400, noise=0.0, seed=3)
    assert (len(data.train), len(data.validation), len(data.test)) == (200, 100, 100)
    assert data.train.targets.bincount().tolist() == [100, 100] and data.input_shape == (2,)
    radius = data.train.inputs.norm(dim=1)
    assert radius.max() <= 1 and radius.median() == pytest.approx(0.5 ** 0.5, abs=0.1)
    inputs = torch.cat((data.train.inputs, torch.ones(200, 1)), 1)
    line = torch.linalg.lstsq(inputs, 2.0 * data.train.targets[:, None] - 1).solution
    assert ((inputs @ line > 0).squeeze() == data.train.targets).float().mean() < 0.7
    assert spirals(400, seed=3).sha256 == spirals(400, seed=3).sha256 != spirals(400, seed=4).sha256
