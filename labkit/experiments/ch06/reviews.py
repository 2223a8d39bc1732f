"""C6.1: the encoder of `labkit.applications.reviews`, pre-trained by masked prediction and from scratch, with 50, 200
and 1,000 labels, and the bag of characters beside.

Both encoders are of one size and get the same labels, steps and choice of checkpoint (by 300 validation reviews), each
at the learning rate that did best on the validation split with a seed that is not recorded; the bag at its best C
likewise. With few labels much depends on which they are, so a seed draws several sets of 50 and of 200. Test reviews
are looked at once, after the last step.
"""
import copy
import statistics

from labkit.applications import reviews
from labkit.applications.outcome import latency
from labkit.data.dataset import Dataset
from labkit.evaluation import evaluate
from labkit.models.masked import MaskedLanguageModel
from labkit.training import Recipe, Run

THREADS = 1
COPIES, PRETRAINING_STEPS, PRETRAINING_RATE = 4, 550, 3e-3
COUNTS = {50: (3, 60), 200: (2, 80), 1000: (1, 200)}       # labels: sets of them, fine-tuning steps
RATES = {"pre-trained": 1e-3, "from scratch": 1e-3}
STRENGTH = 0.3                                              # scikit-learn's C
EXAMPLE = "房间很干净，服务态度也好，下次还会再来。"


def data() -> list[dict]:
    found = reviews.load()
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, share: float = 1.0) -> list[dict]:
    """Accuracies on test reviews; `share` scales the number of steps, for tests."""
    found, rows = reviews.load(), []
    pretraining = pretrained(found, seed, _steps(PRETRAINING_STEPS, share))
    for labels, (draws, steps) in COUNTS.items():
        scores = {name: [] for name in ("pre-trained", "from scratch", "bag of characters")}
        for draw in range(draws):
            few = reviews.few(found, labels, seed=1000 * seed + draw, validation=300)
            tuned = {name: reviews.fine_tune(model, few, _steps(steps, share), RATES[name], seed, THREADS)
                     for name, model in (("pre-trained", copy.deepcopy(pretraining.model.encoder)),
                                         ("from scratch", lambda: reviews.encoder(found)))}
            for name, run in tuned.items():
                scores[name].append(evaluate(run.model, found.test).accuracy)
            scores["bag of characters"].append(reviews.BagOfCharacters(few, STRENGTH).accuracy(found.test))
        means = {name: statistics.mean(values) for name, values in scores.items()}
        rows += [{"part": "reviews", "seed": seed, "labels": labels, "model": name, "accuracy": accuracy}
                 for name, accuracy in means.items()]
    classify = reviews.Classifier(tuned["pre-trained"].model, found)
    return [*rows,
            {"part": "reviews-pretraining", "seed": seed, "steps": pretraining.total,
             "validation_loss": pretraining.history.last("validation_loss"),
             "validation_accuracy": pretraining.history.last("validation_accuracy")},
            {"part": "outcome", "seed": seed, "task": "Chinese reviews", "metric": "accuracy",
             "simple": means["bag of characters"], "deep": means["pre-trained"], "examples": labels,
             "training": pretraining.history.seconds + tuned["pre-trained"].history.seconds,
             "latency": latency(lambda: classify(EXAMPLE))}]


def pretrained(found: Dataset, seed: int, steps: int) -> Run:
    """A finished run of masked prediction on the training reviews, without their labels."""
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=PRETRAINING_RATE, schedule="one-cycle",
                    validate_every=steps, seed=seed)
    run = Run(lambda: MaskedLanguageModel(reviews.encoder(found)), reviews.masked(found, COPIES, seed), recipe,
              threads=THREADS)
    for _step in run:
        pass
    return run


def _steps(count: int, share: float) -> int:
    return max(2, round(count * share))
