"""Answers to exercise 6.5: right ones, and plausible wrong ones."""


def by_counting(probability, bad, threshold, ratio):
    total = 0.0
    for p, is_bad in zip(probability.tolist(), bad.tolist(), strict=True):
        if is_bad and p < threshold:
            total += ratio
        elif not is_bad and p >= threshold:
            total += 1
    return total / len(bad)


def both(probability, bad, threshold, ratio):
    refused = probability >= threshold
    return refused, (bad & ~refused).sum().item(), (~bad & refused).sum().item()


RIGHT = {"6.5": [by_counting, lambda p, bad, t, ratio: (both(p, bad, t, ratio)[1] * ratio
                                                        + both(p, bad, t, ratio)[2]) / len(p)]}
WRONG = {"6.5": [
    lambda p, bad, t, ratio: by_counting(p, bad, t, ratio) * len(p),                    # a sum, not a mean
    lambda p, bad, t, ratio: by_counting(p, ~bad, t, ratio),                            # takes bad for good
    lambda p, bad, t, ratio: by_counting(p, bad, t, 1.0),                               # counts errors alike
    lambda p, bad, t, ratio: by_counting(p, bad, t, 0.0) + ratio * (bad & (p <= t)).double().mean(),  # > for >=
    lambda p, bad, t, ratio: (both(p, bad, t, ratio)[2] * ratio + both(p, bad, t, ratio)[1]) / len(p),  # ratio swapped
]}
