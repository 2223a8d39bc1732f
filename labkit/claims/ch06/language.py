"""The rule of section 6.1: does pre-training on text without labels raise accuracy?"""
from labkit.claims.ch03 import higher
from labkit.claims.rules import HOLDS, IN_PART, NOT, column, percent, rule, select
from labkit.language import _

NOTICED, GREAT = 0.02, 0.05


@rule("C6.1", "Pre-training on unlabelled text, then fine-tuning, raises accuracy greatly")
def pretraining(record):
    """A small encoder with 50, 200 and 1,000 labelled reviews, pre-trained by masked prediction or from scratch; the
    accuracy is that on about 1,700 reviews that neither has seen. Holds if the pre-trained one is higher in every seed
    at each number of labels, and its mean by five points (0.05) or more at two of the three; in part if at one of them
    it is higher in every seed and its mean by two points (0.02); else it does not hold.

    Two points are the 95 % interval of an accuracy on so many reviews, so less is within the reach of chance. Five
    points are one review in twenty, more than twice that interval: the least that "greatly" can mean. The bag of
    characters says whether either encoder is needed; the claim is not about it, and it decides nothing.
    """
    runs = select(record, part="reviews")
    counts = sorted(set(column(runs, "labels")))
    groups = {count: {name: [run for run in runs if (run["labels"], run["model"]) == (count, name)]
                      for name in ("pre-trained", "from scratch", "bag of characters")} for count in counts}

    def gains(margin: float) -> int:
        return sum(higher(group["pre-trained"], group["from scratch"], "accuracy", margin)
                   for group in groups.values())
    verdict = HOLDS if gains(0.0) == len(counts) and gains(GREAT) >= 2 else IN_PART if gains(NOTICED) else NOT
    return verdict, [
        _("{count} labels: pre-trained {pretrained}, from scratch {scratch}, bag of characters {bag}.").format(
            count=count, **{field: percent(column(group[name], "accuracy")) for field, name in (
                ("pretrained", "pre-trained"), ("scratch", "from scratch"), ("bag", "bag of characters"))})
        for count, group in groups.items()]
