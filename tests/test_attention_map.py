import copy
import math
import re
import threading
import time
import warnings

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torch import nn

from labkit.attention import capture, without_heads
from labkit.models import DecoderTransformer, EncoderTransformer
from labkit.settings import SettingError
from labkit.tokenise import CharacterTokenizer
from labkit.widgets import attention, attention_data
from labkit.widgets.attention import AttentionMap
from labkit.widgets.attention_still import still_picture

TEXT = "the cat sat on the mat"
TOKENIZER = CharacterTokenizer(TEXT)
KINDS = {"float32": torch.float32, "int16": torch.int16, "uint8": torch.uint8}


def build(kind=DecoderTransformer, *arguments, seed=0, **options) -> nn.Module:
    torch.manual_seed(seed)
    model = kind(len(TOKENIZER), *arguments, width=16, layers=2, heads=2, context=32, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)       # fresh weights attend nearly alike to every token
    return model


def ids(text: str) -> torch.Tensor:
    return torch.tensor([TOKENIZER.encode(text)])


@pytest.fixture
def shown():
    return AttentionMap(build(), "the cat", tokenizer=TOKENIZER)


def unpacked(shown) -> dict[str, torch.Tensor]:
    """The arrays as the page cuts them out of the bytes, in full numbers."""
    arrays, at = {}, 0
    for name, kind, length in shown.data.about["arrays"]:
        size = KINDS[kind].itemsize
        assert at % size == 0, f"{name} does not begin at a multiple of its number's size"
        arrays[name] = torch.frombuffer(bytearray(shown.data.arrays[at:at + length * size]), dtype=KINDS[kind])
        at += length * size
    assert at == len(shown.data.arrays)
    return arrays


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "attention map"]


# --- weights alone ---

def test_weights_go_to_the_page_as_they_are():
    weights = torch.rand(2, 3, 4, 4).softmax(-1)
    shown = AttentionMap(weights, ["a", "b", "c", "d"])
    assert torch.equal(shown.weights, weights) and shown.tokens == ["a", "b", "c", "d"]
    assert (unpacked(shown)["weights"].view_as(weights) / 255 - weights).abs().max() <= 0.5 / 255 + 1e-6
    about = shown.data.about
    assert (about["layers"], about["heads"], about["scored"], about["predictions"]) == (2, 3, 0, [])
    assert shown.prediction is None and set(unpacked(shown)) == {"weights", "entropy"}


def test_the_entropy_of_even_and_of_single_weights_is_known():
    weights = torch.stack([torch.full((8, 8), 1 / 8), torch.eye(8)])[None]
    shown = AttentionMap(weights.numpy(), "a b c d e f g h")
    entropy = unpacked(shown)["entropy"].view(2, 8)
    assert torch.allclose(entropy, torch.tensor([[3.0], [0.0]]).expand(2, 8))
    assert shown.data.about["first"] == [0, 1]      # the sharpest head is shown first


def test_weights_of_more_than_64_tokens_are_cut_and_the_page_says_so():
    shown = AttentionMap(torch.full((1, 1, 70, 70), 1 / 70), [f"t{number}" for number in range(70)])
    assert shown.weights.shape == (1, 1, 64, 64) and shown.tokens[-1] == "t63"
    assert shown.data.about["note"] == "The first 64 of 70 tokens are shown."


@pytest.mark.parametrize("weights, tokens, field", [
    (torch.zeros(2, 3, 3), "a b c", "weights"), (torch.zeros(1, 1, 3, 2), "a b c", "weights"),
    (torch.zeros(1, 1, 0, 0), [], "weights"), (torch.full((1, 1, 2, 2), 1.5), "a b", "weights"),
    (torch.full((1, 1, 2, 2), math.nan), "a b", "weights"), (torch.zeros(1, 1, 3, 3), "a b", "text_or_tokens")])
def test_wrong_weights_are_refused(weights, tokens, field):
    with pytest.raises(SettingError, match=f"^{field} = "):
        AttentionMap(weights, tokens)


def test_weights_alone_cannot_be_computed_again():
    shown = AttentionMap(torch.full((1, 1, 2, 2), 0.5), "a b")
    for act in (lambda: shown.set_text("c"), lambda: shown.switch_off(0, 0)):
        with pytest.raises(SettingError, match="a model"):
            act()
    with pytest.raises(SettingError, match="^checkpoints"):
        AttentionMap(torch.full((1, 1, 2, 2), 0.5), "a b", checkpoints={1: {}})


# --- a model ---

def test_a_model_gives_the_weights_that_capture_sees(shown):
    model = build().eval()
    with torch.no_grad(), capture(model) as captured:
        model(ids("the cat"))
    assert torch.allclose(shown.weights, torch.stack([layer.weights[0] for layer in captured]))
    assert shown.tokens == list("the cat")


def test_the_stages_lead_from_the_scores_to_the_weights(shown):
    arrays, about = unpacked(shown), shown.data.about
    shape = shown.weights.shape
    scores = arrays["scores"].view(shape) * arrays["unit"].view(*shape[:2], 1, 1)
    scaled = scores / about["width"] ** 0.5
    mask = arrays["mask"].view(shape).bool()
    assert about["width"] == 8 and torch.equal(mask, torch.ones(7, 7).triu(1).bool().expand(shape))
    assert torch.allclose(scaled.masked_fill(mask, -math.inf).softmax(-1), shown.weights, atol=1e-3)
    model = build().eval()
    with torch.no_grad(), capture(model) as captured:
        model(ids("the cat"))
    assert torch.allclose(arrays["norms"].view(shape[:-1]),
                          torch.stack([layer.value[0].norm(dim=-1) for layer in captured]))
    exact = torch.stack([(layer.query @ layer.key.mT)[0] for layer in captured])
    assert (scores - exact).abs().max() <= exact.abs().max() / 32767


class Distances(nn.Module):
    """Attention whose scores are lowered by the distance: the weights are not softmax(q·k/√d_k) alone."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(TOKENIZER), 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, tokens):
        x, at = self.embedding(tokens), torch.arange(tokens.shape[1])
        return self.attention(x, x, x, attn_mask=-(at[:, None] - at).abs().float())[0].mean(1)


def test_stages_that_do_not_lead_to_the_weights_are_not_shown():
    shown = AttentionMap(Distances(), "the cat", tokenizer=TOKENIZER)
    assert shown.data.about["scored"] == 0 and "scores" not in unpacked(shown) and "norms" in unpacked(shown)


def test_a_language_model_predicts_the_next_token(shown):
    with torch.no_grad():
        probabilities = build().eval()(ids("the cat"))[0, -1].softmax(-1)
    best = probabilities.topk(5)
    assert shown.prediction["after"] is None
    assert list(shown.prediction["before"]) == [TOKENIZER.vocabulary[number] for number in best.indices]
    assert list(shown.prediction["before"].values()) == pytest.approx(best.values.tolist(), abs=1e-6)


def test_a_classifier_predicts_its_classes():
    model = build(EncoderTransformer, 3)
    shown = AttentionMap(model, "the cat", tokenizer=TOKENIZER, class_names=["a", "b", "c"])
    with torch.no_grad():
        expected = model.eval()(ids("the cat"))[0].softmax(-1)
    assert {name: shown.prediction["before"][name] for name in "abc"} == pytest.approx(
        dict(zip("abc", expected.tolist(), strict=True)), abs=1e-6)
    assert sorted(AttentionMap(model, "the", tokenizer=TOKENIZER).prediction["before"]) == [
        "class 0", "class 1", "class 2"]


def test_a_head_that_is_off_changes_the_prediction_and_later_layers(shown):
    before, prediction = shown.weights, shown.prediction
    shown.switch_off(0, 1)
    shown.wait()
    assert shown.off == [(0, 1)] and shown.data.about["off"] == [[0, 1]]
    assert torch.allclose(shown.weights[0], before[0]) and not torch.allclose(shown.weights[1], before[1])
    model = build().eval()
    with torch.no_grad(), without_heads(model, [(0, 1)]):
        expected = model(ids("the cat"))[0, -1].softmax(-1)
    after = shown.prediction["after"]
    assert after == pytest.approx({name: float(expected[TOKENIZER.vocabulary.index(name)]) for name in after}, abs=1e-6)
    # Computed again, in whichever thread: the last digits of a float32 may differ.
    assert {name: shown.prediction["before"][name] for name in prediction["before"]} == pytest.approx(
        prediction["before"], abs=1e-6)
    assert len(after) >= 5 and after != shown.prediction["before"]
    shown.switch_off(0, 1)
    shown.switch_on(0, 1)
    shown.wait()
    assert shown.prediction["before"] == pytest.approx(prediction["before"], abs=1e-6)
    assert shown.prediction.keys() == prediction.keys() and torch.allclose(shown.weights, before, atol=1e-6)


@pytest.mark.parametrize("layer, head, field", [(2, 0, "layer"), (0, 2, "head"), (-1, 0, "layer")])
def test_a_head_that_is_not_there_is_refused(shown, layer, head, field):
    with pytest.raises(SettingError, match=f"^{field} = "):
        shown.switch_off(layer, head)
    assert shown.off == []


def test_the_map_works_on_a_copy_and_leaves_the_model_as_it_was():
    model = build()
    shown = AttentionMap(model, "the cat", tokenizer=TOKENIZER)
    assert model.training
    before = shown.weights
    with torch.no_grad():
        next(model.parameters()).add_(1)
    shown.set_text("the cat sat")
    shown.set_text("the cat")
    shown.wait()
    assert torch.allclose(shown.weights, before, atol=1e-6)


def test_another_text_is_computed_and_cut_at_the_models_context(shown):
    shown.set_text(TEXT * 2)
    shown.wait()
    assert shown.tokens == list((TEXT * 2)[:32]) and shown.weights.shape[-2:] == (32, 32)
    assert shown.data.about["note"] == "The first 32 of 44 tokens are shown."
    shown.set_text("Z")
    shown.wait()
    assert shown.tokens == ["<unk>"] and shown.data.about["note"] == ""


def test_a_tokenizer_may_only_encode_and_decode():
    class Plain:
        encode, decode = staticmethod(TOKENIZER.encode), staticmethod(TOKENIZER.decode)
    shown = AttentionMap(build(), "the cat", tokenizer=Plain())
    assert shown.tokens == list("the cat")
    assert set(shown.prediction["before"]) <= {*TOKENIZER.vocabulary, "", "\ufffd"}


def test_hugging_faces_bert_is_shown_too():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(
        vocab_size=len(TOKENIZER), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16))
    shown = AttentionMap(model, "the cat", tokenizer=TOKENIZER)
    assert shown.weights.shape == (2, 2, 7, 7) and shown.data.about["scored"] == 1
    assert list(sorted(shown.prediction["before"])) == ["class 0", "class 1"]


@pytest.mark.parametrize("given, field", [
    ({"tokenizer": None}, "tokenizer"), ({"text_or_tokens": ["the"]}, "text_or_tokens"),
    ({"text_or_tokens": ""}, "text"), ({"model_or_weights": nn.Linear(2, 2)}, "model")])
def test_wrong_arguments_are_refused(given, field):
    with pytest.raises(SettingError, match=f"^{field} = "):
        AttentionMap(**{"model_or_weights": build(), "text_or_tokens": "the", "tokenizer": TOKENIZER, **given})


# --- checkpoints ---

def checkpoints(count: int) -> dict[int, dict]:
    return {10 * seed: build(seed=seed).state_dict() for seed in reversed(range(count))}


def test_each_checkpoint_is_read_in_order():
    shown = AttentionMap(build(seed=9), "the cat", tokenizer=TOKENIZER, checkpoints=checkpoints(3))
    assert shown.page["steps"] == [0, 10, 20] and len(shown.data.about["predictions"]) == 3
    sent = unpacked(shown)["weights"].view(3, *shown.weights.shape) / 255
    for seed in range(3):
        alone = AttentionMap(build(seed=seed), "the cat", tokenizer=TOKENIZER)
        assert (sent[seed] - alone.weights).abs().max() < 0.5 / 255 + 1e-6
        assert shown.data.about["predictions"][seed] == alone.data.about["predictions"][0]
    assert torch.equal(shown.weights, alone.weights)


def test_scores_of_the_last_checkpoints_are_sent_where_not_all_fit(monkeypatch):
    one = 2 * 2 * 7 * 7 * 2         # bytes: layers, heads, T, T, int16
    monkeypatch.setattr(attention_data, "SCORE_BYTES", 2 * one + 1)
    shown = AttentionMap(build(), "the cat", tokenizer=TOKENIZER, checkpoints=checkpoints(3))
    arrays = unpacked(shown)
    assert shown.data.about["scored"] == 2 and len(arrays["scores"]) * 2 == 2 * one
    assert len(arrays["weights"]) == 3 * one / 2


def test_checkpoints_that_are_all_the_same_tensors_are_refused():
    model = build()
    with pytest.raises(SettingError, match="copy"):
        AttentionMap(model, "the", tokenizer=TOKENIZER, checkpoints={0: model.state_dict(), 1: model.state_dict()})
    states = {0: copy.deepcopy(model.state_dict()), 1: model.state_dict()}
    AttentionMap(model, "the", tokenizer=TOKENIZER, checkpoints=states)


# --- the worker ---

def test_the_latest_of_many_texts_wins_and_the_worker_ends(shown, monkeypatch):
    seen, read = [], attention.read
    monkeypatch.setattr(attention, "read", lambda model, ids, *more: (
        seen.append(len(ids)), time.sleep(0.01), read(model, ids, *more))[-1])
    for length in range(1, 23):
        shown.wish = {"text": TEXT[:length], "off": [], "number": length}       # what the page does
        assert len(workers()) <= 1
    shown.wait()
    assert seen[-1] == 22 and len(seen) < 22 and seen == sorted(seen)
    assert shown.tokens == list(TEXT) and shown.data.about["number"] == 22 and not workers()


def test_the_callback_returns_before_the_answer_is_computed(shown, monkeypatch):
    go, read = threading.Event(), attention.read
    monkeypatch.setattr(attention, "read", lambda *given: (go.wait(10), read(*given))[-1])
    shown.set_text("sat")
    assert shown.tokens == list("the cat")
    with pytest.raises(TimeoutError):
        shown.wait(seconds=0.05)
    go.set()
    shown.wait()
    assert shown.tokens == list("sat")


def test_an_error_is_shown_and_raised_by_wait_until_an_answer_succeeds(shown):
    shown.wish = {"text": "", "off": [], "number": 1}
    with pytest.raises(SettingError, match="at least one token"):
        shown.wait()
    assert "at least one token" in shown.data.error and shown.data.about["number"] == 1
    assert shown.tokens == list("the cat")
    shown.set_text("sat")
    shown.wait()
    assert shown.data.error == "" and shown.tokens == list("sat") and not workers()


def test_an_empty_text_is_refused_before_anything_changes(shown):
    with pytest.raises(SettingError, match="^text = "):
        shown.set_text("")
    assert shown.wish["text"] == "the cat"


# --- the page and the still copy ---

def test_the_page_gets_every_text_from_python_and_sets_it_as_text(shown):
    script = str(shown._esm)
    assert "innerHTML" not in script and "insertAdjacentHTML" not in script and "http" not in script
    used = set(re.findall(r"\bwords\.(\w+)", script)) | set(attention_stages(script))
    assert used == set(shown.page["words"])


def attention_stages(script: str) -> list[str]:
    return re.findall(r'"(\w+)"', re.search(r"const STAGES = \[(.*?)\]", script)[1])


def test_the_still_copy_draws_any_token_without_a_warning():
    tokens = ["$x_1$", "中文", "😀", "\u05e9\u05dc\u05d5\u05dd", "<b>", " ", "\n", "a" * 40, "\x07"]
    weights = torch.full((1, 2, 9, 9), 1 / 9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = still_picture(weights, tokens, 0, 1, "$title$")
    assert png == still_picture(weights, tokens, 0, 1, "$title$")
    assert png != still_picture(weights, ["b", *tokens[1:]], 0, 1, "$title$")


def test_headless_both_outputs_are_stored_and_the_still_copy_is_the_latest():
    """A real kernel without a browser."""
    set_up = """
import torch
from labkit.models import DecoderTransformer
from labkit.tokenise import CharacterTokenizer
from labkit.widgets import AttentionMap
torch.manual_seed(0)
tokenizer = CharacterTokenizer("the cat")
model = DecoderTransformer(len(tokenizer), width=8, layers=1, heads=2)
"""
    show = "shown = AttentionMap(model, {text!r}, tokenizer=tokenizer)\nshown.show()\n"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (
        set_up, show.format(text="the") + "shown.set_text('cat'); shown.wait()", show.format(text="cat"))])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    changed, fresh = (cell.outputs for cell in notebook.cells[1:])
    assert [output["data"]["text/plain"] for output in changed] == [
        "[live widget: run this cell to use it]", "still copy of the widget above"]
    assert "on 3 tokens" in changed[1]["metadata"]["image/png"]["alt"]
    assert changed[1]["data"]["image/png"] == fresh[1]["data"]["image/png"]
