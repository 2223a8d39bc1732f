"""C8.6: credit scores by age, for two scorers and four policies, cross-validated on two deals a seed.

The loans are always the same 1,000, so seeds differ in deals and models only. What other loans might have given is in
the intervals, a bootstrap over loans.
"""
import numpy as np

from labkit.applications import credit
from labkit.data import table
from labkit.trends import fairness

DEALS = 2


def data() -> list[dict]:
    """The sets that the runs use."""
    loans = table("german-credit")
    return [{"name": loans.name, "sha256": loans.sha256, "note": loans.note}]


def runs(seed: int, deals: int = DEALS, folds: int = 5, scorers=fairness.SCORERS) -> list[dict]:
    """A run for each scorer and policy: both groups' measures, the gap with its interval, and the cost."""
    loans = table("german-credit").frame
    bad, group = 1 - loans["risk"].to_numpy(), fairness.young(loans)
    found = [{"part": "proxy", "auc": fairness.proxy(loans, seed), "seed": seed}]
    for scorer in scorers:
        dealt = [fairness.decide(loans, scorer=scorer, seed=seed * deals + deal, folds=folds) for deal in range(deals)]
        for policy in fairness.POLICIES:
            decisions = [of_deal[policy] for of_deal in dealt]
            found.append({"part": "fairness", "seed": seed, "scorer": scorer, "policy": policy,
                          "cost": float(np.mean([credit.cost(~one.approved, bad) for one in decisions])),
                          **{f"{measure}, {column}": float(value) for measure, row in
                             fairness.gaps(decisions, bad, group, seed=seed).iterrows()
                             for column, value in row.items()}})
    return found
