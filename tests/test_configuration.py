"""What a configuration takes, held against built networks, papers' formulas and measured tensors."""
import pytest
import torch
from torch import nn

from labkit.economics import DEVICES, training_memory
from labkit.economics.configuration import PRESETS, RECOMPUTE, Configuration, devices_at_least
from labkit.models import DecoderTransformer, parameter_count
from labkit.models.published import build
from labkit.settings import SettingError

SMALL = Configuration(layers=2, width=64, heads=4, vocabulary=100, context=32)
GPT3, LLAMA70 = PRESETS["GPT-3 175B"].configuration, PRESETS["Llama 2 70B"].configuration


@pytest.mark.parametrize("preset, published", [
    ("Transformer base", "Transformer base"), ("BERT base", "BERT base"), ("BERT large", "BERT large"),
    ("GPT-3 175B", "GPT-3")])
def test_parameters_are_those_of_the_network_that_torch_builds(preset, published):
    assert PRESETS[preset].configuration.parameters == parameter_count(build(published))


@pytest.mark.parametrize("preset, released", [
    ("Llama 2 7B", 6_738_415_616), ("Llama 2 13B", 13_015_864_320), ("Llama 2 70B", 68_976_648_192)])
def test_parameters_are_those_of_the_weights_that_were_released(preset, released):
    assert PRESETS[preset].configuration.parameters == released


def test_forward_flops_are_two_for_each_weight_of_a_matrix_and_the_scores():
    model = DecoderTransformer(100, 64, 2, 4, 32)
    weights = sum(part.weight.numel() for part in model.modules() if isinstance(part, nn.Linear))
    parts = SMALL.forward_flops()
    assert sum(parts.values()) - parts["scores"] == 2 * weights
    assert parts["scores"] == 2 * (2 * 32 * 64) * 2        # two products of (32, 16) and (32, 16) in four heads, twice


def test_flops_follow_the_formula_of_narayanan():
    s, h, layers, v = 2048, 12_288, 96, 50_257
    expected = 72 * s * layers * h * h * (1 + s / (6 * h) + v / (12 * layers * h))
    assert GPT3.training_flops(s) == pytest.approx(expected, rel=1e-12)


def test_a_token_of_an_encoder_and_decoder_meets_half_of_the_layers():
    model = PRESETS["Transformer base"].configuration
    attention, feed_forward = 4 * 512 * 512, 2 * 512 * 2048
    assert model.forward_flops()["feed-forward"] == 2 * 12 * feed_forward / 2
    assert model.forward_flops()["attention"] == 2 * 18 * attention / 2


def test_the_share_of_the_scores_grows_with_the_text():
    shares = [parts["scores"] / sum(parts.values()) for parts in (GPT3.forward_flops(n) for n in (1, 2048, 200_000))]
    assert shares[0] < 1e-4 < shares[1] < 0.03 < 0.7 < shares[2]


def test_activations_follow_korthikanti():
    tokens, h, a, s = 3 * 32, 64, 4, 32
    assert SMALL.activations(3, "nothing") == 2 * tokens * h * (34 + 5 * a * s / h)
    assert SMALL.activations(3) == 2 * tokens * h * 34
    assert SMALL.activations(3, "everything") == 2 * tokens * h * 2


class Layer(nn.Module):
    """A layer as Korthikanti et al. draw it: attention in the open, GELU, dropout, two norms."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.norms = heads, nn.ModuleList(nn.LayerNorm(width) for _norm in range(2))
        self.query, self.key, self.value, self.project = (nn.Linear(width, width) for _matrix in range(4))
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        normed = self.norms[0](x)
        query, key, value = (matrix(normed).unflatten(2, (self.heads, -1)).transpose(1, 2)
                             for matrix in (self.query, self.key, self.value))
        shares = nn.functional.dropout((query @ key.mT).softmax(-1), 0.1)
        x = x + nn.functional.dropout(self.project((shares @ value).transpose(1, 2).flatten(2)), 0.1)
        return x + nn.functional.dropout(self.narrow(nn.functional.gelu(self.wide(self.norms[1](x)))), 0.1)


def test_activations_are_near_what_torch_keeps():
    layer, kept = Layer(128, 4).bfloat16(), {}
    weights = {weight.untyped_storage().data_ptr() for weight in layer.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = tensor, storage.nbytes()
        return tensor
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(torch.randn(2, 256, 128, dtype=torch.bfloat16, requires_grad=True)).sum().backward()
    measured = sum(size for _tensor, size in kept.values())
    stated = Configuration(1, 128, 4, 100, 256).activations(2, "nothing")
    assert 0.9 < measured / stated < 1.3


def test_the_cache_is_two_vectors_a_token_and_layer():
    assert SMALL.cache(3, 10) == 2 * 2 * 64 * 10 * 3 * 2
    assert SMALL.cache(3, 10, "float32") == 2 * SMALL.cache(3, 10)
    assert LLAMA70.cache(1, 1) == 2 * 80 * 8 * 128 * 2      # eight of 64 heads have keys and values of their own
    assert PRESETS["BERT base"].configuration.cache() == 0


def test_memory_adds_what_comes_with_texts_to_what_comes_with_parameters():
    memory = SMALL.training_memory(2, "sgd", "everything")
    assert memory == training_memory(SMALL.parameters, "sgd") | {"activations": SMALL.activations(2, "everything")}
    assert SMALL.answering_memory(2, "int4") == {"weights": SMALL.parameters / 2, "keys and values": SMALL.cache(2)}


def test_devices_of_gpt3():
    h200 = DEVICES["H200"]
    training = [devices_at_least(GPT3.training_memory(1, recompute=kind), h200) for kind in RECOMPUTE]
    assert training == [22, 21, 20]
    answering = [devices_at_least(GPT3.answering_memory(1, kind), h200) for kind in ("bfloat16", "int8", "int4")]
    assert answering == [3, 2, 1]
    assert devices_at_least(GPT3.adapting_memory(), h200) == 1
    assert devices_at_least({"weights": 1.0}, h200) == 1 and devices_at_least({"weights": 141e9 + 1}, h200) == 2


def test_a_run_takes_the_days_that_its_flops_take():
    a100 = DEVICES["A100"]
    run = SMALL.training_run(1e9, a100, count=10, utilisation=0.5, price_per_hour=2)
    assert run.days == pytest.approx(SMALL.training_flops(1e9) / (10 * 0.5 * 312e12) / 86_400)
    assert run.money == pytest.approx(2 * 24 * 10 * run.days)


@pytest.mark.parametrize("change, message", [
    ({"layers": 0}, "layers = 0 cannot.*at least 1"), ({"width": 2.5}, "width = 2.5"), ({"heads": 7}, "heads = 7.*64"),
    ({"key_value_heads": 3}, "key_value_heads = 3.*heads, 4"), ({"style": "mamba"}, "style = 'mamba'.*gpt, llama"),
    ({"decoder_layers": 2}, "decoder_layers = 2"), ({"style": "transformer"}, "decoder_layers = 0"),
    ({"vocabulary": True}, "vocabulary = True")])
def test_sizes_that_do_not_fit_are_refused(change, message):
    sizes = {"layers": 2, "width": 64, "heads": 4, "vocabulary": 100, "context": 32}
    with pytest.raises(SettingError, match=message):
        Configuration(**(sizes | change))


@pytest.mark.parametrize("call, message", [
    (lambda: SMALL.activations(1, "all"), "recompute = 'all'.*attention"), (lambda: SMALL.cache(0), "texts = 0"),
    (lambda: SMALL.answering_memory(1, "int2"), "precision = 'int2'"), (lambda: SMALL.forward_flops(0), "context = 0")])
def test_wrong_requests_are_refused(call, message):
    with pytest.raises(SettingError, match=message):
        call()
