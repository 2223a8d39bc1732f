"""Answers to the exercises of chapter 7: right ones, and plausible wrong ones."""

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


RIGHT = {
    "7.4": [by_status],
}
WRONG = {
    "7.4": [old_before_read, one_fact_is_enough, another_order, lambda entries: by_status(entries)[:2]],
}
