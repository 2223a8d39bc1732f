"""Checks of chapter 2: sizes of Transformers, a step of byte-pair encoding, spectrograms, equal counts, memory."""
from labkit.checks.framework import exercise
from labkit.language import _
from labkit.models.equal import width_for


def _layers(draw):
    yield 768, 3072
    yield 12_288, 49_152
    yield 1, 1
    yield from ((draw.randint(2, 2_000), draw.randint(2, 8_000)) for _case in range(10))


@exercise("2.1", _layers, lambda: (
    _("Attention has four dense layers from width to width: query, key, value, and the one that mixes the heads. "
      "The number of heads changes nothing."),
    _("The feed-forward part has two dense layers: from width to feed_forward, and back."),
    _("Each dense layer has a bias for each of its outputs. The two layer norms have a scale and a shift for each "
      "of the width numbers."),
))
def layer_parameters(width, feed_forward):
    """The parameters of one Transformer layer with biases: attention, feed-forward part and two layer norms.

    `layer_parameters(768, 3072)` is 7,087,872, a layer of BERT base and of GPT-2 small.
    """
    attention = 4 * (width * width + width)
    dense = width * feed_forward + feed_forward + feed_forward * width + width
    return attention + dense + 2 * 2 * width


def _merges(draw):
    yield [1, 2, 3, 1, 2], (1, 2), 9
    yield [5, 5, 5], (5, 5), 6          # from the left: the pair must not use a token twice
    yield [5, 5, 5, 5], (5, 5), 6
    yield [], (1, 2), 9
    yield [1], (1, 2), 9
    yield [1, 1, 2, 2], (1, 2), 9
    yield [1, 2, 2], (1, 2), 1          # a new token that makes the pair again: once is enough
    yield from (([draw.randint(0, 2) for _token in range(draw.randint(2, 15))],
                 (draw.randint(0, 2), draw.randint(0, 2)), draw.randint(3, 5)) for _case in range(15))


@exercise("2.2", _merges, lambda: (
    _("Walk through the list with an index, and build a new list."),
    _("Where the token at the index and the next one are the pair, append the new token and go on by two."),
    _("The last token has no next one: check that the index plus one is still inside the list. Compare as a tuple, "
      "(ids[i], ids[i + 1]) == pair."),
))
def merge(ids, pair, new):
    """The list `ids` with each occurrence of `pair`, from left to right, replaced by the one token `new`.

    `merge([1, 2, 3, 1, 2], (1, 2), 9)` is [9, 3, 9]; `merge([5, 5, 5], (5, 5), 6)` is [6, 5].
    """
    merged, place = [], 0
    while place < len(ids):
        found = tuple(ids[place:place + 2]) == tuple(pair)
        merged.append(new if found else ids[place])
        place += 2 if found else 1
    return merged


def _sounds(draw):
    yield 8_000, 256, 128
    yield 256, 256, 64
    yield 16_000, 400, 160
    yield 1_001, 255, 10
    for _case in range(10):
        window = draw.randint(2, 600)
        yield draw.randint(window, 10_000), window, draw.randint(1, window)


@exercise("2.3", _sounds, lambda: (
    _("The first window begins at sample 0, the next at hop, then 2 × hop. The last one must end inside the sound."),
    _("So the last start is at most samples - window. How many multiples of hop are there from 0 to that?"),
    _("A Fourier transform of real numbers says nothing new above half of the sampling rate: of window frequencies, "
      "window // 2 + 1 are kept, 0 among them."),
))
def spectrogram_shape(samples, window, hop):
    """(frequencies, frames) of the spectrogram of a sound of `samples` real numbers, without padding.

    `spectrogram_shape(8000, 256, 128)` is (129, 61), as `torch.stft` gives it with `center=False`.
    """
    return window // 2 + 1, 1 + (samples - window) // hop


def _shapes(draw):
    yield 1_000, 1, 2, 2
    yield 1_000, 8, 2, 2
    yield 20_000, 4, 784, 10
    yield 42, 2, 2, 2                   # exactly 4 units
    for _case in range(12):
        yield draw.randint(500, 100_000), draw.randint(1, 10), draw.randint(1, 64), draw.randint(1, 20)


@exercise("2.4", _shapes, lambda: (
    _("Write down the count for a width first: one layer from inputs to width, depth - 1 from width to width, one from "
      "width to outputs, each with its biases."),
    _("The count grows with the width. Try 1, 2, 3 ... and stop before it passes the limit; no formula is needed."),
    _("The limit may be reached exactly. With depth 1 there is no layer from width to width at all."),
))
def equal_width(parameters, depth, inputs, outputs):
    """The largest width at which `depth` hidden layers of that width, with biases, have at most `parameters`.

    `equal_width(1000, 4, 2, 2)` is 16.
    """
    return width_for(parameters, depth, inputs, outputs)


def _served(draw):
    yield 124_439_808, 12, 768, 1_024, 16
    yield 174_604_259_328, 96, 12_288, 2_048, 16
    yield 1_000, 1, 8, 0, 32
    yield 7, 1, 1, 1, 4
    for _case in range(10):
        yield (draw.randint(10**5, 10**7), draw.randint(1, 48), draw.randint(64, 4_096), draw.randint(1_000, 10_000),
               draw.choice((4, 8, 16, 32)))


@exercise("2.5", _served, lambda: (
    _("Eight bits are a byte. The weights are read whole for every token, so all of them are in memory."),
    _("So that no token is computed twice, each layer keeps the key and the value of every token that it has seen: two "
      "vectors of width numbers."),
    _("Numbers kept for the tokens: 2 × layers × width × tokens. Add the parameters, then multiply by bits / 8."),
))
def serving_bytes(parameters, layers, width, tokens, bits):
    """Bytes that a language model needs to write text: its weights, and keys and values of `tokens` tokens.

    Both are kept in `bits` bits a number. For GPT-2 small with 1,024 tokens in 16 bits,
    `serving_bytes(124_439_808, 12, 768, 1024, 16)` is 286,628,352.
    """
    return (parameters + 2 * layers * width * tokens) * bits / 8
