"""Does an accelerator give the processor's numbers? `labkit numbers` trains the same small runs on both.

On one processor the same seed gives the same bits. An accelerator adds in another order, multiplies with fewer digits
(TF32 in cuDNN's convolutions: 11 bits; bf16 in training: 8) and so ends elsewhere, within LIMITS. They were chosen from
that rounding. On a CPU, bf16 in place of an accelerator moved the losses by 0.0002 and the mean accuracy by 0.0002, and
a second thread less; between seeds the accuracy varies by 0.02. It has run on no GPU yet.
"""
import numpy as np
import torch

from labkit.data import load
from labkit.device import choose, describe
from labkit.device import threads as torch_threads
from labkit.evaluation import as_float
from labkit.headless import aligned
from labkit.language import _
from labkit.models import SmallCNN
from labkit.training import Recipe, Run

SEEDS, STEPS = 5, 150
LIMITS = {"logits": 0.005, "losses": 0.01, "accuracy": 0.01}
NONE_HERE = 3       # the exit code where there is nothing to compare: neither well nor ill


def measure(device: torch.device, threads: int = 1, precision: str = "auto", seeds: int = SEEDS,
            steps: int = STEPS) -> dict[str, np.ndarray]:
    """Logits of untrained networks, losses of the first ten steps and accuracies after the last, one row a seed."""
    data = load("fashion-mnist").first(train=64 * steps, validation=1000)
    found = {"logits": [], "losses": [], "accuracy": []}
    for seed in range(seeds):
        recipe = Recipe(epochs=1, batch_size=64, seed=seed, precision=precision)
        run = Run(lambda: SmallCNN(channels=1), data, recipe, device, threads=threads)
        with torch_threads(threads), torch.no_grad():
            logits = run.model.to(device)(as_float(data.test.inputs[:64]).to(device))
        history = run.fit()
        found["logits"].append(logits.cpu().numpy())
        found["losses"].append(history["train_loss"][:10])
        found["accuracy"].append(history["validation_accuracy"][-1])
    return {name: np.array(values) for name, values in found.items()}


def differences(processor: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, float]:
    """How far the second lies from the first: the largest of the logits as a share of the largest logit, the largest
    of the losses as a share of the loss, and the mean accuracies over the seeds.
    """
    logits, losses = (np.abs(processor[name] - other[name]) for name in ("logits", "losses"))
    return {"logits": float(logits.max() / np.abs(processor["logits"]).max()),
            "losses": float((losses / processor["losses"]).max()),
            "accuracy": float(abs(processor["accuracy"].mean() - other["accuracy"].mean()))}


def outside(found: dict[str, float]) -> list[str]:
    """The figures that are not within their limit; one that is no number is not."""
    return [name for name, limit in LIMITS.items() if not found[name] <= limit]


def main() -> int:
    """Print the table; 0 where each difference is within its limit, 1 where not, 3 where there is no accelerator."""
    device = choose("auto")
    if device.type == "cpu":
        print(_("There is no accelerator here, so there is nothing to compare."))
        return NONE_HERE
    found = differences(measure(torch.device("cpu")), measure(device))
    wrong = outside(found)
    print(_("{device} beside the processor, {seeds} seeds:").format(device=describe(device), seeds=SEEDS))
    rows = [(_("figure"), _("difference"), _("at most"), "")]
    rows += [(_(name), f"{found[name]:.2g}", f"{limit:g}", _("outside") if name in wrong else "")
             for name, limit in LIMITS.items()]
    print(aligned(rows))
    return 1 if wrong else 0
