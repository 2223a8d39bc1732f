"""Rule of section 6.3: collaborative filtering and content, alone and combined.

The margin is 0.01 of NDCG@10, one point. A pilot with seed 99, which is not recorded, chose the weight decays before
the margin was set; its standard error of a mean difference over 593 users, measured after, is 0.005 (hybrid and
collaborative, warm items) to 0.009. Seeds are paired: each has its own world of users, items and ratings.
"""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, column, rule, select, spread
from labkit.language import _

MARGIN = 0.01


def gains(record: dict, share: float, group: str, other: str) -> list[float]:
    """NDCG@10 of the hybrid minus that of `other`, seed by seed."""
    first, second = ({run["seed"]: run[f"{group}_ndcg"] for run in select(
        record, part="recommendation", content=share, model=model)} for model in ("hybrid", other))
    return [first[seed] - second[seed] for seed in first]


def better(found: list[float]) -> bool:
    return min(found) > 0 and statistics.mean(found) >= MARGIN


def improves(record: dict, share: float) -> dict[str, bool]:
    """Whether the hybrid improves on its parts, for warm and for cold items."""
    return {"warm": all(better(gains(record, share, "warm", other)) for other in ("collaborative", "content")),
            "cold": better(gains(record, share, "cold", "collaborative"))
            and statistics.mean(gains(record, share, "cold", "content")) >= -MARGIN}


@rule("C6.3", "Combining collaborative filtering and content improves recommendation")
def combination(record):
    """Judged at each share of an item that its genres decide, from a quarter to three quarters; a share of 0 is shown
    beside them. For warm items the hybrid improves if its NDCG@10 is above that of both parts alone in every seed, by
    0.01 on average. For cold items nothing collaborative is known, and content alone is all there is to combine: the
    hybrid improves if it is so much above collaborative filtering, and not more than 0.01 below content on average.
    Holds if it improves for both at every share; in part if it improves for either at any; else it does not hold. The
    ratings are generated: they show when a combination helps, and not how often that is so in the world."""
    shares = sorted({run["content"] for run in select(record, part="recommendation")})
    judged = {share: improves(record, share) for share in shares if share > 0}
    answers = [answer for found in judged.values() for answer in found.values()]
    lines = [line(record, share, group, judged.get(share)) for group in ("warm", "cold") for share in shares]
    return HOLDS if all(answers) else IN_PART if any(answers) else NOT, lines


def line(record: dict, share: float, group: str, found: dict[str, bool] | None) -> str:
    values = {model: spread(column(select(record, part="recommendation", content=share, model=model),
                                   f"{group}_ndcg"), ".3f")
              for model in ("popularity", "collaborative", "content", "hybrid")}
    answer = _("not judged") if found is None else _("improves") if found[group] else _("does not improve")
    return _("{group} items, genres decide {share:.0%}: NDCG@10 popularity {popularity}, collaborative "
             "{collaborative}, content {content}, hybrid {hybrid}; {answer}.").format(
                 group=_("Warm") if group == "warm" else _("Cold"), share=share, answer=answer, **values)
