"""Attention maps: what every head of a model looks at in a text.

    lk.AttentionMap(model, "the cat sat", tokenizer=tokenizer).show()
    lk.AttentionMap(weights, ["the", "cat", "sat"]).show()      # weights (layers, heads, 3, 3)

The page gets the weights of all layers, heads and checkpoints once, as bytes, and asks the kernel only for what needs
the model: another text, and the same text with heads switched off. One worker thread answers, the latest wish only.
"""
import threading

import torch
from anywidget import WidgetTrait
from IPython.display import display
from torch import nn
from traitlets import Bytes, Dict, Unicode

from labkit.language import _
from labkit.settings import choose, refuse
from labkit.widgets.attention_data import MOST_TOKENS, Reading, largest, own_copy, pack, read
from labkit.widgets.attention_still import still_picture
from labkit.widgets.still import LiveWidget, StillCopy, script, style

MOST_CHARACTERS = 2000      # that can be typed


def words() -> dict[str, str]:
    """What the page says. Names in braces are filled in there."""
    return {
        "text": _("Your own text"), "checkpoint": _("Checkpoint"), "step": _("step {step} of {last}"),
        "overview": _("All heads. Arrow keys move, Enter chooses."), "layer": _("layer {number}"),
        "head": _("head {number}"), "chosen": _("Layer {layer}, head {head}"), "bits": _("{bits} bits"),
        "entropy": _("entropy {bits} bits: a token looks at about 2^{bits} = {count} tokens"),
        "stage": _("The map shows"), "scores": _("1 · q·k"), "scaled": _("2 · divided by √d_k = {root}"),
        "masked": _("3 · masked"), "softmax": _("4 · softmax"), "values": _("5 · weights × |v|"),
        "weighted": _("weigh by the length of the value vectors"), "off": _("switch this head off"),
        "is_off": _("off"), "all_on": _("Switch all heads on"), "size": _("Size of the map"),
        "queries": _("Looks: a token's query"), "keys": _("Is looked at: its key"),
        "looks": _("{token} looks at {others}"), "seen": _("{token} is looked at by {others}"),
        "pair": _("{query} looks at {key}: {value} ({stage})"),
        "numbers": _("From scores to weights, for {token}"),
        "token_entropy": _("entropy {bits} bits, 2^{bits} = {count} tokens"),
        "no_scores": _("Only the weights are known here, not the scores that they come from."),
        "matrix": _("Layer {layer}, head {head}: rows look, columns are looked at. Arrow keys move from cell to cell."),
        "next": _("Prediction: the token that comes next"), "class": _("Prediction: the class"),
        "probability": _("probability"), "all_heads": _("all heads on"), "without": _("heads off: {heads}"),
        "table": _("Show as table"), "waiting": _("The kernel computes …"), "ready": _("{count} tokens"),
        "query": _("query"), "key": _("key")}


class AttentionData(LiveWidget):
    """What the worker writes. The map's view draws it, so it has no view of its own."""
    about = Dict().tag(sync=True)
    arrays = Bytes().tag(sync=True)
    error = Unicode().tag(sync=True)


class AttentionMap(LiveWidget):
    """All heads of a model at a glance, and one of them in lines, as a matrix and in numbers.

    model_or_weights  a model that `labkit.attention.capture` knows, from token ids (1, T) to logits: (1, classes) for
                      a classifier, (1, T, vocabulary) for a language model. It is copied, so that training it further
                      changes nothing here. Or weights (layers, heads, T, T), from 0 to 1.
    text_or_tokens    a text, cut after 64 tokens (or the model's `context`); for weights, also a list of T tokens
    tokenizer         of the model: `encode(text) -> ids`, and `tokens(text)` or `decode(ids)`
    checkpoints       {step: state_dict} of the model, each a copy: a slider goes through them
    class_names       of a classifier

    Layers and heads count from 0. State is plain Python: `tokens`, `weights` (layers, heads, T, T) at the last
    checkpoint, `prediction`, `off`. `set_text(text)`, `switch_off(layer, head)` and `switch_on` do what the page does,
    and `wait()` waits for the answer. Raises `SettingError` for a value that cannot be used.
    """
    needs_kernel = False
    _esm = script("attention_drawing.js", "attention_parts.js", "attention.js")
    _css = style("attention.css")
    page = Dict().tag(sync=True)        # what the page says; never changes
    wish = Dict().tag(sync=True)        # text, heads off and a number: written by the page, and by the methods below
    data = WidgetTrait().tag(sync=True)

    def __init__(self, model_or_weights: nn.Module | torch.Tensor, text_or_tokens: str | list[str], *, tokenizer=None,
                 title: str = "", checkpoints: dict[int, dict] | None = None,
                 class_names: list[str] | tuple[str, ...] | None = None):
        has_model = isinstance(model_or_weights, nn.Module)
        if has_model and tokenizer is None:
            raise refuse("tokenizer", None, _("the one that the model was trained with"))
        if has_model and not isinstance(text_or_tokens, str):
            raise refuse("text_or_tokens", text_or_tokens, _("a text, where a model is given"))
        if checkpoints and not has_model:
            raise refuse("checkpoints", list(checkpoints), _("None, where weights are given in place of a model"))
        self._model = own_copy(model_or_weights) if has_model else None
        self._tokenizer, self._class_names, self._title = tokenizer, class_names, _(title)
        self._steps, self._states = _in_order(checkpoints or {})
        self._still: StillCopy | None = None
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._wanted: dict | None = None        # the latest wish not yet answered
        self._failure: Exception | None = None
        super().__init__(data=AttentionData(), page={
            "words": words(), "title": self._title, "steps": self._steps, "has_model": has_model,
            "longest": MOST_CHARACTERS})
        if has_model:
            self.wish = {"text": text_or_tokens, "off": [], "number": 0}
            self._answer(self.wish)
        else:
            self.wish = {"text": "", "off": [], "number": 0}
            self._publish(*_given(model_or_weights, text_or_tokens), self.wish)
        self.observe(self._ask, names="wish")

    # --- what a learner or a test calls ---

    @property
    def tokens(self) -> list[str]:
        """The tokens that are shown, at most 64."""
        return list(self._tokens)

    @property
    def weights(self) -> torch.Tensor:
        """Attention weights (layers, heads, T, T) at the last checkpoint; [l, h, i, j]: how much i looks at j."""
        return self._reading.weights[-1]

    @property
    def off(self) -> list[tuple[int, int]]:
        """The heads that are switched off, as (layer, head)."""
        return [tuple(pair) for pair in self.wish["off"]]

    @property
    def prediction(self) -> dict | None:
        """{"before": {name: probability}, "after": likewise or None}: classes, or the five likeliest next tokens.

        At the last checkpoint; `after` is without the heads that are off. None for weights without a model.
        """
        if not self.data.about["predictions"]:
            return None
        rows = self.data.about["predictions"][-1]
        after = {row["name"]: row["after"] for row in rows if "after" in row}
        return {"before": {row["name"]: row["before"] for row in rows}, "after": after or None}

    def set_text(self, text: str) -> None:
        """Show another text, as if it were typed in the page."""
        self._need_model()
        self._encode(text)
        self._wish(text=text)

    def switch_off(self, layer: int, head: int) -> None:
        """Set the output of one head to zero, for the maps of later layers and for the prediction."""
        self._need_model()
        layers, heads = self.weights.shape[:2]
        choose("layer", layer, range(layers))
        choose("head", head, range(heads))
        self._wish(off=[[*pair] for pair in dict.fromkeys([*self.off, (layer, head)])])

    def switch_on(self, layer: int, head: int) -> None:
        """Undo `switch_off`."""
        self._wish(off=[[*pair] for pair in self.off if pair != (layer, head)])

    def wait(self, seconds: float = 60) -> None:
        """Wait until the latest text and heads are computed; raise the error that this ended with, if any."""
        while (worker := self._worker) is not None:
            worker.join(seconds)
            if worker.is_alive():
                raise TimeoutError(_("The map was not computed within {seconds} seconds.").format(seconds=seconds))
        if self._failure is not None:
            raise self._failure

    def show(self) -> None:
        """Display the map and, as a second output, a still copy for readers without a kernel."""
        display(self)
        self._still = StillCopy()
        self._show_still()

    # --- the worker ---

    def _need_model(self) -> None:
        if self._model is None:
            raise refuse("model", None, _("a model, since weights alone cannot be computed again"))

    def _wish(self, **changes) -> None:
        self.wish = {**self.wish, **changes, "number": self.wish["number"] + 1}

    def _ask(self, change) -> None:
        # May run on any thread: it only notes what is wanted, and starts the worker if none is at work.
        with self._lock:
            self._wanted = self.wish
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="attention map", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                wanted, self._wanted = self._wanted, None
                if wanted is None:
                    self._worker = None
                    return
            try:
                self._answer(wanted)
                if self._wanted is None and self._still is not None:
                    self._show_still()
                self._failure, self.data.error = None, ""
            except Exception as error:      # noqa: BLE001  shown in the page, raised again by wait()
                self._failure, self.data.error = error, f"{type(error).__name__}: {error}"
                self.data.about = {**self.data.about, "number": wanted["number"]}

    def _answer(self, wish: dict) -> None:
        tokens, ids, note = self._encode(wish["text"])
        off = [tuple(pair) for pair in wish["off"]]
        self._publish(tokens, note, read(self._model, ids, self._states, off), wish)

    def _encode(self, text: str) -> tuple[list[str], list[int], str]:
        """The tokens that are shown, their ids, and a note where the text was cut."""
        text = text[:MOST_CHARACTERS]
        ids = list(self._tokenizer.encode(text))
        if not ids:
            raise refuse("text", text, _("a text of at least one token"))
        most = min(MOST_TOKENS, getattr(self._model, "context", None) or MOST_TOKENS)
        if hasattr(self._tokenizer, "tokens"):
            tokens = self._tokenizer.tokens(text)
        else:
            tokens = [self._tokenizer.decode([number]) for number in ids]
        return tokens[:most], ids[:most], _cut(most, len(ids))

    def _publish(self, tokens: list[str], note: str, reading: Reading, wish: dict) -> None:
        """Send everything in one message."""
        about, arrays = pack(reading)
        predictions = []
        if reading.before is not None:
            name = self._token_name if reading.generates else self._class_name
            predictions = [largest(reading, place, name) for place in range(len(reading.weights))]
        self._tokens, self._reading = tokens, reading
        with self.data.hold_sync():
            self.data.arrays = arrays
            self.data.about = {**about, "tokens": tokens, "note": note, "off": wish["off"], "number": wish["number"],
                               "generates": reading.generates, "predictions": predictions}

    def _token_name(self, number: int) -> str:
        vocabulary = getattr(self._tokenizer, "vocabulary", None)
        return vocabulary[number] if vocabulary else self._tokenizer.decode([number])

    def _class_name(self, number: int) -> str:
        return _(self._class_names[number]) if self._class_names else _("class {number}").format(number=number)

    def _show_still(self) -> None:
        about = self.data.about
        layer, head = about["first"]
        alt = _("Attention of {layers} layers with {heads} heads on {count} tokens; "
                "layer {layer}, head {head} is shown large").format(
            layers=about["layers"], heads=about["heads"], count=len(self._tokens), layer=layer, head=head)
        self._still.show(still_picture(self.weights, self._tokens, layer, head, self._title), alt)


def _cut(most: int, count: int) -> str:
    return "" if count <= most else _("The first {shown} of {count} tokens are shown.").format(shown=most, count=count)


def _given(weights, tokens: str | list[str]) -> tuple[list[str], str, Reading]:
    """Weights as they are given, and their tokens, cut to what is shown."""
    weights = torch.as_tensor(weights).detach().float().cpu()
    tokens = tokens.split() if isinstance(tokens, str) else list(map(str, tokens))
    if weights.ndim != 4 or weights.shape[2] != weights.shape[3] or not weights.numel():
        raise refuse("weights", tuple(weights.shape), _("the shape (layers, heads, T, T)"))
    if not (weights >= 0).all() or not (weights <= 1).all():
        raise refuse("weights", weights, _("numbers from 0 to 1"))
    if len(tokens) != weights.shape[2]:
        raise refuse("text_or_tokens", tokens, _("{count} tokens, one for each row").format(count=weights.shape[2]))
    shown = weights[None, :, :, :MOST_TOKENS, :MOST_TOKENS]
    return tokens[:MOST_TOKENS], _cut(MOST_TOKENS, len(tokens)), Reading(shown)


def _in_order(checkpoints: dict[int, dict]) -> tuple[list[int], list[dict]]:
    """Steps from the first to the last, and their weights."""
    steps = sorted(checkpoints)
    states = [checkpoints[step] for step in steps]
    places = {next(iter(state.values())).data_ptr() for state in states}
    if len(places) < len(states):
        raise refuse("checkpoints", steps, _("a copy of the weights at each step"), _(
            "state_dict() alone refers to weights that training changes: use copy.deepcopy(model.state_dict())."))
    return steps, states
