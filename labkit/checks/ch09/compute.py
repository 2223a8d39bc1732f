"""Checks of questions 1 and 4: what answering keeps in memory, and the fewest devices for a training run."""
import math

from labkit.checks.framework import exercise
from labkit.language import _


def _caches(draw):
    yield 1, 8, 2, 2, 1, 1, 2                   # one layer, one token
    yield 96, 12_288, 96, 96, 2048, 1, 2        # GPT-3
    yield 80, 8192, 64, 8, 4096, 16, 2          # Llama 2 70B: eight heads alone have keys and values
    yield 4, 64, 8, 1, 10, 3, 0.5
    for _case in range(6):
        heads = draw.choice((4, 8, 16))
        yield (draw.randint(1, 40), heads * draw.choice((16, 64)), heads, draw.choice((1, 2, heads)),
               draw.randint(1, 5000), draw.randint(1, 64), draw.choice((1, 2, 4)))


@exercise("9.1", _caches, lambda: (
    _("Each layer keeps two vectors for each token, a key and a value. How long are they?"),
    _("A head is width / heads numbers wide, and key_value_heads of them are kept."),
    _("2 * layers * (width // heads) * key_value_heads numbers for each token; then tokens, texts, bytes."),
))
def cache_bytes(layers, width, heads, key_value_heads, tokens, texts, bytes_each):
    """Bytes of the keys and values of `texts` with `tokens` tokens each."""
    return 2 * layers * (width // heads) * key_value_heads * tokens * texts * bytes_each


def _runs(draw):
    yield 1e9, 20e9, 80e9, 312e12, 0.4, 30                  # one device is enough
    yield 175e9, 300e9, 80e9, 312e12, 0.4, 30               # time decides
    yield 175e9, 1e9, 80e9, 312e12, 0.4, 30                 # memory decides
    yield 5e9, 1e9, 80e9, 312e12, 0.5, 100                  # 16 bytes each fill one device exactly
    for _case in range(6):
        yield (draw.uniform(1, 300) * 1e9, draw.uniform(1, 2000) * 1e9, draw.choice((24e9, 80e9, 141e9)),
               draw.choice((165e12, 312e12, 989e12)), round(draw.uniform(0.2, 0.6), 2), draw.randint(5, 100))


@exercise("9.4", _runs, lambda: (
    _("Two things can ask for more devices: memory and time. The larger number counts."),
    _("Memory: 16 bytes a parameter. Time: 6 * parameters * tokens FLOPs, at flops * utilisation a second."),
    _("Round both up with math.ceil, take the larger; the days follow from it: seconds / 86400 / count."),
))
def fewest_devices(parameters, tokens, memory, flops, utilisation, days):
    """[count, days]: the fewest devices that hold 16 bytes a parameter and end within `days`, and the days they take.

    `memory` is bytes and `flops` FLOP/s of one device. Training takes 6 FLOPs a parameter and token.
    """
    device_days = 6 * parameters * tokens / (flops * utilisation) / 86_400
    count = max(math.ceil(16 * parameters / memory), math.ceil(device_days / days))
    return [count, device_days / count]
