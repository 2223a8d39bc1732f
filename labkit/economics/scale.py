"""What a large language model takes, estimated from its size: memory, arithmetic, time, energy, money.

Sizes are in bytes, arithmetic in floating-point operations (FLOPs), time in hours or days. The estimates count the
weights alone: activations, attention over long texts, communication and failures come on top.
"""
import math
from dataclasses import dataclass

from labkit.economics.cost import number
from labkit.language import _
from labkit.settings import choose, refuse

BYTES = {"float32": 4, "bfloat16": 2, "int8": 1, "int4": 0.5}       # of one number
OPTIMIZER_NUMBERS = {"sgd": 0, "momentum": 1, "adam": 2}            # kept for each parameter, in float32
TOKENS_PER_PARAMETER = 20       # Hoffmann et al. 2022 (arXiv:2203.15556), table 1: 70e9 parameters, 1.4e12 tokens


@dataclass(frozen=True)
class Device:
    """One accelerator by its data sheet: dense bfloat16 (V100: float16) FLOP/s, bytes, bytes/s, watts."""
    name: str
    flops: float
    memory: float
    bandwidth: float
    watts: float
    source: str


DEVICES = {device.name: device for device in (
    Device("V100", 125e12, 32e9, 900e9, 300, "NVIDIA V100 data sheet, SXM2"),
    Device("A100", 312e12, 80e9, 2039e9, 400, "NVIDIA A100 data sheet, SXM, 80 GB"),
    Device("H100", 989e12, 80e9, 3350e9, 700, "NVIDIA H100 data sheet, SXM, without sparsity"),
    Device("H200", 989e12, 141e9, 4800e9, 700, "NVIDIA H200 data sheet, SXM, without sparsity"),
    Device("RTX 4090", 165e12, 24e9, 1008e9, 450, "NVIDIA Ada architecture white paper, float32 accumulation"),
)}


@dataclass(frozen=True)
class Estimate:
    """Training on several devices: hours summed over all of them, days on the calendar, kWh, money."""
    device_hours: float
    days: float
    kwh: float
    money: float


def training_flops(parameters: float, tokens: float) -> float:
    """6·N·D: two for each weight and token going forward, four going backward (Kaplan et al. 2020, section 2.1).

    Of a mixture of experts, `parameters` are those that work on one token.
    """
    return 6 * number("parameters", parameters) * number("tokens", tokens)


def training_memory(parameters: float, optimizer: str = "adam", precision: str = "mixed") -> dict[str, float]:
    """Bytes of weights, gradients and optimizer state; `mixed` keeps a float32 copy of its 2-byte weights.

    With Adam that is 16 bytes a parameter in either precision, `mixed` or `float32` (Rajbhandari et al. 2020,
    arXiv:1910.02054, section 3.1). `optimizer` is sgd, momentum or adam.
    """
    number("parameters", parameters)
    choose("precision", precision, ("mixed", "float32"))
    state = 4 * OPTIMIZER_NUMBERS[choose("optimizer", optimizer, OPTIMIZER_NUMBERS)]
    small, master = (2, 4) if precision == "mixed" else (4, 0)
    return {"weights": small * parameters, "gradients": small * parameters,
            "float32 copy": master * parameters, "optimizer": state * parameters}


def inference_memory(parameters: float, precision: str = "bfloat16") -> float:
    """Bytes of the weights of a model that only answers; `precision` is one of `BYTES`."""
    return number("parameters", parameters) * BYTES[choose("precision", precision, BYTES)]


def training_estimate(flops: float, device: Device, count: int = 1, utilisation: float = 0.4,
                      price_per_hour: float = 0.0, overhead: float = 1.1) -> Estimate:
    """`flops` on `count` devices that reach the share `utilisation` of their peak; the price is for one device.

    `overhead` is what the building takes for each watt of a device (power usage effectiveness; 1.1 in Touvron et al.
    2023, arXiv:2302.13971, section 6), which is taken to draw its full power.
    """
    if not 0 < number("utilisation", utilisation) <= 1:
        raise refuse("utilisation", utilisation, _("a number above 0 and at most 1"))
    hours = number("flops", flops) / (device.flops * utilisation) / 3600
    return Estimate(hours, hours / number("count", count) / 24,
                    hours * device.watts / 1000 * number("overhead", overhead),
                    hours * number("price_per_hour", price_per_hour, zero=True))


def compute_optimal(flops: float) -> tuple[float, float]:
    """Parameters N and tokens D = 20·N with 6·N·D = `flops`: the balance that Hoffmann et al. 2022 found best."""
    parameters = math.sqrt(number("flops", flops) / (6 * TOKENS_PER_PARAMETER))
    return parameters, TOKENS_PER_PARAMETER * parameters


def tokens_per_second(parameters: float, device: Device, precision: str = "bfloat16", batch: int = 1) -> float:
    """The most tokens that one device can write in a second, for `batch` texts at once.

    A step reads every weight once, whatever the batch, and computes 2 FLOPs a weight and text; the slower of the two
    decides (the roofline of Williams et al. 2009). Keys and values of earlier tokens are not counted.
    """
    read = inference_memory(parameters, precision) / device.bandwidth
    compute = 2 * parameters * number("batch", batch) / device.flops
    return batch / max(read, compute)


def expected_loss(parameters: float, tokens: float) -> float:
    """Loss in nats a token that a Transformer of N parameters ends with after D tokens: E + A/N^α + B/D^β.

    The form is Hoffmann et al.'s (2022, equation 10), the constants those of Besiroglu et al. 2024 (arXiv:2404.10102),
    who fitted it to the same runs again and found the published constants to be in error. For their text, English.
    """
    size, text = number("parameters", parameters), number("tokens", tokens)
    return 1.8172 + 482.01 / size ** 0.3478 + 2085.43 / text ** 0.3658
