"""Rules of chapter 5: the document's program on CIFAR-10 (sections 5.2 and 5.4)."""
import math
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

PRINTED = {"steps": 1149, "test": 0.8274, "validation": 0.8274, "train": 0.7842, "ms_per_step": 5, "epoch_seconds": 6}


@rule("C5.1", "A softmax output with a loss that expects logits (from_logits=True) is a correct set-up")
def softmax_then_logits(record):
    """Does not hold if no softmax run gets under the floor ln(e + K - 1) - 1 while every logits run does, and the
    softmax runs are less accurate by more than the two spreads together; in part if they are as accurate."""
    logits, softmax = select(record, setup="logits"), select(record, setup="softmax")
    floor = math.log(math.e + record["classes"] - 1) - 1
    losses = {name: column(runs, "lowest_train_loss") for name, runs in (("logits", logits), ("softmax", softmax))}
    accuracies = {name: column(runs, "test_accuracy") for name, runs in (("logits", logits), ("softmax", softmax))}
    stuck = min(losses["softmax"]) >= floor - 1e-3 and max(losses["logits"]) < floor
    gap = statistics.mean(accuracies["logits"]) - statistics.mean(accuracies["softmax"])
    noise = sum(statistics.stdev(values) if len(values) > 1 else 0 for values in accuracies.values())
    verdict = HOLDS if not stuck else NOT if gap > noise else IN_PART
    return verdict, [
        _("Lowest training loss of an epoch: logits {logits}, softmax {softmax}; the floor is {floor:.4f}.").format(
            logits=spread(losses["logits"], ".3f"), softmax=spread(losses["softmax"], ".3f"), floor=floor),
        _("Gradient norm at the first step: logits {logits}, softmax {softmax}.").format(
            logits=spread(column(logits, "first_gradient"), ".3f"),
            softmax=spread(column(softmax, "first_gradient"), ".3f")),
        _("Test accuracy: logits {logits}, softmax {softmax}.").format(
            logits=percent(accuracies["logits"]), softmax=percent(accuracies["softmax"])),
        _("Keras hides the mistake: its TensorFlow backend looks behind the softmax, takes the logits and warns. "
          "The rule judges the set-up as it is written.")]


@rule("C5.2", "The program prints 1149 steps an epoch")
def printed_steps(record):
    """Holds if an epoch of the rebuilt program has that many steps."""
    steps = set(column(select(record, setup="logits"), "steps_per_epoch"))
    return HOLDS if steps == {PRINTED["steps"]} else NOT, [
        _("An epoch of {count:,} training images in batches of {batch} has {steps} steps.").format(
            count=record["data"]["train"], batch=record["batch_size"], steps=", ".join(map(str, steps)))]


@rule("C5.3", "Ten epochs reach 82.74 % on the CIFAR-10 test set")
def ten_epochs(record):
    """Holds if the mean reaches it; in part if it lies within three spreads of the mean; else it does not."""
    accuracies = column(select(record, setup="logits"), "test_accuracy")
    mean = statistics.mean(accuracies)
    reach = mean + 3 * (statistics.stdev(accuracies) if len(accuracies) > 1 else 0)
    verdict = HOLDS if mean >= PRINTED["test"] else IN_PART if reach >= PRINTED["test"] else NOT
    return verdict, [
        _("Test accuracy after {epochs} epochs: {accuracy}; printed: 82.74 %.").format(
            epochs=record["epochs"], accuracy=percent(accuracies)),
        _("Taken literally, softmax and then a loss of logits: {accuracy}.").format(
            accuracy=percent(column(select(record, setup="softmax"), "test_accuracy")))]


def same_digits(accuracy: float, first: int, second: int) -> float:
    """The chance that `first` and `second` images, each right with this probability, print the same four digits."""
    from scipy.stats import binom
    right = range(first + 1)
    printed = [round(count / first, 4) for count in right]
    low = [math.ceil((share - 0.00005) * second - 1e-9) for share in printed]
    high = [math.ceil((share + 0.00005) * second - 1e-9) for share in printed]
    same = binom.cdf([count - 1 for count in high], second, accuracy) - binom.cdf(
        [count - 1 for count in low], second, accuracy)
    return float(binom.pmf(right, first, accuracy) @ same)


@rule("C5.4", "Validation and test accuracy are the same, 0.8274, and above the training accuracy, 0.7842")
def same_accuracy(record):
    """Two parts: equal digits have a chance of at least 5 %; some seed ends with validation above training.
    Both hold, one holds in part, none is undecided unless the chance is under 1 in 10,000: then it does not."""
    runs = select(record, setup="logits")
    chance = same_digits(PRINTED["test"], 5000, 10000)
    above = sum(run["validation_accuracy"] > run["train_accuracy_running"] for run in runs)
    parts = (chance >= 0.05) + (above > 0)
    verdict = (UNDECIDED if chance >= 1e-4 else NOT, IN_PART, HOLDS)[parts]
    return verdict, [
        _("5,000 and 10,000 images print the same four digits with a chance of {chance:.2%}.").format(chance=chance),
        _("Validation accuracy: {validation}; training accuracy averaged over the last epoch, as Keras prints it: "
          "{running}; measured again after it: {after}.").format(
              validation=percent(column(runs, "validation_accuracy")),
              running=percent(column(runs, "train_accuracy_running")),
              after=percent(column(runs, "train_accuracy_after"))),
        _("Seeds in which validation ends above the averaged training accuracy: {above} of {seeds}.").format(
            above=above, seeds=len(runs))]


@rule("C5.5", "A step takes 5 ms and an epoch 6 s")
def step_time(record):
    """Holds if both are within a quarter here; otherwise another machine decides nothing about theirs."""
    runs = select(record, setup="logits")
    step, epoch = column(runs, "ms_per_step"), column(runs, "epoch_seconds")
    def near(values, printed):
        return abs(statistics.mean(values) / printed - 1) <= 0.25
    verdict = HOLDS if near(step, PRINTED["ms_per_step"]) and near(epoch, PRINTED["epoch_seconds"]) else UNDECIDED
    return verdict, [
        _("A step took {step} ms and an epoch {epoch} s with {threads} threads.").format(
            step=spread(step), epoch=spread(epoch, ".1f"), threads=", ".join(map(str, sorted({
                run["threads"] for run in runs})))),
        _("That is {step:.2f} and {epoch:.2f} times the printed figures, on the machine named below.").format(
            step=statistics.mean(step) / PRINTED["ms_per_step"],
            epoch=statistics.mean(epoch) / PRINTED["epoch_seconds"])]
