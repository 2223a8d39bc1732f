"""Well-known networks from their published configurations, built on torch's meta device to be counted.

A meta tensor has a shape and no numbers, so GPT-3 is built in a second and needs no memory. `PUBLISHED` lists the
networks with the parameters that their papers state; weights that two layers share are counted once, as there.
"""
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from labkit.language import _
from labkit.models.vision import parameter_count
from labkit.settings import choose


class Embedding(nn.Module):
    """Tokens plus learned positions (plus segments and a norm, in BERT)."""

    def __init__(self, vocabulary: int, width: int, positions: int, segments: int = 0):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        if segments:
            self.segments = nn.Embedding(segments, width)
            self.norm = nn.LayerNorm(width)


def blocks(layers: int, width: int, heads: int, feed_forward: int) -> nn.ModuleList:
    """Self-attention, a feed-forward net of two layers and two norms, `layers` times; a decoder-only block is the same
    in its parameters."""
    return nn.ModuleList(nn.TransformerEncoderLayer(width, heads, feed_forward) for _layer in range(layers))


def transformer(width: int, heads: int, feed_forward: int, layers: int = 6, vocabulary: int = 37_000) -> nn.Module:
    """Encoder and decoder of Vaswani et al. 2017 (arXiv:1706.03762, table 3).

    One matrix serves both embeddings and the output (section 3.4); positions are sines, without parameters. The
    paper's formulas show no biases in the four projections of attention; torch has them (+0.06 % in the base model).
    """
    decoder = nn.ModuleList(nn.TransformerDecoderLayer(width, heads, feed_forward) for _layer in range(layers))
    return nn.ModuleDict({"embedding": nn.Embedding(vocabulary, width),
                          "encoder": blocks(layers, width, heads, feed_forward), "decoder": decoder})


def bert(layers: int, width: int, heads: int) -> nn.Module:
    """The encoder of Devlin et al. 2018 (arXiv:1810.04805) with its pooler, vocabulary as released (30,522 pieces)."""
    return nn.ModuleDict({"embedding": Embedding(30_522, width, positions=512, segments=2),
                          "layers": blocks(layers, width, heads, 4 * width), "pooler": nn.Linear(width, width)})


def gpt(layers: int, width: int, heads: int, vocabulary: int = 50_257, positions: int = 1024,
        norm: bool = True) -> nn.Module:
    """The decoder of GPT-1 to 3: learned positions, output tied to the embedding; from GPT-2 on, a norm at the end."""
    parts = {"embedding": Embedding(vocabulary, width, positions), "layers": blocks(layers, width, heads, 4 * width)}
    return nn.ModuleDict({**parts, "norm": nn.LayerNorm(width)} if norm else parts)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1,
                activation: Callable[[], nn.Module] = nn.Identity) -> nn.Sequential:
    """Convolution without bias, batch normalisation, activation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), activation())


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 around a shortcut, which is projected where shape or stride changes (He et al. 2015, figure 5)."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.path = nn.Sequential(convolution(inputs, width, 1, activation=nn.ReLU),
                                  convolution(width, width, 3, stride, activation=nn.ReLU),
                                  convolution(width, 4 * width, 1))
        same = inputs == 4 * width and stride == 1
        self.shortcut = nn.Identity() if same else convolution(inputs, 4 * width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.path(x) + self.shortcut(x)).relu()


def resnet50(classes: int = 1000) -> nn.Module:
    """ResNet-50 of He et al. 2015 (arXiv:1512.03385, table 1)."""
    layers, inputs = [convolution(3, 64, 7, 2, activation=nn.ReLU), nn.MaxPool2d(3, 2, 1)], 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for place in range(count):
            layers.append(Bottleneck(inputs, width, stride if place == 0 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


class SqueezeExcitation(nn.Module):
    """Each channel times a weight of 0..1 that the means of all channels decide (Hu et al. 2017)."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.weights = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), nn.SiLU(),
                                     nn.Conv2d(squeezed, channels, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weights(x)


class InvertedBottleneck(nn.Module):
    """Widen, filter each channel alone, weigh the channels, narrow (Sandler et al. 2018, with squeeze-excitation)."""

    def __init__(self, inputs: int, outputs: int, expand: int, kernel: int, stride: int):
        super().__init__()
        wide = inputs * expand
        widen = [convolution(inputs, wide, 1, activation=nn.SiLU)] if expand > 1 else []
        self.path = nn.Sequential(*widen, convolution(wide, wide, kernel, stride, groups=wide, activation=nn.SiLU),
                                  SqueezeExcitation(wide, inputs // 4), convolution(wide, outputs, 1))
        self.same = inputs == outputs and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.path(x) if self.same else self.path(x)


def efficientnet_b0(classes: int = 1000) -> nn.Module:
    """EfficientNet-B0 of Tan & Le 2019 (arXiv:1905.11946, table 1)."""
    layers, inputs = [convolution(3, 32, 3, 2, activation=nn.SiLU)], 32
    stages = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
              (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))
    for expand, kernel, stride, outputs, count in stages:
        for place in range(count):
            layers.append(InvertedBottleneck(inputs, outputs, expand, kernel, stride if place == 0 else 1))
            inputs = outputs
    head = convolution(inputs, 1280, 1, activation=nn.SiLU)
    return nn.Sequential(*layers, head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))


@dataclass(frozen=True)
class Published:
    """A network: how it is built, its family, the parameters that are published for it, and where."""
    build: Callable[[], nn.Module]
    family: str
    parameters: float
    source: str


PUBLISHED = {
    "Transformer base": Published(lambda: transformer(512, 8, 2048), "Transformer", 65e6,
                                  "Vaswani et al. 2017, table 3"),
    "Transformer big": Published(lambda: transformer(1024, 16, 4096), "Transformer", 213e6,
                                 "Vaswani et al. 2017, table 3"),
    "BERT base": Published(lambda: bert(12, 768, 12), "BERT", 110e6, "Devlin et al. 2018, section 3"),
    "BERT large": Published(lambda: bert(24, 1024, 16), "BERT", 340e6, "Devlin et al. 2018, section 3"),
    "GPT-1": Published(lambda: gpt(12, 768, 12, vocabulary=40_478, positions=512, norm=False), "GPT", 117e6,
                       "Radford et al. 2019, table 2"),
    "GPT-2 small": Published(lambda: gpt(12, 768, 12), "GPT", 117e6, "Radford et al. 2019, table 2"),
    "GPT-2 XL": Published(lambda: gpt(48, 1600, 25), "GPT", 1542e6, "Radford et al. 2019, table 2"),
    "GPT-3": Published(lambda: gpt(96, 12_288, 96, positions=2048), "GPT", 175e9, "Brown et al. 2020, table 2.1"),
    "ResNet-50": Published(resnet50, "image networks", 25.5e6, "Xie et al. 2016, table 1"),
    "EfficientNet-B0": Published(efficientnet_b0, "image networks", 5.3e6, "Tan & Le 2019, table 2"),
}


def build(name: str) -> nn.Module:
    """The network `name` of `PUBLISHED` on the meta device. Raises `SettingError` for another name."""
    with torch.device("meta"):
        return PUBLISHED[choose("name", name, PUBLISHED)].build()


def counts():
    """A data frame with a row for each network: family, counted and published parameters, difference (a share of
    the published figure) and the source of the latter."""
    import pandas
    counted = {name: parameter_count(build(name)) for name in PUBLISHED}
    families = {"image networks": _("image networks")}      # the others are names
    rows = [(families.get(network.family, network.family), counted[name], network.parameters,
             counted[name] / network.parameters - 1, network.source) for name, network in PUBLISHED.items()]
    columns = [_("family"), _("counted"), _("published"), _("difference"), _("source")]
    return pandas.DataFrame(rows, list(PUBLISHED), columns)
