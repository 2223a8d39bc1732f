"""Checks of chapter 1: arithmetic, memory, money, data and speed of a large language model, each from its size."""
from labkit import economics
from labkit.checks.framework import exercise
from labkit.language import _


def _trainings(draw):
    yield 175e9, 300e9
    yield 70e9, 1.4e12, 1.0
    yield 671e9, 14.8e12, 37 / 671      # a mixture of experts
    yield from ((draw.uniform(1e6, 1e12), draw.uniform(1e6, 1e13), draw.choice((1.0, draw.uniform(0.02, 0.9))))
                for _case in range(8))


@exercise("1.1", _trainings, lambda: (
    _("Each weight takes part in one multiplication and one addition for each token, on the way forward."),
    _("The way back costs twice as much as the way forward: gradients for the weights and for the activations."),
    _("Of a mixture of experts only the active share of the parameters works on a token: multiply by it."),
))
def training_flops(parameters, tokens, active_share=1.0):
    """The FLOPs of a training run, 6·N·D, where only `active_share` of the parameters works on each token.

    `training_flops(175e9, 300e9)` is 3.15e23; GPT-3's paper prints 3.14e23.
    """
    return economics.training_flops(parameters * active_share, tokens)


def _memories(draw):
    yield 175e9, "adam"
    yield 175e9, "sgd"
    yield 7e9, "momentum"
    yield from ((draw.uniform(1e6, 1e12), draw.choice(("adam", "sgd", "momentum"))) for _case in range(8))


@exercise("1.2", _memories, lambda: (
    _("In mixed precision weights and gradients take 2 bytes each, and a copy of the weights takes 4."),
    _("The optimizer keeps some numbers of 4 bytes for each parameter: how many depends on its name."),
    _("sgd keeps none, momentum one (the running gradient), adam two (the running gradient and its square)."),
))
def training_memory(parameters, optimizer):
    """Bytes to train in mixed precision with "sgd", "momentum" or "adam", activations aside.

    `training_memory(175e9, "adam")` is 2.8e12: 2.8 terabytes.
    """
    return sum(economics.training_memory(parameters, optimizer).values())


def _bills(draw):
    yield 3.14e23, 1024, 312e12, 0.4, 2.0
    yield 3.14e23, 1, 989e12, 1.0, 0.0
    yield from ((draw.uniform(1e18, 1e26), draw.randint(1, 20_000), draw.choice((312e12, 989e12)),
                 draw.uniform(0.1, 0.6), draw.uniform(0.5, 5)) for _case in range(8))


@exercise("1.3", _bills, lambda: (
    _("How many FLOPs does one device really do in a second? Its peak times the utilisation."),
    _("More devices shorten the days. The hours that are paid for, summed over all of them, stay the same."),
    _("hours = flops / (peak * utilisation) / 3600 for one device; days = hours / devices / 24; "
      "money = hours * price_per_hour."),
))
def days_and_money(flops, devices, peak, utilisation, price_per_hour):
    """Days on the calendar, and the money for all devices, as a pair; `price_per_hour` is for one device.

    Takes a peak in FLOP/s. GPT-3's 3.14e23 FLOPs on 1,024 A100 (312e12) at 40 % take 28 days.
    """
    device = economics.Device("", peak, 1, 1, 1, "")
    estimate = economics.training_estimate(flops, device, devices, utilisation, price_per_hour)
    return estimate.days, estimate.money


def _budgets(draw):
    yield 5.76e23,
    yield 120.0,
    yield from ((10 ** draw.uniform(15, 27),) for _case in range(8))


@exercise("1.4", _budgets, lambda: (
    _("There are two unknowns, N and D, and two equations: 6·N·D = flops, and D = 20·N."),
    _("Put the second into the first: 120·N² = flops."),
    _("N is the square root of flops / 120, and D is 20 times as much."),
))
def best_split(flops):
    """Parameters and tokens, as a pair, that spend `flops` with 20 tokens for each parameter.

    `best_split(5.76e23)` is about (69e9, 1.4e12): Chinchilla.
    """
    return economics.compute_optimal(flops)


def _servers(draw):
    yield 70e9, 2, 3.35e12, 989e12, 1
    yield 70e9, 2, 3.35e12, 989e12, 64
    yield 7e9, 0.5, 1.008e12, 165e12, 1
    yield 7e9, 2, 1.008e12, 165e12, 4096        # now arithmetic is the limit
    yield from ((draw.uniform(1e8, 1e12), draw.choice((0.5, 1, 2, 4)), draw.uniform(1e11, 8e12),
                 draw.uniform(1e13, 2e15), draw.choice((1, 8, 128, 8192))) for _case in range(8))


@exercise("1.5", _servers, lambda: (
    _("To write one token for each text, every weight is read from memory once, however many texts there are."),
    _("Arithmetic takes 2 FLOPs for each parameter and text. Reading and computing go on at the same time."),
    _("The step takes the longer of the two times, max(read, compute), and gives `batch` tokens."),
))
def tokens_per_second(parameters, bytes_per_parameter, bandwidth, flops, batch=1):
    """The most tokens a second for `batch` texts at once: reading or computing is the limit, whichever is slower.

    `tokens_per_second(70e9, 2, 3.35e12, 989e12)`, 70 billion parameters on one H100, is 23.9.
    """
    return batch / max(parameters * bytes_per_parameter / bandwidth, 2 * parameters * batch / flops)
