"""Answers to the exercises of chapter 7: right ones, and plausible wrong ones."""
import re

READ = ("title", "authors", "address")


def by_status(entries):
    counts = {"confirmed": 0, "out of date": 0, "unknown": 0}
    for entry in entries:
        if not all(entry[fact] for fact in READ):
            counts["unknown"] += 1
        elif entry["true_today"]:
            counts["confirmed"] += 1
        else:
            counts["out of date"] += 1
    return list(counts.values())


def old_before_read(entries):
    """Calls an entry out of date though nobody has read it."""
    old = sum(not entry["true_today"] for entry in entries)
    confirmed = sum(all(entry.values()) for entry in entries)
    return confirmed, old, len(entries) - old - confirmed


def one_fact_is_enough(entries):
    known = [entry for entry in entries if any(entry[fact] for fact in READ)]
    confirmed = sum(entry["true_today"] for entry in known)
    return confirmed, len(known) - confirmed, len(entries) - len(known)


def another_order(entries):
    confirmed, old, unknown = by_status(entries)
    return confirmed, unknown, old


def by_pattern(texts):
    found = [re.fullmatch(r"\s*([\d.]+)\s+(m2|sq ft)\s*", text) for text in texts]
    metres = [float(match[1]) / {"m2": 1, "sq ft": 10.7639}[match[2]] for match in found if match]
    return [len(metres), sum(metres)]


def without_units(texts):
    """Takes every number for square metres."""
    numbers = [float(text.split()[0]) for text in texts if text.strip()[:1].isdigit()]
    return len(numbers), sum(numbers)


def unknown_is_zero(texts):
    return len(texts), by_pattern(texts)[1]


def differs(first, second):
    return sum(one != two for one, two in zip(first, second, strict=True))


RIGHT = {
    "7.1": [lambda name, n, m: n ** -0.5 if name == "PyTorch" else (6 / (n + m)) ** 0.5],
    "7.2": [by_pattern],
    "7.3": [lambda base, ours, theirs: len([0 for lines in zip(base, ours, theirs, strict=True)
                                           if len(set(lines)) == 3])],
    "7.4": [by_status],
}
WRONG = {
    "7.1": [lambda name, n, m: (6 / (n + m)) ** 0.5,            # one rule for all
            lambda name, n, m: 1 / n if name == "PyTorch" else 6 / (n + m),     # the root forgotten
            lambda name, n, m: n ** -0.5 if name == "PyTorch" else (6 / n) ** 0.5],
    "7.2": [without_units, unknown_is_zero, lambda texts: by_pattern(texts)[0]],
    "7.3": [lambda base, ours, theirs: differs(ours, theirs),   # one side changed is enough
            lambda base, ours, theirs: min(differs(base, ours), differs(base, theirs)),
            lambda base, ours, theirs: differs(base, ours) + differs(base, theirs)],
    "7.4": [old_before_read, one_fact_is_enough, another_order, lambda entries: by_status(entries)[:2]],
}
