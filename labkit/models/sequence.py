"""Networks for sequences of tokens: two Transformers here, a recurrent one beside; and text drawn from a model."""
import torch
from torch import nn

from labkit.device import device_of, eval_mode
from labkit.language import _
from labkit.models.recurrent import CharRNN, RNNCell
from labkit.models.transformer import Transformer
from labkit.settings import refuse

__all__ = ["CharRNN", "DecoderTransformer", "EncoderTransformer", "RNNCell", "generate"]


class DecoderTransformer(Transformer):
    """A language model (as GPT): tokens (N, T) int64, T at most `context`, to logits (N, T, vocabulary_size).

    The logits at t know tokens 0..t alone. `weights=True` returns (logits, [(N, heads, T, T) of each layer]).
    """

    def __init__(self, vocabulary_size: int, width: int = 64, layers: int = 2, heads: int = 4, context: int = 64,
                 dropout: float = 0.0):
        super().__init__(vocabulary_size, vocabulary_size, width, layers, heads, context, dropout)

    def forward(self, tokens: torch.Tensor, weights: bool = False):
        x, found = self.features(tokens, None, True, weights)
        logits = self.dense(x)
        return (logits, found) if weights else logits


class EncoderTransformer(Transformer):
    """A classifier (as BERT): tokens (N, T) int64, T at most `context`, to logits (N, classes).

    Each token sees all others, except those equal to `padding`, which neither are seen nor count in the mean that
    goes to the last layer. `weights=True` returns (logits, [(N, heads, T, T) of each layer]).
    """

    def __init__(self, vocabulary_size: int, classes: int, width: int = 64, layers: int = 2, heads: int = 4,
                 context: int = 64, dropout: float = 0.0, padding: int | None = None):
        super().__init__(vocabulary_size, classes, width, layers, heads, context, dropout)
        self.padding = padding

    def forward(self, tokens: torch.Tensor, weights: bool = False):
        if self.padding is None:
            x, found = self.features(tokens, None, False, weights)
            mean = x.mean(1)
        else:
            hidden = tokens == self.padding
            hidden = hidden & ~hidden.all(1, keepdim=True)      # a row of padding alone is seen as it is
            x, found = self.features(tokens, hidden[:, None, None], False, weights)
            seen = (~hidden)[:, None].to(x.dtype)
            mean = (seen @ x).squeeze(1) / seen.sum(2)
        logits = self.dense(mean)
        return (logits, found) if weights else logits


def generate(model: nn.Module, tokens: torch.Tensor, count: int, temperature: float = 1.0,
             seed: int = 0) -> torch.Tensor:
    """`tokens` (T,) int64 followed by `count` more, each drawn from softmax(logits / temperature).

    `model` takes (1, T) and returns logits (1, T, vocabulary); one with a `context` is shown the last tokens that
    fit. Temperature 0 takes the likeliest token. The draws depend on `seed` alone and leave torch's own random
    numbers as they are. Raises `SettingError` for wrong values.
    """
    if tokens.dtype != torch.int64 or tokens.ndim != 1 or not len(tokens):
        raise refuse("tokens", f"{tokens.dtype} {tuple(tokens.shape)}", _("at least one token, int64 of shape (T,)"))
    if not isinstance(count, int) or count < 0:
        raise refuse("count", count, _("a whole number of at least 0"))
    if not 0 <= temperature < float("inf"):
        raise refuse("temperature", temperature, _("a number of at least 0"))
    generator, context = torch.Generator().manual_seed(seed), getattr(model, "context", None) or 0
    device, text = device_of(model), tokens.cpu()
    with eval_mode(model), torch.no_grad():
        for _step in range(count):
            logits = model(text[-context:][None].to(device))[0, -1].float().cpu()
            drawn = (torch.multinomial((logits / temperature).softmax(0), 1, generator=generator) if temperature
                     else logits.argmax(0, keepdim=True))
            text = torch.cat([text, drawn])
    return text
