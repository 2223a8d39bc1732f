"""What is captured is what torch computes by itself; the model's outputs stay; nothing is left behind."""
import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from labkit.attention import capture, without_heads
from labkit.models import CharRNN, DecoderTransformer, EncoderTransformer
from labkit.models.transformer import causal_mask
from labkit.settings import SettingError

pytestmark = pytest.mark.usefixtures("one_thread", "same_numbers")
WIDTH, HEADS, LENGTH, WORDS = 16, 4, 10, 20
PADDING = torch.arange(LENGTH) >= torch.tensor([[10], [6], [2]])
CAUSAL = nn.Transformer.generate_square_subsequent_mask(LENGTH)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def traces(model: nn.Module) -> dict:
    """All that a hook or a patch could be seen in."""
    return {name: (module.forward.__func__, *(list(value) for key, value in sorted(vars(module).items())
                                              if "hook" in key and hasattr(value, "__len__")),
                   sorted(vars(module)), [id(value) for value in module._parameters.values()])
            for name, module in model.named_modules()}


@contextlib.contextmanager
def nothing_left(model: nn.Module):
    before, weights = traces(model), {name: value.clone() for name, value in model.state_dict().items()}
    yield
    assert traces(model) == before
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def by_hand(layer):
    """The layer's weights from its own query, key and mask."""
    scores = layer.query @ layer.key.mT / layer.query.shape[-1] ** 0.5
    return (scores if layer.mask is None else scores.masked_fill(layer.mask, -torch.inf)).softmax(-1)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_our_models(kind, train):
    tokens = torch.randint(1, WORDS, (3, LENGTH))
    tokens[PADDING] = 0
    model = (DecoderTransformer(WORDS, WIDTH, layers=3) if kind == "decoder"
             else EncoderTransformer(WORDS, 2, WIDTH, layers=3, padding=0)).train(train)
    with nothing_left(model), capture(model) as captured:
        output = model(tokens)
    assert torch.equal(output, model(tokens)) and output.requires_grad
    assert [layer.name for layer in captured] == [f"blocks.{number}.attention" for number in range(3)]
    for layer, weights in zip(captured, model(tokens, weights=True)[1], strict=True):
        close(layer.weights, weights)
        close(layer.weights, by_hand(layer))
        assert layer.value.shape == (3, HEADS, LENGTH, WIDTH // HEADS) and not layer.weights.requires_grad
        mask = causal_mask(LENGTH) if kind == "decoder" else PADDING[:, None, None].expand(3, 1, LENGTH, LENGTH)
        assert torch.equal(layer.mask, mask) and layer.mask.dtype == torch.bool


def test_values_weighted_and_mixed_are_the_layers_output():
    model = DecoderTransformer(WORDS, WIDTH, layers=1)
    outputs = []
    model.blocks[0].attention.register_forward_hook(lambda module, args, output: outputs.append(output[0]))
    with nothing_left(model), capture(model) as captured:
        model(torch.randint(WORDS, (3, LENGTH)))
    layer, = captured
    mixed = (layer.weights @ layer.value).transpose(1, 2).flatten(2)
    close(model.blocks[0].attention.project(mixed), outputs[0])


MASKS = {
    "none": {}, "causal": {"attn_mask": CAUSAL, "is_causal": True}, "bool": {"attn_mask": CAUSAL < 0},
    "padding": {"key_padding_mask": PADDING}, "both": {"attn_mask": CAUSAL < 0, "key_padding_mask": PADDING},
    "numbers": {"attn_mask": torch.randn(LENGTH, LENGTH)},
    "each head": {"attn_mask": torch.rand(3 * HEADS, LENGTH, LENGTH) < 0.3},
    "float padding": {"key_padding_mask": torch.zeros(3, LENGTH).masked_fill(PADDING, -torch.inf)},
}
MASKS["each head"]["attn_mask"][:, :, 0] = False
MODULES = {
    "plain": {}, "length first": {"batch_first": False}, "no bias": {"bias": False}, "odd": {"num_heads": 1},
    "more keys": {"add_bias_kv": True, "add_zero_attn": True}, "other sizes": {"kdim": 5, "vdim": 7},
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("grad", [True, False])
def test_multihead_attention(kind, mask, need_weights, grad):
    options = {"num_heads": HEADS, "batch_first": True, **MODULES[kind]}
    model = nn.MultiheadAttention(WIDTH, **options).eval()
    masks = MASKS[mask]
    if mask == "each head":
        masks = {"attn_mask": masks["attn_mask"][:3 * model.num_heads]}
    sizes = (WIDTH, options.get("kdim", WIDTH), options.get("vdim", WIDTH))
    inputs = [torch.randn(3, LENGTH, size) for size in sizes]
    if kind != "other sizes":
        inputs = inputs[:1] * 3
    if not options["batch_first"]:
        inputs = [inputs[0].transpose(0, 1)] * 3
    with torch.set_grad_enabled(grad):
        expected, _none = model(*inputs, need_weights=need_weights, **masks)
        with nothing_left(model), capture(model) as captured:
            output, _weights = model(*inputs, need_weights=need_weights, **masks)
        _output, weights = model(*inputs, average_attn_weights=False, **masks)
    assert torch.equal(output, expected)
    layer, = captured
    close(layer.weights, weights)
    assert layer.name == "MultiheadAttention" and (layer.mask is None) == (mask == "none")
    if mask not in ("none", "numbers"):
        forbidden = layer.mask.expand_as(weights)
        assert forbidden.any() and (weights[forbidden] == 0).all() and (weights[~forbidden] > 0).all()


def test_attention_to_another_sequence_and_without_a_batch():
    model = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    query, key = torch.randn(3, 4, WIDTH), torch.randn(3, LENGTH, WIDTH)
    with capture(model) as captured:
        model(query, key, key, key_padding_mask=PADDING)
        model(query[1], key[1], key[1], key_padding_mask=PADDING[1])
    both, one = captured
    assert both.weights.shape == (3, HEADS, 4, LENGTH)
    close(both.weights, model(query, key, key, PADDING, average_attn_weights=False)[1])
    close(one.weights, both.weights[1:2])


def encoder(dropout=0.0, **options):
    options = {"batch_first": True, **options}
    nested = options.pop("nested", False)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 32, dropout, **options)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=nested)
    for weight in model.parameters():       # so that the layers differ
        nn.init.normal_(weight, std=0.3)
    return model


def layer_by_layer(model, x, **masks):
    """Each layer's weights, asked of its own attention on what the layers before it give."""
    for layer in model.layers:
        attended = layer.norm1(x) if layer.norm_first else x
        yield layer.self_attn(attended, attended, attended, attn_mask=masks.get("mask"), average_attn_weights=False,
                              key_padding_mask=masks.get("src_key_padding_mask"))[1]
        x = layer(x, masks.get("mask"), masks.get("src_key_padding_mask"))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("mask", [{}, {"mask": CAUSAL}, {"src_key_padding_mask": PADDING},
                                  {"mask": CAUSAL < 0, "src_key_padding_mask": PADDING}],
                         ids=["none", "causal", "padding", "both"])
@pytest.mark.parametrize("options", [{}, {"norm_first": True}, {"batch_first": False}],
                         ids=["plain", "pre-norm", "length first"])
def test_inside_torchs_encoder(options, mask, grad, train):
    model = encoder(**options).train(train)
    x = torch.randn(3, LENGTH, WIDTH)
    x = x if model.layers[0].self_attn.batch_first else x.transpose(0, 1)
    with torch.set_grad_enabled(grad):
        expected = model(x, **mask)
        with nothing_left(model), capture(model) as captured:
            close(model(x, **mask), expected)
        assert [layer.name for layer in captured] == ["layers.0.self_attn", "layers.1.self_attn"]
        for layer, weights in zip(captured, layer_by_layer(model, x, **mask), strict=True):
            close(layer.weights, weights)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("longest", [LENGTH, 8])
def test_inside_torchs_encoder_that_packs_padded_rows(longest):
    model, plain = encoder(nested=True).eval(), encoder().eval()
    plain.load_state_dict(model.state_dict())
    x, padding = torch.randn(3, LENGTH, WIDTH), PADDING | (torch.arange(LENGTH) >= longest)
    with torch.no_grad():
        expected = model(x, src_key_padding_mask=padding)
        with nothing_left(model), capture(model) as captured:
            close(model(x, src_key_padding_mask=padding), expected)
        assert (expected[padding] == 0).all()       # so it did pack them
        for layer, weights in zip(captured, layer_by_layer(plain, x, src_key_padding_mask=padding), strict=True):
            assert layer.weights.shape == (3, HEADS, longest, longest)
            seen = ~padding[:, None, :longest, None].expand_as(layer.weights)
            close(layer.weights[seen], weights[:, :, :longest, :longest][seen])


def test_torchs_fused_layer_is_used_again_afterwards(monkeypatch):
    model, x, fused = encoder().eval(), torch.randn(3, LENGTH, WIDTH), []
    original = torch._transformer_encoder_layer_fwd
    monkeypatch.setattr(torch, "_transformer_encoder_layer_fwd", lambda *a: fused.append(1) or original(*a))
    counts = []
    with torch.no_grad():
        for context in (contextlib.nullcontext, capture, contextlib.nullcontext):
            with context(*[model] * (context is capture)):
                model(x)
            counts.append(len(fused))
    assert counts == [2, 2, 4]


@pytest.mark.parametrize("make", [lambda: encoder(dropout=0.4), lambda: DecoderTransformer(WORDS, WIDTH, dropout=0.4)])
def test_dropout_draws_what_it_would_have_drawn(make):
    model = make()
    x = torch.randint(WORDS, (3, LENGTH)) if isinstance(model, DecoderTransformer) else torch.randn(3, LENGTH, WIDTH)
    torch.manual_seed(5)
    expected = model(x)
    torch.manual_seed(5)
    with nothing_left(model), capture(model) as captured:
        output = model(x)
    assert torch.equal(output, expected)
    close(captured[0].weights, by_hand(captured[0]))     # before dropout
    assert not torch.equal(model(x), model(x))


def test_gradients_are_what_they_were():
    model, tokens = DecoderTransformer(WORDS, WIDTH), torch.randint(WORDS, (3, LENGTH))
    expected = torch.autograd.grad(model(tokens).square().sum(), list(model.parameters()))
    with capture(model):
        output = model(tokens)
    found = torch.autograd.grad(output.square().sum(), list(model.parameters()))
    assert all(map(torch.equal, found, expected))


def test_nothing_is_left_after_an_error_an_interrupt_or_nesting():
    model = encoder(dropout=0.1)

    class Stop(BaseException):
        pass

    def stop(*_args):
        raise Stop

    handle = model.layers[1].linear1.register_forward_pre_hook(stop)
    with nothing_left(model):
        with pytest.raises(Stop), capture(model) as captured:
            model(torch.randn(3, LENGTH, WIDTH))
        assert len(captured) == 2       # what was seen until then
    handle.remove()
    with nothing_left(model):
        with capture(model) as outer:
            with pytest.raises(ZeroDivisionError), capture(model) as inner, without_heads(model, [(1, 0)]):
                model(torch.randn(3, LENGTH, WIDTH))
                raise ZeroDivisionError
            model(torch.randn(3, LENGTH, WIDTH))
        model(torch.randn(3, LENGTH, WIDTH))
        assert (len(outer), len(inner)) == (4, 2)


def test_a_query_that_may_see_nothing_attends_to_nothing():
    model = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    x, mask = torch.randn(1, LENGTH, WIDTH), torch.zeros(LENGTH, LENGTH, dtype=torch.bool)
    mask[4] = True
    with capture(model) as captured:
        model(x, x, x, attn_mask=mask, need_weights=False)
    assert (captured[0].weights[:, :, 4] == 0).all()
    close(captured[0].weights[:, :, :4].sum(-1), torch.ones(1, HEADS, 4))


# --- heads switched off ---

def silence(pairs, number, heads):
    """Which of `heads` heads of layer `number` stay."""
    return torch.tensor([float((number, head) not in pairs) for head in range(heads)])


@pytest.mark.parametrize("pairs", [[(0, 1)], [(1, 3), (0, 0), (1, 2)], [(0, head) for head in range(HEADS)], []])
def test_heads_of_our_models_give_zero(pairs):
    model, tokens = DecoderTransformer(WORDS, WIDTH), torch.randint(WORDS, (3, LENGTH))
    with nothing_left(model), without_heads(model, iter(pairs)), capture(model) as captured:
        output = model(tokens)
    x = model.tokens(tokens) + model.positions.weight[:LENGTH]
    for number, (block, layer) in enumerate(zip(model.blocks, captured, strict=True)):
        mixed = layer.weights @ layer.value * silence(pairs, number, HEADS)[:, None, None]
        x = x + block.attention.project(mixed.transpose(1, 2).flatten(2))
        x = x + block.linear2(F.gelu(block.linear1(block.norm2(x))))
    close(output, model.dense(model.norm(x)))
    assert torch.allclose(output, model(tokens)) == (not pairs)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_heads_of_torchs_encoder_give_zero(batch_first, train):
    model = encoder(batch_first=batch_first).train(train)
    x = torch.randn(3, LENGTH, WIDTH)
    x = x if batch_first else x.transpose(0, 1)
    pairs = [(0, 2), (1, 0), (1, 1)]
    with torch.no_grad(), nothing_left(model), without_heads(model, pairs):
        output = model(x)
        with capture(model) as captured:
            close(model(x), output)
    for number, (layer, seen) in enumerate(zip(model.layers, captured, strict=True)):
        mixed = seen.weights @ seen.value * silence(pairs, number, HEADS)[:, None, None]
        mixed = layer.self_attn.out_proj(mixed.transpose(1, 2).flatten(2))
        x = layer.norm1(x + (mixed if batch_first else mixed.transpose(0, 1)))
        x = layer.norm2(x + layer.linear2(F.relu(layer.linear1(x))))
    close(output, x)


def test_gradients_pass_a_layer_whose_heads_are_off():
    model, tokens = DecoderTransformer(WORDS, WIDTH), torch.randint(WORDS, (3, LENGTH))
    with without_heads(model, [(1, 0)]):
        output = model(tokens)
    output.square().sum().backward()        # after the block, with the weights as they were in it
    _query, _key, value = model.blocks[1].attention.qkv.weight.grad.unflatten(0, (3, HEADS, -1))
    assert (value[0] == 0).all() and (value[1:].abs().sum((1, 2)) > 0).all()
    assert model.blocks[1].attention.project.weight.grad is None and model.tokens.weight.grad.abs().sum() > 0


# --- Hugging Face's BERT ---

@pytest.fixture
def bert():
    transformers = pytest.importorskip("transformers")

    def make(attention="sdpa"):
        torch.manual_seed(0)
        config = transformers.BertConfig(vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2, intermediate_size=32,
                                         num_attention_heads=HEADS, max_position_embeddings=LENGTH,
                                         initializer_range=0.5, attn_implementation=attention)
        return transformers.BertModel(config).eval()
    return make


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_inside_bert(bert, attention, train, padded):
    model, tokens = bert(attention).train(train), torch.randint(WORDS, (3, LENGTH))
    options = {"attention_mask": (~PADDING).long()} if padded else {}
    torch.manual_seed(5)
    expected = model(tokens, **options).last_hidden_state
    torch.manual_seed(5)
    with nothing_left(model), capture(model) as captured:
        output = model(tokens, **options).last_hidden_state
    assert torch.equal(output, expected) and model.config._attn_implementation == attention
    assert [layer.name for layer in captured] == [f"encoder.layer.{number}.attention.self" for number in range(2)]
    model.eval()
    with capture(model) as captured:
        model(tokens, **options)
    reference = bert("eager")
    reference.load_state_dict(model.state_dict())
    for layer, weights in zip(captured, reference(tokens, output_attentions=True, **options).attentions, strict=True):
        close(layer.weights, weights)
        assert layer.mask is None or torch.equal(layer.mask, PADDING[:, None, None].expand(3, 1, LENGTH, LENGTH))
        assert (layer.mask is not None) == padded or attention == "eager"


def test_heads_of_bert_give_zero(bert):
    model, tokens, heads = bert(), torch.randint(WORDS, (3, LENGTH)), []
    dense = model.encoder.layer[1].attention.output.dense
    dense.register_forward_pre_hook(lambda module, args: heads.append(args[0].unflatten(2, (HEADS, -1))))
    outputs = []
    dense.register_forward_hook(lambda module, args, output: outputs.append(output))
    with torch.no_grad(), nothing_left(model), without_heads(model, [(1, 0), (1, 3)]):
        model(tokens)
    close(outputs[0], dense((heads[0] * silence([(1, 0), (1, 3)], 1, HEADS)[:, None]).flatten(2)))


def test_bert_as_a_decoder_is_refused(bert):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(**{**bert().config.to_dict(), "is_decoder": True})
    with pytest.raises(SettingError, match="as an encoder"), capture(transformers.BertModel(config)):
        pass


@pytest.mark.parametrize("use", [capture, lambda model: without_heads(model, [])])
def test_a_model_without_attention_is_refused(use):
    with pytest.raises(SettingError, match="^model = 'CharRNN' cannot be used"), use(CharRNN(WORDS)):
        pass


@pytest.mark.parametrize("pair, field", [((2, 0), "layer"), ((-1, 0), "layer"), ((0, 4), "head"), ((0, -1), "head")])
def test_a_layer_or_head_out_of_range_is_refused(pair, field):
    model = DecoderTransformer(WORDS, WIDTH)
    last = 1 if field == "layer" else 3
    with nothing_left(model), pytest.raises(SettingError, match=f"^{field} = .*from 0 to {last}"), \
            without_heads(model, [(0, 0), pair]):
        pass
