"""The checks of the attention paper: sines for places, and why they let a head read backwards."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _
from labkit.papers.copying import sines


def _tables(draw):
    yield 1, 2
    yield 4, 4
    yield 0, 6                                          # no place at all
    for _case in range(5):
        yield draw.randint(2, 40), 2 * draw.randint(1, 12)


@exercise("10.1", _tables, lambda: (
    _("Pair k of a row holds one angle, twice: once as sine, once as cosine. What is the angle at place 0?"),
    _("The angle is place / 10000^(2k/size). Column 2k has its sine, column 2k + 1 its cosine; k begins at 0."),
    _("angles = torch.arange(length)[:, None] * 10000 ** (-torch.arange(0, size, 2) / size); then stack and flatten."),
))
def positions(length, size):
    """The table of places 0 … length − 1 of Vaswani et al. 2017, section 3.5: (length, size), `size` even."""
    return sines(length, size)


def _places(draw):
    yield sines(5, 4), 5
    yield sines(3, 2)[1:2], 3                           # the middle, its own mirror image
    yield sines(8, 6)[5:], 8                            # not all places, and not from 0
    for _case in range(5):
        length = draw.randint(2, 30)
        places = torch.tensor([draw.randrange(length) for _place in range(draw.randint(1, 6))])
        yield sines(length, 2 * draw.randint(1, 8))[places], length


@exercise("10.2", _places, lambda: (
    _("Each pair is a point on a circle, (sin a, cos a). Which angle has the mirrored place?"),
    _("If place t has the angle a, place length − 1 − t has c − a, with c = (length − 1) / 10000^(2k/size)."),
    _("sin(c − a) = sin c · cos a − cos c · sin a; cos(c − a) = cos c · cos a + sin c · sin a. Sines: [:, 0::2]."),
))
def mirror(encoded, length):
    """From encodings (N, size) of places in a row of `length`, those of the mirrored places, length − 1 − place."""
    size = encoded.shape[1]
    whole = (length - 1) * 10000 ** (-torch.arange(0, size, 2) / size)
    sine, cosine = encoded[:, 0::2], encoded[:, 1::2]
    turned = [whole.sin() * cosine - whole.cos() * sine, whole.cos() * cosine + whole.sin() * sine]
    return torch.stack(turned, 2).flatten(1)
