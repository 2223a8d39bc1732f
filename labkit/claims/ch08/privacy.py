"""The rule of section 8.2 on privacy: whether members of a training set can be hidden, and what that costs.

Settled before anything was recorded. An attack is near chance up to an AUC of 0.55: two groups of people whose scores
differ by that much are told apart 54 times in 100 where a coin gets 50, and it is three standard errors of the AUC of
500 members against 500 outsiders. Averages hide the few who stand out (Carlini et al. 2022), so the share of members
that are found at 1 % false alarms must not be above 2 % either, twice what chance finds.

An attack that fails is no proof, so only a training with a guarantee counts, and only up to an epsilon of 10, above
which Ponomareva et al. (2023) call the guarantee weak. Protection is cheap if it takes at most 2 points of accuracy
(chapter 6 takes less for no difference). It is worth something at all if the protected model beats one trained without
protection on a tenth of the people: a venture could ask for volunteers in place of it.
"""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

NEAR, FOUND, WEAK, CHEAP = 0.55, 0.02, 10.0, 0.02
ATTACKS = ("loss", "ratio")


@rule("C8.4", "Data privacy can be protected")
def privacy(record):
    """Two attacks, by loss and by likelihood ratio, on models of plain and of private training.

    Near chance is a training whose AUC is at most 0.55 for both attacks in every seed, and whose mean share of
    members found at 1 % false alarms is at most 2 %. Holds if some private training with an epsilon of at most 10 is
    near chance and at most 2 points less accurate, on average, than plain training stopped where validation was best.
    In part, if some such training near chance beats the volunteers' model in every seed. Else it does not hold. It
    cannot be decided if plain training to its end is near chance itself, since then nothing leaks here. Whether plain
    training stopped early is near chance as well is reported and decides nothing: it guarantees nothing.
    """
    plain, private = (_groups(select(record, part=f"privacy_{kind}"), by) for kind, by in
                      (("plain", "steps"), ("private", "noise")))
    asked = select(record, part="privacy_volunteers")
    if not (plain and private and asked):
        return UNDECIDED, [_("Plain training, private training or the volunteers were not recorded.")]
    best = max(plain.values(), key=lambda runs: statistics.mean(column(runs, "validation")))
    floor = {run["seed"]: run["accuracy"] for run in asked}
    verdict = NOT
    for runs in private.values():
        if max(column(runs, "epsilon")) <= WEAK and near_chance(runs):
            price = statistics.mean(column(best, "accuracy")) - statistics.mean(column(runs, "accuracy"))
            if price <= CHEAP:
                verdict = HOLDS
            elif verdict == NOT and all(run["accuracy"] > floor[run["seed"]] for run in runs):
                verdict = IN_PART
    end = plain[max(plain)]
    lines = [
        _("Plain training to its end, {steps} steps: {figures}").format(steps=max(plain), figures=_figures(end)),
        _("Plain training stopped where validation was best, {steps} steps: {figures}").format(
            steps=best[0]["steps"], figures=_figures(best)),
        *(_("Private, noise {noise:g}, epsilon {epsilon:.3g}: {figures}").format(
            noise=noise, epsilon=runs[0]["epsilon"], figures=_figures(runs)) for noise, runs in private.items()),
        _("Volunteers, a tenth of the members, without protection: accuracy {accuracy}.").format(
            accuracy=percent(column(asked, "accuracy")))]
    stopped = [steps for steps, runs in plain.items() if near_chance(runs)]
    lines.append(_("Plain training is near chance when it is stopped after {steps} steps, with no guarantee.").format(
        steps=", ".join(map(str, sorted(stopped)))) if stopped else _("No plain training is near chance."))
    return (UNDECIDED if near_chance(end) else verdict), lines


def near_chance(runs: list[dict]) -> bool:
    """Whether neither attack tells members from outsiders by more than the margins."""
    return all(max(column(runs, f"{attack}_auc")) <= NEAR and statistics.mean(column(runs, f"{attack}_found")) <= FOUND
               for attack in ATTACKS)


def _groups(runs: list[dict], by: str) -> dict[float, list[dict]]:
    return {value: [run for run in runs if run[by] == value] for value in sorted(set(column(runs, by)))}


def _figures(runs: list[dict]) -> str:
    return _("accuracy {accuracy}; AUC of the attack by loss {loss}, by likelihood ratio {ratio}; members found at "
             "1 % false alarms {loss_found} and {ratio_found}.").format(
        accuracy=percent(column(runs, "accuracy")), loss=spread(column(runs, "loss_auc"), ".3f"),
        ratio=spread(column(runs, "ratio_auc"), ".3f"), loss_found=percent(column(runs, "loss_found")),
        ratio_found=percent(column(runs, "ratio_found")))
