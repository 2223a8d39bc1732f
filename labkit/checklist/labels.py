"""The classes that a data set names, and those that nothing can be learned from."""
from collections import Counter

import numpy as np

from labkit.checklist.report import listed
from labkit.language import _
from labkit.settings import refuse

MAX_CLASSES = 50        # more are a number to estimate, or an identifier
MIN_EXAMPLES = 5        # of each class: three to train on, one to validate, one to test


def numbered(names: list[str], where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers (N,), int64, and the names of the classes in order; `where` is the column or folder, for messages.

    Raises `SettingError` where there is one class only, more than MAX_CLASSES, or one with less than MIN_EXAMPLES.
    """
    counts = Counter(names)
    if len(counts) < 2:
        raise refuse(_("classes in {where}").format(where=where), listed(counts) or 0, _("two or more"),
                     _("Where every example has one answer there is nothing to learn. Add examples of another class."))
    if len(counts) > MAX_CLASSES:
        raise refuse(_("classes in {where}").format(where=where), len(counts),
                     _("2 to {most}").format(most=MAX_CLASSES),
                     _("It looks like an identifier, or a number to estimate. Name another target, or put its values "
                       "into a few groups."))
    rare = {name: count for name, count in counts.items() if count < MIN_EXAMPLES}
    if rare:
        raise refuse(_("examples of {classes}").format(classes=listed(rare)), min(rare.values()),
                     _("at least {least} of each class").format(least=MIN_EXAMPLES),
                     _("Collect more of them, or leave the class out, and say so."))
    ordered = sorted(counts, key=_order)
    places = {name: number for number, name in enumerate(ordered)}
    return np.array([places[name] for name in names], dtype="int64"), tuple(ordered)


def _order(name: str) -> tuple:
    """Numbers by their size, before words by their letters: 2 comes before 10."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
