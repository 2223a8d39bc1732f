"""Who is refused? Group measures of credit scores by age, two mitigations, and what cannot be had together.

The loans are the German credit data (`labkit.data.table`). A loan is *approved* where its probability to be bad is
below the threshold; "young" is under 26, the split of Kamiran & Calders (2009): 190 of 1,000. The column sex is
miscoded and is not read, except by `sex_column`, which shows why. Bad loans were oversampled, so no rate here is a
bank's. The cost of a loan is that of section 6.4: `labkit.applications.credit`.
"""
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from labkit.applications import credit
from labkit.settings import choose

YOUNG = 26                      # years: under it, an applicant counts as young
POLICIES = ("with age", "without age", "reweighed", "thresholds by group")
SCORERS = ("logistic", "boosting")
MEASURES = ("approved", "true positive rate", "false positive rate", "precision", "calibration")
APART = 0.02                    # of the two true positive rates, when thresholds are chosen for each group
INNER = 3                       # folds of the inner cross-validation, in which thresholds are chosen
GRID = np.linspace(0.02, 0.98, 97)


def young(loans: pd.DataFrame) -> np.ndarray:
    """Which applicants are under YOUNG, (N,) bool."""
    return (loans["age"] < YOUNG).to_numpy()


def weights(bad, group) -> np.ndarray:
    """Reweighing (Kamiran & Calders 2012): P(group) · P(outcome) / P(group, outcome) of each loan, (N,).

    Under these weights outcome and group are independent. Masks (N,); each pair must occur.
    """
    bad, group = np.asarray(bad, dtype=bool), np.asarray(group, dtype=bool)
    found = np.empty(len(bad))
    for one in (False, True):
        for other in (False, True):
            both = (bad == one) & (group == other)
            found[both] = (bad == one).mean() * (group == other).mean() / both.mean()
    return found


@dataclass(frozen=True)
class Decisions:
    """What one policy says of each loan when it has not seen it: probability to be bad, and the threshold (N,)."""
    probability: np.ndarray
    threshold: np.ndarray

    @property
    def approved(self) -> np.ndarray:
        """Which loans are approved, (N,) bool."""
        return self.probability < self.threshold


def decide(loans: pd.DataFrame, policies=POLICIES, scorer: str = "logistic", seed: int = 0,
           folds: int = 5) -> dict[str, Decisions]:
    """Cross-validated decisions of each policy. The seed deals the loans, with equal shares of all four kinds.

    In each fold the model and the thresholds come from the other loans alone, the thresholds from an inner
    cross-validation: one that costs least, or, "thresholds by group", one for each group (`by_group`), on the scores
    without age, so that only the threshold knows the group.
    """
    choose("scorer", scorer, SCORERS)
    bad, group = 1 - loans["risk"].to_numpy(), young(loans)
    probability, threshold = ({policy: np.empty(len(bad)) for policy in policies} for _array in range(2))
    for rest, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(loans, 2 * bad + group):
        known, asked, scores = loans.iloc[rest], loans.iloc[test], {}
        for policy in policies:
            kind = "without age" if policy == "thresholds by group" else policy
            if kind not in scores:
                scores[kind] = _scores(scorer, known, asked, kind, seed)
            inner, outer = scores[kind]
            one = credit.cheapest(inner, bad[rest])
            limits = by_group(inner, bad[rest], group[rest]) if policy == "thresholds by group" else (one, one)
            probability[policy][test] = outer
            threshold[policy][test] = np.where(group[test], *limits)
    return {policy: Decisions(probability[policy], threshold[policy]) for policy in policies}


def _scores(scorer: str, known: pd.DataFrame, asked: pd.DataFrame, kind: str,
            seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The probability to be bad of the known loans, by cross-validation, and of those that are asked about."""
    prepare, model = inputs(age=kind == "with age"), _model(scorer, seed)
    bad, seen = 1 - known["risk"].to_numpy(), prepare.fit_transform(known)
    params = {"sample_weight": weights(bad, young(known))} if kind == "reweighed" else {}
    inner = cross_val_predict(model, seen, bad, cv=INNER, params=params, method="predict_proba")
    return inner[:, 1], model.fit(seen, bad, **params).predict_proba(prepare.transform(asked))[:, 1]


def inputs(age: bool) -> ColumnTransformer:
    """What a scorer is given: chapter 6's columns, standardised or as one-hot codes, with the column age or without."""
    numbers = [*credit.NUMBERS, "age"] if age else list(credit.NUMBERS)
    return ColumnTransformer([
        ("numbers", make_pipeline(FunctionTransformer(np.log), StandardScaler()), numbers),
        ("kinds", OneHotEncoder(handle_unknown="ignore"), list(credit.KINDS))], sparse_threshold=0)


def _model(scorer: str, seed: int):
    return LogisticRegression(C=0.3, solver="newton-cholesky") if scorer == "logistic" else GradientBoostingClassifier(
        n_estimators=40, max_depth=2, subsample=0.5, random_state=seed)


def by_group(probability, bad, group, apart: float = APART) -> tuple[float, float]:
    """Thresholds (young, older) that cost least among those with true positive rates at most `apart` from each other.

    Equal opportunity after training, as in Hardt et al. (2016), with one fixed threshold for each group. Rates and
    costs are those of the loans given, masks (N,) and probabilities to be bad (N,).
    """
    rates, costs = [], []
    for inside in (np.asarray(group, dtype=bool), ~np.asarray(group, dtype=bool)):
        of_bad = np.asarray(bad, dtype=bool)[inside]
        approved = np.asarray(probability)[inside] < GRID[:, None]
        rates.append(approved[:, ~of_bad].mean(axis=1))
        costs.append(credit.RATIO * approved[:, of_bad].sum(axis=1) + (~approved[:, ~of_bad]).sum(axis=1))
    gap = np.abs(rates[0][:, None] - rates[1])
    cost = np.where(gap <= max(apart, gap.min()), costs[0][:, None] + costs[1], np.inf)
    return tuple(float(GRID[place]) for place in np.unravel_index(cost.argmin(), cost.shape))


def measures(probability, approved, bad) -> dict[str, float]:
    """The MEASURES of one group. "Positive" is approved, and right where the loan was repaid.

    approved                share that is approved: demographic parity compares it
    true positive rate      of those who repaid, the share approved: equal opportunity compares it
    false positive rate     of those who did not, the share approved
    precision               of those approved, the share that repaid: predictive parity compares it
    calibration             share that was bad, less the mean probability: above 0 the group is scored too well
    """
    approved, bad = np.asarray(approved, dtype=float), np.asarray(bad, dtype=bool)
    return {"approved": float(approved.mean()), "true positive rate": float(approved[~bad].mean()),
            "false positive rate": float(approved[bad].mean()),
            "precision": float(approved[~bad].sum() / approved.sum()) if approved.sum() else float("nan"),
            "calibration": float(bad.mean() - np.mean(probability))}


def gaps(decisions: list[Decisions], bad, group, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Each measure in both groups, and young less older with its 95 % interval: a row for each of MEASURES.

    `decisions` of several deals are averaged loan by loan. The interval is a bootstrap over loans, drawn within the
    groups: it says what other loans of the same kind might have given, not what another bank would.
    """
    probability = np.mean([found.probability for found in decisions], axis=0)
    approved = np.mean([found.approved for found in decisions], axis=0)
    bad, generator = np.asarray(bad, dtype=bool), np.random.default_rng(seed)
    found, drawn = {}, {}
    for name, inside in (("young", np.flatnonzero(group)), ("older", np.flatnonzero(~np.asarray(group)))):
        found[name] = measures(probability[inside], approved[inside], bad[inside])
        drawn[name] = _resampled(probability[inside], approved[inside], bad[inside], resamples, generator)
    frame = pd.DataFrame(found).loc[list(MEASURES)]
    frame["gap"] = frame["young"] - frame["older"]
    differences = np.stack([drawn["young"][name] - drawn["older"][name] for name in MEASURES])
    frame["low"], frame["high"] = np.quantile(differences, (0.025, 0.975), axis=1)
    return frame


def _resampled(probability, approved, bad, resamples: int, generator) -> dict[str, np.ndarray]:
    """`measures` of `resamples` samples with replacement, at once: each an array (resamples,)."""
    count = generator.multinomial(len(bad), np.full(len(bad), 1 / len(bad)), resamples).astype(float)
    good = ~bad
    chosen, repaid = count @ approved, count @ (approved * good)
    with np.errstate(invalid="ignore"):         # of a sample without approvals, the precision is NaN
        precision = repaid / chosen
    return {"approved": chosen / len(bad), "true positive rate": repaid / (count @ good),
            "false positive rate": (chosen - repaid) / (count @ bad), "precision": precision,
            "calibration": (count @ (bad - probability)) / len(bad)}


def proxy(loans: pd.DataFrame, seed: int = 0) -> float:
    """How well the columns without age tell who is young: the cross-validated area under the ROC curve."""
    from sklearn.metrics import roc_auc_score
    group = young(loans)
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = make_pipeline(inputs(age=False), _model("logistic", seed))
    found = cross_val_predict(model, loans, group, cv=cv, method="predict_proba")
    return float(roc_auc_score(group, found[:, 1]))


def false_positive_rate(repaid_share: float, precision: float, true_positive_rate: float) -> float:
    """What the other three leave no choice about: FPR = p / (1 − p) · (1 − precision) / precision · TPR.

    Chouldechova (2017), equation 2.6, for "positive" = approved and p the share that repays. With equal precision and
    equal true positive rates, groups with unequal p cannot have equal false positive rates.
    """
    return repaid_share / (1 - repaid_share) * (1 - precision) / precision * true_positive_rate


def identity(approved, bad, group) -> list[tuple[str, float, float]]:
    """For the young and the older: the false positive rate as counted, and as `false_positive_rate` forces it."""
    rows = []
    for name, inside in (("young", group), ("older", ~group)):
        found = measures(np.zeros(inside.sum()), approved[inside], bad[inside])
        rows.append((name, found["false positive rate"], false_positive_rate(
            1 - bad[inside].mean(), found["precision"], found["true positive rate"])))
    return rows


def sex_column(loans: pd.DataFrame) -> pd.DataFrame:
    """What the column sex says, and how far it can be trusted: a row for each code.

    Columns: loans, young (share), bad (share), and `code` in the corrected table (Groemping 2019): the code behind
    "female" holds women who are not single and single men; single women have a code that became "male".
    """
    corrected = {"female": "women not single, or single men", "male": "other men, and single women"}
    frame = loans.assign(young=young(loans), bad=1 - loans["risk"]).groupby("sex")
    return pd.DataFrame({"loans": frame.size(), "young": frame["young"].mean(), "bad": frame["bad"].mean(),
                         "corrected table": pd.Series(corrected)})


def single_men_to_close(loans: pd.DataFrame) -> int:
    """The fewest single men among the rows coded female with which women would be bad no more often than the rest.

    In the worst case all those men's loans are bad, and they join the other rows.
    """
    counts = loans.assign(bad=1 - loans["risk"]).groupby("sex")["bad"].agg(["sum", "size"])
    (women_bad, women), (men_bad, men) = counts.loc["female"], counts.loc["male"]
    return next(moved for moved in range(int(women_bad) + 1)
                if (women_bad - moved) / (women - moved) <= (men_bad + moved) / (men + moved))
