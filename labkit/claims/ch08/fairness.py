"""The rule of C8.6: whether an algorithm is biased, on loans of people under 26 against all others.

"Can be biased" would be shown by one case. The rule asks for more: that both scorers do it, and by the measure that
unequal shares of bad loans do not excuse. Fewer approvals in a group that repays less often may be right. But among
those who did repay, age should not decide: the gap in true positive rates is an error made more often with the young.

A scorer is biased if, in every seed, young applicants who repaid are approved less often than older ones who did, with
a 95 % bootstrap interval over loans that does not reach 0, and by five points or more in the mean. Five points are five
of the 110 young applicants who repaid; the interval, with so few, asks for about nine. Scorers are trained as a bank
that thinks nothing of it would train them, with the column age, and without it.

This was settled with one pilot run of seed 100, which is not recorded, before anything was recorded.
"""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

SCORERS = ("logistic", "boosting")
POLICIES = ("with age", "without age", "reweighed", "thresholds by group")
LEAST = 0.05


@rule("C8.6", "Algorithms can be biased")
def fairness(record):
    """Holds if both scorers are biased with the column age and without it; in part if at least one of the four is;
    else it does not hold. Mitigations are shown and decide nothing."""
    names = {"logistic": _("logistic regression"), "boosting": _("boosted trees")}
    policies = {"with age": _("with age"), "without age": _("without age"), "reweighed": _("reweighed"),
                "thresholds by group": _("thresholds by group")}
    biased, lines = [], []
    for scorer in SCORERS:
        for policy in POLICIES:
            runs = select(record, part="fairness", scorer=scorer, policy=policy)
            if not runs:
                return UNDECIDED, [_("Not every policy of this scorer was recorded: {scorer}.").format(
                    scorer=names[scorer])]
            gaps = column(runs, "true positive rate, gap")
            found = (statistics.mean(gaps) <= -LEAST
                     and all(run["true positive rate, high"] < 0 for run in runs))
            if policy in POLICIES[:2]:
                biased.append(found)
            lines.append(_("{scorer}, {policy}: true positive rate, young less older {gap}, interval at most up to "
                           "{high:.1f} points; approvals {approved}; cost {cost}.").format(
                scorer=names[scorer], policy=policies[policy], gap=percent(gaps),
                high=100 * max(column(runs, "true positive rate, high")),
                approved=percent(column(runs, "approved, gap")), cost=spread(column(runs, "cost"), ".3f")))
    return HOLDS if all(biased) else IN_PART if any(biased) else NOT, lines
