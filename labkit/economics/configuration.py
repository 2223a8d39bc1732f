"""What a Transformer takes, from its configuration: parameters by part, arithmetic, memory, devices, days, money.

`scale` estimates from the number of parameters; here they are worked out from layers, width, heads, vocabulary and
context, and so are the arithmetic of attention over long texts and the memory of activations, keys and values.
Sizes are in bytes, arithmetic in floating-point operations (FLOPs; a multiplication and an addition are two).
"""
import math
from dataclasses import dataclass, field

from labkit.economics.scale import BYTES, Device, Estimate, training_estimate, training_memory
from labkit.language import _
from labkit.settings import choose, refuse


@dataclass(frozen=True)
class Style:
    """What models of one design share, beside their sizes."""
    biases: bool = True         # in the matrices of the layers
    matrices: int = 2           # of the feed-forward part: 3 where one of them is a gate
    norm: int = 2               # numbers of a norm for each unit of width: scale and shift, or the scale alone
    final_norm: bool = True
    positions: bool = True      # learnt ones
    tied: bool = True           # the output matrix is the embedding
    predicted: float = 1.0      # share of the tokens for which training computes the output


STYLES = {
    "gpt": Style(),                                                     # Radford et al. 2019, Brown et al. 2020
    "llama": Style(biases=False, matrices=3, norm=1, positions=False, tied=False),       # Touvron et al. 2023
    "bert": Style(final_norm=False, predicted=0.15),                    # Devlin et al. 2018; it masks 15 %
    "transformer": Style(final_norm=False, positions=False),            # Vaswani et al. 2017: encoder and decoder
}
RECOMPUTE = ("nothing", "attention", "everything")
ADAPTERS = 0.01     # parameters of adapters for each of the model: the order of rank 64 in QLoRA (Dettmers et al. 2023)


def _whole(name: str, value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise refuse(name, value, _("a whole number of at least 1"))
    return value


@dataclass(frozen=True)
class Configuration:
    """Layers, width, heads, vocabulary and context of one Transformer.

    `feed_forward` is 4 widths and `key_value_heads` is `heads` unless given. `decoder_layers`, of the style
    "transformer" alone, come on top of `layers` and look at those. Raises `SettingError` for sizes that do not fit.
    """
    layers: int
    width: int
    heads: int
    vocabulary: int
    context: int
    style: str = "gpt"
    feed_forward: int = 0
    key_value_heads: int = 0
    decoder_layers: int = 0
    kind: Style = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        for name in ("layers", "width", "heads", "vocabulary", "context"):
            _whole(name, getattr(self, name))
        for name, default in (("feed_forward", 4 * self.width), ("key_value_heads", self.heads)):
            object.__setattr__(self, name, _whole(name, getattr(self, name) or default))
        if self.width % self.heads:
            raise refuse("heads", self.heads, _("a divisor of the width, {width}").format(width=self.width))
        if self.heads % self.key_value_heads:
            raise refuse("key_value_heads", self.key_value_heads,
                         _("a divisor of the heads, {heads}").format(heads=self.heads))
        object.__setattr__(self, "kind", STYLES[choose("style", self.style, STYLES)])
        if bool(self.decoder_layers) != (self.style == "transformer"):
            raise refuse("decoder_layers", self.decoder_layers,
                         _("a number above 0 in the style transformer, 0 in every other"))

    @property
    def key_value_width(self) -> int:
        """Numbers of a key (or of a value) for one token and layer."""
        return self.width // self.heads * self.key_value_heads

    def parts(self) -> dict[str, int]:
        """Parameters by part, exactly; a matrix that two layers share is counted once."""
        w, kv, biases, norm = self.width, self.key_value_width, self.kind.biases, self.kind.norm * self.width
        attention = 2 * w * w + 2 * w * kv + biases * (2 * w + 2 * kv)
        feed_forward = self._matrices() + biases * ((self.kind.matrices - 1) * self.feed_forward + w)
        blocks = self.layers + self.decoder_layers
        rest = norm * (2 * self.layers + 3 * self.decoder_layers + self.kind.final_norm)
        if self.style == "bert":        # two segments, the embedding's norm, the pooler
            rest += 2 * w + norm + w * w + w
        return {"tokens": self.vocabulary * w * (1 if self.kind.tied else 2),
                "positions": self.context * w * self.kind.positions,
                "attention": attention * (blocks + self.decoder_layers),        # a decoder layer attends twice
                "feed-forward": feed_forward * blocks, "norms and the rest": rest}

    @property
    def parameters(self) -> int:
        """All of them: the sum of `parts`."""
        return sum(self.parts().values())

    def forward_flops(self, context: int | None = None) -> dict[str, float]:
        """FLOPs of one token going forward, by part, in a text of `context` tokens (by default the most there are).

        Two for each weight of a matrix, and 4 · context · width a layer for scores and their sum of values
        (Narayanan et al. 2021, arXiv:2104.04473, equation 3, without the recomputation). Nothing is taken off for
        scores that a causal mask throws away. Of an encoder and decoder: the mean over a source and a target alike
        in length.
        """
        context = self.context if context is None else _whole("context", context)
        attends, blocks = self.layers + 2 * self.decoder_layers, self.layers + self.decoder_layers
        share = 0.5 if self.decoder_layers else 1       # of the tokens, those that a layer works on
        matrices = 2 * self.width * (self.width + self.key_value_width)
        return {"output": 2 * self.vocabulary * self.width * self.kind.predicted * share,
                "attention": 2 * matrices * attends * share,
                "scores": 4 * context * self.width * attends * share,
                "feed-forward": 2 * self._matrices() * blocks * share}

    def training_flops(self, tokens: float) -> float:
        """FLOPs of training on `tokens`: forward, and twice as much backward; texts are as long as the context."""
        return 3 * sum(self.forward_flops().values()) * tokens

    def activations(self, texts: int = 1, recompute: str = "attention") -> float:
        """Bytes that the layers keep for the way back, for `texts` of full length in 16 bits.

        Korthikanti et al. 2022 (arXiv:2205.05198), equations 1 to 6: with a feed-forward part of 4 widths a layer keeps
        s·b·h·(34 + 5·a·s/h) bytes; 34 without the scores, if "attention" is recomputed; 2, its input, if "everything"
        is. With a gate in the feed-forward part it keeps twice as many of its numbers (our count, not the paper's).
        Embedding and output are not counted.
        """
        choose("recompute", recompute, RECOMPUTE)
        tokens, gated = self.context * _whole("texts", texts), self.kind.matrices - 1
        blocks, attends = self.layers + self.decoder_layers, self.layers + 2 * self.decoder_layers
        if recompute == "everything":
            return 2.0 * tokens * self.width * blocks
        one_attention = 7 * self.width + 4 * self.key_value_width
        one_block = 3 * self.width + 4 * self.width + 4 * gated * self.feed_forward
        scores = 5 * self.heads * self.context if recompute == "nothing" else 0
        return float(tokens * (one_block * blocks + (one_attention + scores) * attends))

    def cache(self, texts: int = 1, tokens: int | None = None, precision: str = "bfloat16") -> float:
        """Bytes of the keys and values of `tokens` (by default the context) in each of `texts` that are being written.

        An encoder, which writes nothing, keeps none; a decoder layer also keeps those of the source.
        """
        tokens = self.context if tokens is None else _whole("tokens", tokens)
        attends = 0 if self.style == "bert" else 2 * self.decoder_layers or self.layers
        return 2 * attends * self.key_value_width * tokens * _whole("texts", texts) \
            * BYTES[choose("precision", precision, BYTES)]

    def training_memory(self, texts: int = 1, optimizer: str = "adam", recompute: str = "attention") -> dict:
        """Bytes by part to train in mixed precision, with `texts` at once."""
        return {**training_memory(self.parameters, optimizer), "activations": self.activations(texts, recompute)}

    def answering_memory(self, texts: int = 1, precision: str = "bfloat16") -> dict[str, float]:
        """Bytes by part to answer `texts` of full length at once; keys and values are kept in 16 bits."""
        weights = self.parameters * BYTES[choose("precision", precision, BYTES)]
        return {"weights": weights, "keys and values": self.cache(texts)}

    def adapting_memory(self, texts: int = 1, precision: str = "int4", recompute: str = "everything") -> dict:
        """Bytes by part to train adapters alone beside frozen weights (QLoRA: Dettmers et al. 2023, arXiv:2305.14314).

        The adapters have a hundredth of the parameters, and 16 bytes for each of theirs.
        """
        return {"weights": self.parameters * BYTES[choose("precision", precision, BYTES)],
                "adapters": 16 * ADAPTERS * self.parameters, "activations": self.activations(texts, recompute)}

    def training_run(self, tokens: float, device: Device, count: int = 1, utilisation: float = 0.4,
                     price_per_hour: float = 0.0) -> Estimate:
        """Hours, days, energy and money of training on `tokens`."""
        return training_estimate(self.training_flops(tokens), device, count, utilisation, price_per_hour)

    def _matrices(self) -> int:
        return self.kind.matrices * self.width * self.feed_forward


def devices_at_least(memory: dict[str, float], device: Device) -> int:
    """How many devices hold these bytes, if they can be spread evenly and nothing else is kept."""
    return max(1, math.ceil(sum(memory.values()) / device.memory))


@dataclass(frozen=True)
class Preset:
    """A published model: its configuration, the tokens it was trained on (None: not printed), and the source."""
    configuration: Configuration
    tokens: float | None
    source: str


def _llama2(layers: int, width: int, heads: int, feed_forward: int, key_value_heads: int = 0) -> Preset:
    return Preset(Configuration(layers, width, heads, 32_000, 4096, "llama", feed_forward, key_value_heads), 2e12,
                  "Touvron et al. 2023 (arXiv:2307.09288), tables 1 and 2; sizes as released")


PRESETS = {
    "Transformer base": Preset(Configuration(6, 512, 8, 37_000, 512, "transformer", decoder_layers=6), None,
                               "Vaswani et al. 2017 (arXiv:1706.03762), table 3; the context is ours"),
    "BERT base": Preset(Configuration(12, 768, 12, 30_522, 512, "bert"), None, "Devlin et al. 2018, section 3"),
    "BERT large": Preset(Configuration(24, 1024, 16, 30_522, 512, "bert"), None, "Devlin et al. 2018, section 3"),
    "GPT-3 175B": Preset(Configuration(96, 12_288, 96, 50_257, 2048), 300e9,
                         "Brown et al. 2020 (arXiv:2005.14165), tables 2.1 and D.1"),
    "Llama 2 7B": _llama2(32, 4096, 32, 11_008),
    "Llama 2 13B": _llama2(40, 5120, 40, 13_824),
    "Llama 2 70B": _llama2(80, 8192, 64, 28_672, 8),
}

# What papers print, for the calculation to be held against.
PRINTED_FLOPS = {"GPT-3 175B": 3.14e23}                                             # Brown et al. 2020, table D.1
PRINTED_HOURS = {"Llama 2 7B": 184_320, "Llama 2 13B": 368_640, "Llama 2 70B": 1_720_320}   # of an A100; table 2
