"""The sequence models are torch's own modules on the same weights, see no further than they may, and write text."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from labkit.models import CharRNN, DecoderTransformer, EncoderTransformer, RNNCell, generate, parameter_count
from labkit.models.transformer import Block, SelfAttention, Transformer, causal_mask
from labkit.settings import SettingError

pytestmark = pytest.mark.usefixtures("one_thread", "same_numbers")
WIDTH, HEADS, LENGTH, WORDS = 32, 4, 12, 20
LAYER = {"attention.qkv.": "self_attn.in_proj_", "attention.project.": "self_attn.out_proj.", "blocks.": "layers."}


@pytest.fixture
def tokens():
    return torch.randint(1, WORDS, (5, LENGTH))


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def copy(ours: nn.Module, theirs: nn.Module, names: dict[str, str]) -> dict[str, str]:
    """Give torch's module our weights, all of them; return our name of each of its."""
    pairs = {}
    for name in ours.state_dict():
        pair = name
        for old, new in names.items():
            pair = pair.replace(old, new)
        pairs[name] = pair
    theirs.load_state_dict({pairs[name]: value for name, value in ours.state_dict().items()})
    return pairs


def same_gradients(ours, theirs, pairs, output, expected):
    """Both outputs agree, and so do the gradients of all weights."""
    close(output, expected)
    direction = torch.randn_like(output)
    for result in (output, expected):
        (result * direction).sum().backward()
    weights = dict(theirs.named_parameters())
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, weights[pairs[name]].grad, rtol=1e-4, atol=1e-4)


class Theirs(nn.Module):
    """The same Transformer of torch's parts, with what `Transformer` calls features."""

    def __init__(self, model: Transformer, dropout: float = 0.0):
        super().__init__()
        self.tokens = nn.Embedding(*model.tokens.weight.shape)
        self.positions = nn.Embedding(*model.positions.weight.shape)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout, F.gelu, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, len(model.blocks), nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.dense = nn.Linear(*reversed(model.dense.weight.shape))
        self.names = copy(model, self, {"blocks.": "layers.layers.", "attention.qkv.": "self_attn.in_proj_",
                                        "attention.project.": "self_attn.out_proj.", "norm.": "layers.norm."})

    def features(self, tokens, **masks):
        return self.layers(self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1])), **masks)


def test_the_cell_is_torchs():
    ours, theirs = RNNCell(6, 9), nn.RNNCell(6, 9)
    pairs = copy(ours, theirs, {})
    x, h = torch.randn(4, 6), torch.randn(4, 9)
    same_gradients(ours, theirs, pairs, ours(x, h), theirs(x, h))
    assert all(weight.abs().max() <= 1 / 3 for weight in ours.parameters())


def test_the_unrolled_cell_is_torchs_layer_and_its_own_steps():
    ours, theirs = RNNCell(6, 9), nn.RNN(6, 9, batch_first=True)
    pairs = copy(ours, theirs, {"_ih": "_ih_l0", "_hh": "_hh_l0"})
    x, h = torch.randn(4, 7, 6), torch.randn(4, 9)
    states = ours.unroll(x, h)
    for step in range(7):
        h_next = ours(x[:, step], h if step == 0 else states[:, step - 1])
        close(states[:, step], h_next)
    same_gradients(ours, theirs, pairs, states, theirs(x, h[None])[0])


def test_the_recurrent_language_model_is_torchs(tokens):
    model = CharRNN(WORDS, 8, 16)
    theirs = nn.RNN(8, 16, batch_first=True)
    copy(model.cell, theirs, {"_ih": "_ih_l0", "_hh": "_hh_l0"})
    close(model(tokens), model.dense(theirs(model.embedding(tokens))[0]))


@pytest.mark.parametrize("mask", ["none", "causal", "padding"])
@pytest.mark.parametrize("weights", [False, True])
def test_attention_is_torchs(mask, weights):
    ours, theirs = SelfAttention(WIDTH, HEADS), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    pairs = copy(ours, theirs, {"qkv.": "in_proj_", "project.": "out_proj."})
    x, padding = torch.randn(5, LENGTH, WIDTH), torch.arange(LENGTH) >= torch.tensor([[12], [7], [3], [1], [12]])
    own = {"none": {}, "causal": {"causal": True}, "padding": {"mask": padding[:, None, None]}}[mask]
    other = {"none": {}, "causal": {"attn_mask": causal_mask(LENGTH)}, "padding": {"key_padding_mask": padding}}[mask]
    output, found = ours(x, **own, weights=weights)
    expected, theirs_found = theirs(x, x, x, **other, average_attn_weights=False)
    if weights:
        close(found, theirs_found)
    else:
        assert found is None
    same_gradients(ours, theirs, pairs, output, expected)


@pytest.mark.parametrize("train", [True, False])
def test_a_layer_is_torchs(train):
    ours = Block(WIDTH, HEADS).train(train)
    theirs = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, F.gelu, batch_first=True,
                                        norm_first=True).train(train)
    pairs = copy(ours, theirs, LAYER)
    x = torch.randn(5, LENGTH, WIDTH)
    with torch.no_grad():       # in eval mode, torch's fused path
        close(ours(x)[0], theirs(x))
    same_gradients(ours, theirs, pairs, ours(x)[0], theirs(x))


@pytest.mark.parametrize("train", [True, False])
def test_the_decoder_is_torchs(tokens, train):
    model = DecoderTransformer(WORDS, WIDTH, context=LENGTH).train(train)
    theirs = Theirs(model).train(train)
    expected = theirs.dense(theirs.features(tokens, mask=causal_mask(LENGTH), is_causal=True))
    same_gradients(model, theirs, theirs.names, model(tokens), expected)


@pytest.mark.parametrize("train", [True, False])
def test_the_encoder_is_torchs(tokens, train):
    tokens[0, 5:] = tokens[3, 1:] = 0
    model = EncoderTransformer(WORDS, 3, WIDTH, context=LENGTH, padding=0).train(train)
    theirs = Theirs(model).train(train)
    x = theirs.features(tokens, src_key_padding_mask=tokens == 0)
    mean = torch.stack([row[words != 0].mean(0) for row, words in zip(x, tokens, strict=True)])
    same_gradients(model, theirs, theirs.names, model(tokens), theirs.dense(mean))
    assert model(tokens).shape == (5, 3)


def test_without_padding_all_tokens_count(tokens):
    tokens[0, 5:] = 0
    model = EncoderTransformer(WORDS, 3, WIDTH, context=LENGTH)
    theirs = Theirs(model)
    close(model(tokens), theirs.dense(theirs.features(tokens).mean(1)))


def test_how_much_padding_a_row_has_changes_nothing(tokens):
    model = EncoderTransformer(WORDS, 3, WIDTH, context=LENGTH, padding=0)
    close(model(F.pad(tokens[:, :7], (0, 5))), model(tokens[:, :7]))
    empty = torch.zeros(2, LENGTH, dtype=torch.int64)
    empty[1] = tokens[1]
    logits = model(empty)
    logits.sum().backward()
    assert logits.isfinite().all() and all(weight.grad.isfinite().all() for weight in model.parameters())
    close(logits[1], model(tokens[1:2])[0])     # and the row beside it is what it is alone


@pytest.mark.parametrize("model", [CharRNN(WORDS), DecoderTransformer(WORDS, context=LENGTH)])
def test_a_language_model_sees_no_later_token(model, tokens):
    changed = tokens.clone()
    changed[:, 6] = (changed[:, 6] + 1) % WORDS
    before, after = model(tokens), model(changed)
    assert before.shape == (5, LENGTH, WORDS)
    close(after[:, :6], before[:, :6])
    assert ((after - before)[:, 6:].abs().amax((0, 2)) > 1e-4).all()


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_weights_come_with_the_same_logits(kind, tokens):
    tokens[2, 8:] = 0
    model = (DecoderTransformer(WORDS, context=LENGTH) if kind == "decoder"
             else EncoderTransformer(WORDS, 3, context=LENGTH, padding=0))
    logits, weights = model(tokens, weights=True)
    close(logits, model(tokens))
    assert [found.shape for found in weights] == 2 * [(5, 4, LENGTH, LENGTH)]
    for found in weights:
        close(found.sum(-1), torch.ones(5, 4, LENGTH))
        forbidden = found[..., causal_mask(LENGTH)] if kind == "decoder" else found[2, :, :, 8:]
        assert (forbidden == 0).all() and (found > 0).float().mean() > 0.5


@pytest.mark.parametrize("weights", [False, True])
def test_dropout_acts_in_training_alone(tokens, weights):
    plain = DecoderTransformer(WORDS, context=LENGTH)
    model = DecoderTransformer(WORDS, context=LENGTH, dropout=0.3)
    model.load_state_dict(plain.state_dict())
    attention = model.blocks[0].attention
    x = torch.randn(5, LENGTH, 64)
    assert not torch.equal(attention(x, weights=weights)[0], attention(x, weights=weights)[0])
    assert not torch.equal(model(tokens), model(tokens))
    close(model.eval()(tokens), plain(tokens))
    assert torch.equal(attention(x, weights=weights)[0], attention(x, weights=weights)[0])


def test_parameters_are_counted_as_by_hand():
    embeddings, layer, last = (65 + 64) * 64, 12 * 64 * 64 + 13 * 64, 2 * 64 + 64 * 65 + 65
    assert parameter_count(DecoderTransformer(65)) == embeddings + 2 * layer + last
    assert parameter_count(CharRNN(65)) == 65 * 32 + (32 + 128 + 2) * 128 + 129 * 65


@pytest.mark.parametrize("model", [CharRNN(WORDS), DecoderTransformer(WORDS, context=LENGTH, dropout=0.5)])
def test_text_depends_on_its_seed_alone(model, tokens):
    before = torch.get_rng_state()
    texts = [generate(model, tokens[0], 30, seed=seed) for seed in (3, 3, 4)]
    assert torch.equal(torch.get_rng_state(), before) and model.training
    assert texts[0].dtype == torch.int64 and texts[0].shape == (LENGTH + 30,)
    assert torch.equal(texts[0][:LENGTH], tokens[0])
    assert torch.equal(texts[0], texts[1]) and not torch.equal(texts[0], texts[2])
    assert torch.equal(generate(model, tokens[0], 0), tokens[0])


class Known(nn.Module):
    """Logits that depend on nothing, and what was shown."""
    context = 3
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])

    def forward(self, tokens):
        self.shown = tokens
        return self.logits.expand(*tokens.shape, -1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature):
    text = generate(Known(), torch.tensor([0]), 3_000, temperature)[1:]
    expected = (Known.logits / temperature).softmax(0)
    assert ((text.bincount(minlength=4) / 3_000 - expected).abs() < 0.04).all()


def test_temperature_0_takes_the_likeliest_and_the_context_is_not_exceeded():
    model = Known()
    assert generate(model, torch.tensor([0, 1, 3, 0]), 3, temperature=0).tolist() == [0, 1, 3, 0, 2, 2, 2]
    assert model.shown.tolist() == [[0, 2, 2]]


@pytest.mark.parametrize("make", [CharRNN, lambda words: DecoderTransformer(words, context=LENGTH)])
def test_a_language_model_learns_to_count(make):
    model = make(WORDS)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _step in range(60):
        tokens = (torch.randint(WORDS, (16, 1)) + torch.arange(LENGTH + 1)) % WORDS
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert generate(model, torch.tensor([17]), 5, temperature=0).tolist() == [17, 18, 19, 0, 1, 2]


@pytest.mark.parametrize("call, field", [
    (lambda: DecoderTransformer(WORDS, width=30, heads=4), "heads"),
    (lambda: SelfAttention(8, 0), "heads"),
    (lambda: DecoderTransformer(WORDS, context=8)(torch.zeros(1, 9, dtype=torch.int64)), "tokens.shape"),
    (lambda: generate(CharRNN(WORDS), torch.zeros(1, 4, dtype=torch.int64), 3), "tokens"),
    (lambda: generate(CharRNN(WORDS), torch.tensor([], dtype=torch.int64), 3), "tokens"),
    (lambda: generate(CharRNN(WORDS), torch.tensor([1.0]), 3), "tokens"),
    (lambda: generate(CharRNN(WORDS), torch.tensor([1]), -1), "count"),
    (lambda: generate(CharRNN(WORDS), torch.tensor([1]), 1, temperature=-0.5), "temperature"),
    (lambda: generate(CharRNN(WORDS), torch.tensor([1]), 1, temperature=float("nan")), "temperature"),
])
def test_wrong_values_are_refused_by_name(call, field):
    with pytest.raises(SettingError, match=rf"^{field} = "):
        call()
