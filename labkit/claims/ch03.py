"""Rules of chapter 3: initialisation, how to train, and five ways to train better (sections 3.1 to 3.4).

Seeds are paired: two set-ups are compared seed by seed, and one is better than the other only where all seeds agree
and their mean differs by a margin that matters. The margins were set before anything was run: a tenth of the steps or
of a gap in loss, and for accuracies half a point (0.005) to one point (0.01): less is within the reach of chance with
2,000 test images.
"""
import statistics
from collections.abc import Callable

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _


def differences(first: list[dict], second: list[dict], name: str) -> list[float]:
    """`first` minus `second`, seed by seed."""
    other = {run["seed"]: run[name] for run in second}
    return [run[name] - other[run["seed"]] for run in first]


def lower(first: list[dict], second: list[dict], name: str, share: float = 0.0) -> bool:
    """Whether `first` is lower in every seed, and its mean by at least this share of the mean of `second`."""
    apart, reference = differences(first, second, name), statistics.mean(column(second, name))
    return max(apart) < 0 and statistics.mean(apart) <= -share * abs(reference)


def higher(first: list[dict], second: list[dict], name: str, margin: float = 0.0) -> bool:
    """Whether `first` is higher in every seed, and its mean by at least `margin`."""
    apart = differences(first, second, name)
    return min(apart) > 0 and statistics.mean(apart) >= margin


def chosen(runs: list[dict], setting: str, score: Callable[[dict], float]) -> list[dict]:
    """The runs at the value of `setting` whose mean `score` is lowest, among the values at which no seed diverged."""
    values = dict.fromkeys(column(runs, setting))
    groups = [[run for run in runs if run[setting] == value] for value in values]
    whole = [group for group in groups if not any(run["diverged"] for run in group)]
    return min(whole, key=lambda group: statistics.mean(map(score, group)), default=[])


def validation_loss(run: dict) -> float:
    return run["validation_loss"]


def with_steps(runs: list[dict]) -> list[dict]:
    """The runs with `needed`: their steps to the loss, or one more than all of their steps if they never reached
    it."""
    return [{**run, "needed": run["steps_to_loss"] or run["steps"] + 1} for run in runs]


def with_gaps(runs: list[dict]) -> list[dict]:
    """The runs with `gap`, training minus test accuracy, and `loss_gap`, test minus training loss."""
    return [run if run["diverged"] else {**run, "gap": run["train_accuracy"] - run["test_accuracy"],
                                         "loss_gap": run["test_loss"] - run["train_loss"]} for run in runs]


@rule("C3.1", "Random initialisation avoids vanishing or exploding gradients")
def random_scales(record):
    """A scale keeps its gradients if, in every seed, the gradient of the first of 19 hidden layers is between a
    hundredth and a hundred times that of the last: a factor of 1.3 a layer. Holds if each random scale from 0.01 to 1
    does; does not hold if at least half of them fail; else in part. Xavier and He are the reference, not judged."""
    runs = select(record, experiment="initial_scales")
    scales = dict.fromkeys(column(runs, "scale"))
    kept, lines = {}, []
    for scale in scales:
        of_scale = [run for run in runs if run["scale"] == scale]
        ratios = [run["gradients"][0] / run["gradients"][-1] if run["gradients"][-1] else 0.0 for run in of_scale]
        kept[scale] = all(0.01 <= ratio <= 100 for ratio in ratios)
        lines.append(_("Scale {scale}: first to last hidden gradient {low:.1e} to {high:.1e}, {outcome}.").format(
            scale=scale, low=min(ratios), high=max(ratios), outcome=outcome(column(of_scale, "validation_accuracy"))))
    random = [kept[scale] for scale in scales if isinstance(scale, float) and scale > 0]
    verdict = HOLDS if all(random) else NOT if 2 * random.count(False) >= len(random) else IN_PART
    return verdict, [_("Random scales that keep their gradients: {kept} of {count}.").format(
        kept=random.count(True), count=len(random)), *lines]


def outcome(accuracies: list[float]) -> str:
    """What 120 steps made of a scale. A seed that diverged at every rate is recorded with an accuracy of 0."""
    diverged = accuracies.count(0.0)
    if diverged:
        return _("diverged at every learning rate in {diverged} of {count} seeds").format(
            diverged=diverged, count=len(accuracies))
    return _("validation accuracy after 120 steps {accuracy}").format(accuracy=percent(accuracies))


@rule("C3.2", "Batch normalisation reduces internal covariate shift and speeds up training")
def batch_norm(record):
    """Three parts. Faster: at least a tenth fewer steps to the loss, each at its fastest rate. Steadier: at the rate
    that is fastest without it, the moments drift less. The reason: where they are unsettled on purpose, so that they
    drift at least as much as without, at least half of the gain in steps is lost. Holds if all three do; does not if
    it is neither faster nor steadier; else in part. The reason stays open, and counts as standing, if the unsettled
    moments drift less than those without, or where there is no gain to lose."""
    runs = with_steps(select(record, experiment="batch_norm"))
    best = {norm: chosen([run for run in runs if run["norm"] == norm], "learning_rate", lambda run: run["needed"])
            for norm in dict.fromkeys(column(runs, "norm"))}
    if not all(best.values()):
        return UNDECIDED, [_("A set-up diverged at every rate.")]
    plain, normed, unsettled = best.values()
    rate = plain[0]["learning_rate"]
    drifts = {norm: [run for run in runs if run["norm"] == norm and run["learning_rate"] == rate] for norm in best}
    if any(run["drift"] is None for runs in drifts.values() for run in runs):
        return UNDECIDED, [_("A set-up diverged at the rate that is fastest without batch normalisation.")]
    without, steady, shaken = drifts.values()
    faster = lower(normed, plain, "needed", 0.1)
    steadier = lower(steady, without, "drift")
    gain = statistics.mean(differences(plain, normed, "needed"))
    left = statistics.mean(differences(plain, unsettled, "needed"))
    refuted = faster and min(differences(shaken, without, "drift")) >= 0 and left > gain / 2
    verdict = NOT if not (faster or steadier) else HOLDS if faster and steadier and not refuted else IN_PART
    names = _("without"), _("batch norm"), _("batch norm, unsettled")
    lines = [_("{norm}: {steps} steps to a training loss of 0.6 at its fastest rate, {rate:g}; drift of the moments at "
               "the rate {shared:g}: {drift}.").format(
                   norm=name, steps=spread(column(best[norm], "needed"), ".0f"), rate=best[norm][0]["learning_rate"],
                   shared=rate, drift=spread(column(drifts[norm], "drift"), ".3f"))
             for name, norm in zip(names, best, strict=True)]
    return verdict, [*lines, _("Share of the gain in steps that is left with unsettled moments: {share:.0%}.").format(
        share=left / gain)] if gain > 0 else lines


@rule("C3.3", "Augmentation improves generalisation")
def augmentation(record):
    """At each size of the training set, augmentation helps if the gap between training and test accuracy is lower in
    every seed and test accuracy higher, by one point on average. Holds if it helps at every size; in part if it does
    so at one, or narrows the gap at every size; else it does not."""
    runs = with_gaps(select(record, experiment="augmentation"))
    if any(run["diverged"] for run in runs):
        return UNDECIDED, [_("A run diverged.")]
    helps, narrows, lines = [], [], []
    for images in dict.fromkeys(column(runs, "images")):
        without, augmented = ([run for run in runs if (run["images"], run["augmentation"]) == (images, name)]
                              for name in ("without", "with"))
        narrows.append(lower(augmented, without, "gap"))
        helps.append(narrows[-1] and higher(augmented, without, "test_accuracy", 0.01))
        lines.append(_("{images:,} images: test accuracy {before} without, {after} with; training minus test "
                       "{gap_before} and {gap_after}.").format(
                           images=images, before=percent(column(without, "test_accuracy")),
                           after=percent(column(augmented, "test_accuracy")),
                           gap_before=percent(column(without, "gap")), gap_after=percent(column(augmented, "gap"))))
    return HOLDS if all(helps) else IN_PART if any(helps) or all(narrows) else NOT, lines


@rule("C3.4", "Learning-rate scheduling avoids overfitting too early")
def schedules(record):
    """Each schedule is taken at the peak rate with the lowest final validation loss. A schedule avoids overfitting if
    the gap between test and training loss at the end is lower than with a constant rate in every seed, by a tenth; it
    helps if test accuracy is higher in every seed, by half a point. Holds if at least two of the three avoid it; in
    part if one does, or at least one helps; else it does not."""
    runs = with_gaps(select(record, experiment="schedules"))
    best = {schedule: chosen([run for run in runs if run["schedule"] == schedule], "learning_rate", validation_loss)
            for schedule in dict.fromkeys(column(runs, "schedule"))}
    if not all(best.values()):
        return UNDECIDED, [_("A set-up diverged at every rate.")]
    constant = best["constant"]
    others = [runs for schedule, runs in best.items() if schedule != "constant"]
    avoid = sum(lower(runs, constant, "loss_gap", 0.1) for runs in others)
    helps = sum(higher(runs, constant, "test_accuracy", 0.005) for runs in others)
    return HOLDS if avoid >= 2 else IN_PART if avoid or helps else NOT, [
        _("Smaller gap in loss than at a constant rate: {avoid} of {count} schedules; higher test accuracy: "
          "{helps}.").format(avoid=avoid, count=len(others), helps=helps),
        *(_("{schedule}, peak rate {rate:g}: test loss {loss}, minus training loss {gap}; test accuracy {accuracy}; "
            "lowest validation loss at step {step}.").format(
                schedule=_(schedule), rate=runs[0]["learning_rate"], loss=spread(column(runs, "test_loss"), ".3f"),
                gap=spread(column(runs, "loss_gap"), ".3f"), accuracy=percent(column(runs, "test_accuracy")),
                step=spread(column(runs, "best_step"), ".0f")) for schedule, runs in best.items())]


@rule("C3.5", "L1 and L2 regularisation prevent overfitting")
def penalties(record):
    """L1 and L2 are each taken at the strength with the lowest validation loss. Prevented means that the gap between
    training and test accuracy is at most half of what it is without, in every seed, and test accuracy no lower on
    average. Holds if both prevent it; in part if either does, or if either narrows the gap in every seed or raises
    test accuracy in every seed by half a point; else it does not."""
    runs = with_gaps(select(record, experiment="penalties"))
    best = {penalty: chosen([run for run in runs if run["penalty"] == penalty], "strength", validation_loss)
            for penalty in ("none", "L1", "L2")}
    if not all(best.values()):
        return UNDECIDED, [_("A set-up diverged at every strength.")]
    without = best["none"]
    halved = [{**run, "gap": run["gap"] / 2} for run in without]
    prevents, helps = [], []
    for penalty in ("L1", "L2"):
        accuracy = statistics.mean(differences(best[penalty], without, "test_accuracy"))
        prevents.append(max(differences(best[penalty], halved, "gap")) <= 0 and accuracy >= 0)
        helps.append(lower(best[penalty], without, "gap") or higher(best[penalty], without, "test_accuracy", 0.005))
    return HOLDS if all(prevents) else IN_PART if any(prevents + helps) else NOT, [
        *(_("{penalty}, strength {strength:g}: test accuracy {accuracy}, training minus test {gap}, test loss "
            "{loss}.").format(
                penalty=_(penalty), strength=runs[0]["strength"], accuracy=percent(column(runs, "test_accuracy")),
                gap=percent(column(runs, "gap")), loss=spread(column(runs, "test_loss"), ".3f"))
          for penalty, runs in best.items()),
        _("Weights of at most {limit:g}: {none} without, {l1} with L1, {l2} with L2; exactly zero with L1: "
          "{exact}.").format(
            limit=record["near_zero"], exact=percent(column(best["L1"], "exactly_zero")),
            **{name.lower(): percent(column(runs, "near_zero")) for name, runs in best.items()})]


@rule("C3.6", "Adam and RMSprop improve training speed and stability")
def optimizers(record):
    """Each optimizer is taken at the rate of its grid with the lowest final validation loss. Faster: at least a tenth
    fewer steps to the loss, in every seed. Steadier: more of the four rates of its grid, half a decade apart, end
    within two points of its best validation accuracy. Holds if Adam and RMSprop are both faster than plain SGD and
    than SGD with momentum and neither is less steady than they; does not hold if neither is faster than plain SGD nor
    steadier than it; else in part."""
    runs = with_steps(select(record, experiment="optimizers"))
    names = tuple(dict.fromkeys(column(runs, "optimizer")))
    by_name = {name: [run for run in runs if run["optimizer"] == name] for name in names}
    best = {name: chosen(by_name[name], "learning_rate", validation_loss) for name in names}
    if not all(best.values()):
        return UNDECIDED, [_("An optimizer diverged at every rate.")]
    usable = {name: usable_rates(by_name[name]) for name in names}
    adaptive, plain = ("adam", "rmsprop"), ("sgd", "momentum")
    faster = {(a, b): lower(best[a], best[b], "needed", 0.1) for a in adaptive for b in plain}
    steady = all(usable[a] >= usable[b] for a in adaptive for b in plain)
    any_gain = any(faster[a, "sgd"] or usable[a] > usable["sgd"] for a in adaptive)
    return HOLDS if all(faster.values()) and steady else IN_PART if any_gain else NOT, [
        _("{optimizer} at {rate:g}: {steps} steps to a training loss of 0.7, test accuracy {accuracy}; usable rates "
          "{usable} of {count}.").format(
              optimizer=_(name), rate=best[name][0]["learning_rate"], steps=spread(column(best[name], "needed"), ".0f"),
              accuracy=percent(column(best[name], "test_accuracy")), usable=usable[name],
              count=len(set(column(by_name[name], "learning_rate")))) for name in names]


def usable_rates(runs: list[dict]) -> int:
    """At how many rates the mean validation accuracy is within two points of the best rate's, with no seed
    diverged."""
    accuracies = [statistics.mean(0.0 if run["diverged"] else run["validation_accuracy"] for run in runs
                                  if run["learning_rate"] == rate) for rate in set(column(runs, "learning_rate"))]
    return sum(accuracy >= max(accuracies) - 0.02 for accuracy in accuracies)


@rule("C3.7", "Evaluate on a validation set while training, and save the best model")
def early_stopping(record):
    """The model with the lowest validation loss against the last one, by test figures. Holds if its test loss is
    lower in every seed, by a tenth, and its test accuracy less than a point lower on average; in part if only the
    loss is lower, or only the accuracy higher, by half a point; else it does not."""
    runs = select(record, experiment="early_stopping")
    if any(run["diverged"] for run in runs):
        return UNDECIDED, [_("A run diverged.")]
    last, best = ([run for run in runs if run["kept"] == kept] for kept in ("last", "best"))
    calmer = lower(best, last, "test_loss", 0.1)
    accuracy = statistics.mean(differences(best, last, "test_accuracy"))
    verdict = (HOLDS if calmer and accuracy > -0.01 else
               IN_PART if calmer or higher(best, last, "test_accuracy", 0.005) else NOT)
    return verdict, [
        *(_("{kept} model, step {step}: test loss {loss}, test accuracy {accuracy}, training accuracy {train}.").format(
            kept=name, step=spread(column(runs, "step"), ".0f"), loss=spread(column(runs, "test_loss"), ".3f"),
            accuracy=percent(column(runs, "test_accuracy")), train=percent(column(runs, "train_accuracy")))
          for name, runs in ((_("best"), best), (_("last"), last))),
        _("Validation minus test accuracy of the best model, which was chosen by validation: {apart}.").format(
            apart=percent([run["validation_accuracy"] - run["test_accuracy"] for run in best]))]
