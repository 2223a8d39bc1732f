"""Check of section 6.2: what the block of EfficientNet costs."""
from labkit.checks.framework import exercise
from labkit.language import _


def _blocks(draw):
    yield 8, 4, 3, 49
    yield 1, 1, 1, 1
    yield 16, 6, 5, 196
    yield from ((draw.randint(1, 64), draw.randint(1, 8), draw.choice((1, 3, 5, 7)), draw.randint(1, 400))
                for _case in range(8))


@exercise("6.3", _blocks, lambda: (
    _("Three convolutions follow one another: 1 × 1, depthwise, 1 × 1. Count each by itself, at one pixel."),
    _("A 1 × 1 convolution from a to b channels multiplies a × b times. In a depthwise one each channel meets one "
      "kernel × kernel filter only, not one for every other channel."),
    _("With inner = width × expansion: pixels × (width × inner + inner × kernel² + inner × width)."),
))
def efficient_multiplications(width, expansion, kernel, pixels):
    """Multiplications of one inverted residual block for one picture of `pixels` pixels, padded so that they stay.

    The block widens `width` channels `expansion` times (1 × 1), filters each channel by itself (kernel × kernel,
    depthwise) and narrows them to `width` again (1 × 1). Normalisation and squeeze-and-excitation are left out.
    """
    inner = width * expansion
    return pixels * inner * (2 * width + kernel ** 2)
