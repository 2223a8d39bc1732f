"""Checks of chapter 7: tools, and what is known of resources."""
import math

from labkit.checks.framework import exercise
from labkit.language import _

FRAMEWORKS = ("PyTorch", "Keras", "scikit-learn")


def _layers(draw):
    yield "PyTorch", 64, 64
    yield "Keras", 64, 10
    yield "scikit-learn", 784, 128
    yield from ((draw.choice(FRAMEWORKS), draw.randint(1, 2000), draw.randint(1, 2000)) for _case in range(8))


@exercise("7.1", _layers, lambda: (
    _("PyTorch looks at the inputs of the layer alone, the other two at inputs and outputs."),
    _("Both ranges are square roots: a layer with four times as many inputs gets half the range in PyTorch."),
    _("PyTorch: 1 / sqrt(inputs). Keras and scikit-learn: sqrt(6 / (inputs + outputs))."),
))
def weight_range(framework, inputs, outputs):
    """The largest weight that "PyTorch", "Keras" or "scikit-learn" (with ReLU) draws at first for a dense layer.

    `weight_range("PyTorch", 64, 64)` is 0.125.
    """
    return 1 / math.sqrt(inputs) if framework == "PyTorch" else math.sqrt(6 / (inputs + outputs))


def _areas(draw):
    yield ["581 sq ft", "54 m2"],
    yield [" 861 sq ft ", "n/a", "", "70", "61.5 m2"],
    yield ["0 m2", "12 acres"],
    yield from (([draw.choice((f"{draw.randint(200, 2000)} sq ft", f"{draw.randint(20, 200)} m2", "unknown", "-", "88"))
                  for _text in range(draw.randint(3, 12))],) for _case in range(8))


@exercise("7.2", _areas, lambda: (
    _("Part each text into its number and its unit; spaces before and after mean nothing."),
    _("Ask for the unit first: without one that you know, the number says nothing, and the text is left out."),
    _("number, _space, unit = text.strip().partition(\" \"); square feet are divided by 10.7639, m2 stay; count what "
      "is kept, and add it up."),
))
def square_metres(texts):
    """How many of `texts` are a number with the unit m2 or sq ft, and their sum in square metres, as a pair."""
    metres = []
    for text in texts:
        number, _space, unit = text.strip().partition(" ")
        if unit in ("m2", "sq ft") and number.replace(".", "", 1).isdigit():
            metres.append(float(number) / (10.7639 if unit == "sq ft" else 1))
    return len(metres), math.fsum(metres)


def _merges(draw):
    yield ["a", "b", "c"], ["a", "x", "c"], ["a", "y", "c"]
    yield ["a", "b", "c"], ["a", "x", "c"], ["a", "x", "z"]
    yield ["a", "b"], ["x", "b"], ["a", "y"]
    yield [], [], []
    for _case in range(8):
        base = [draw.choice("abc") for _line in range(draw.randint(4, 15))]
        yield (base, *([line if draw.random() < 0.5 else draw.choice("xyz") for line in base] for _side in range(2)))


@exercise("7.3", _merges, lambda: (
    _("A line that only one side has changed is no conflict: git takes the change."),
    _("A line that both have changed to the same is none either."),
    _("Count where ours != base and theirs != base and ours != theirs, line by line."),
))
def conflicts(base, ours, theirs):
    """How many lines both sides changed, and differently; the three lists have the same length.

    `conflicts(["a", "b"], ["x", "b"], ["y", "b"])` is 1.
    """
    return sum(one != start and two != start and one != two
               for start, one, two in zip(base, ours, theirs, strict=True))


def _catalogues(draw):
    def entry(title, authors, address, true_today):
        return {"title": title, "authors": authors, "address": address, "true_today": true_today}

    yield [entry(True, True, True, True), entry(True, True, True, False), entry(True, False, True, True)],
    yield [entry(True, False, True, False), entry(False, False, False, True)],
    yield [],
    yield from (([entry(*(draw.random() < 0.75 for _fact in range(4))) for _entry in range(draw.randint(4, 20))],)
                for _case in range(8))


@exercise("7.4", _catalogues, lambda: (
    _("Each entry falls into one of three groups, and the three counts add up to the number of entries."),
    _("What has not been read cannot be confirmed, and cannot be called out of date either: ask that first."),
    _("known = entry[\"title\"] and entry[\"authors\"] and entry[\"address\"]; of the known ones, true_today parts the "
      "confirmed from those out of date."),
))
def status_counts(entries):
    """How many entries are confirmed, out of date, and could not be confirmed, as three numbers in this order.

    An entry is a dict of four truth values: whether its title, its authors and its address were read (`title`,
    `authors`, `address`), and whether what is said of it is true today (`true_today`).
    """
    known = [entry for entry in entries if entry["title"] and entry["authors"] and entry["address"]]
    confirmed = sum(entry["true_today"] for entry in known)
    return confirmed, len(known) - confirmed, len(entries) - len(known)
