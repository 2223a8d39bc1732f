"""Checks of chapter 7: tools, and what is known of resources."""
from labkit.checks.framework import exercise
from labkit.language import _


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
