"""Networks for sequences of tokens, and text drawn from a language model."""
import torch
from torch import nn

from labkit.evaluation import device_of, eval_mode
from labkit.language import _
from labkit.models.recurrent import CharRNN, RNNCell
from labkit.models.transformer import DecoderTransformer, EncoderTransformer
from labkit.settings import refuse

__all__ = ["CharRNN", "DecoderTransformer", "EncoderTransformer", "RNNCell", "generate"]


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
