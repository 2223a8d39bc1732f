"""The still copy of an attention map: all heads, and one of them with its tokens, as a PNG."""
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from labkit.faces import chinese, drawable, faces
from labkit.language import _, language
from labkit.widgets.still import picture

LONGEST_LABEL = 14
SPACES = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})


def still_picture(weights: torch.Tensor, tokens: list[str], layer: int, head: int, title: str) -> bytes:
    """`weights` (layers, heads, T, T) as a sheet of small maps, and `weights[layer, head]` large. √weight is the shade.

    Its words are English where the computer has no face for the learner's language; a character that no face has is
    drawn as □.
    """
    words = str if language() == "zh" and not chinese() else _
    layers, heads, count = weights.shape[:3]
    size = 3.6 + 0.065 * count
    figure = Figure(figsize=(4.4 + size, size + 0.9))
    small, large = figure.subplots(1, 2, width_ratios=(3.2, size))
    shades = {"cmap": "Blues", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
    small.imshow(_sheet(weights.sqrt().numpy()), **shades)
    middles = [np.arange(number) * (count + 1) + (count - 1) / 2 for number in (heads, layers)]
    small.set_xticks(middles[0], range(heads))
    small.set_yticks(middles[1], range(layers))
    small.set(xlabel=words("head"), ylabel=words("layer"), facecolor="#8a8a8a")
    large.imshow(weights[layer, head].sqrt().numpy(), **shades)
    labels = [_drawable(token) for token in tokens]
    points = max(5, min(10, 62 * size / count))
    upright = max(map(len, labels)) == 1
    large.set_xticks(range(count), labels, rotation=0 if upright else 90, fontsize=points, parse_math=False)
    large.set_yticks(range(count), labels, fontsize=points, parse_math=False)
    large.xaxis.tick_top()
    large.set_xlabel(words("layer {layer}, head {head}: rows look, columns are looked at").format(
        layer=layer, head=head))
    note = words("a still copy: run the cell for the live map")
    figure.suptitle(f"{title} · {note}" if title and words is _ else note, fontsize=10, parse_math=False)
    for text in figure.findobj(Text):
        text.set_fontfamily(faces())
    figure.set_layout_engine("constrained")
    return picture(figure)


def _sheet(maps: np.ndarray) -> np.ndarray:
    """Maps (layers, heads, T, T) side by side, with one empty line between them."""
    layers, heads, count, _count = maps.shape
    padded = np.pad(maps, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    return padded.transpose(0, 2, 1, 3).reshape(layers * (count + 1), heads * (count + 1))[:-1, :-1]


def _drawable(token: str) -> str:
    token = token.translate(SPACES)
    token = token if len(token) <= LONGEST_LABEL else token[:LONGEST_LABEL - 1] + "…"
    return drawable(token, "□")
