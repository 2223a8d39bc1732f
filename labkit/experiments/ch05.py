"""Chapter 5's recorded runs: the document's program rebuilt, as written and corrected.

Section 5.2 and 5.4 of the document: ten epochs, Adam with Keras's epsilon of 1e-7, batches of 32, the last tenth
of the training images unshuffled as validation, Glorot-uniform weights and zero biases.
"""
import math
import statistics
import time

import torch
import torch.nn.functional as F

from labkit.data import load
from labkit.evaluation import as_float, evaluate
from labkit.models import DocumentCNN
from labkit.training import Recipe, Run

SEEDS = (0, 1, 2)
EPOCHS = 10
SETUPS = {"logits": False, "softmax": True}     # corrected; as written and taken literally


def record(dataset: str = "cifar10", path: str | None = None, seeds=SEEDS, epochs: int = EPOCHS) -> dict:
    """Train each set-up with each seed, and return the figures that the rules of C5.1 to C5.5 read."""
    data = load(dataset, path=path, validation=0.1)
    runs = [_train(data, setup, seed, epochs) for seed in seeds for setup in SETUPS]
    return {"data": {"name": data.name, "sha256": data.sha256, "note": data.note,
                     "label": ", ".join(filter(None, (data.name, data.note))), "train": len(data.train),
                     "validation": len(data.validation), "test": len(data.test)},
            "classes": len(data.class_names), "batch_size": 32, "epochs": epochs, "seeds": list(seeds), "runs": runs}


def _train(data, setup: str, seed: int, epochs: int) -> dict:
    recipe = Recipe(epochs=epochs, batch_size=32, optimizer="adam", learning_rate=1e-3, epsilon=1e-7, seed=seed)
    run = Run(lambda: DocumentCNN(channels=data.input_shape[0], softmax=SETUPS[setup]), data, recipe)
    first_gradient = _gradient_norm(run.model, data.train.inputs[:32], data.train.targets[:32])
    print(f"{setup}, seed {seed}", flush=True)
    began = time.perf_counter()
    history = run.fit()
    wall_seconds = time.perf_counter() - began
    test, after = evaluate(run.model, data.test), evaluate(run.model, data.train)
    steps_per_epoch = math.ceil(len(data.train) / recipe.batch_size)
    rows = history.frame()
    weights = rows.step.map(lambda step: len(data.train) % 32 or 32 if step % steps_per_epoch == 0 else 32)
    running = {name: [float((epoch[name] * weights[epoch.index]).sum() / weights[epoch.index].sum())
                      for _number, epoch in rows.groupby("epoch")] for name in ("train_loss", "train_accuracy")}
    return {
        "setup": setup, "seed": seed, "threads": history.threads, "device": history.device,
        "steps_per_epoch": steps_per_epoch, "first_gradient": first_gradient,
        "train_loss_by_epoch": running["train_loss"], "train_accuracy_by_epoch": running["train_accuracy"],
        "validation_loss_by_epoch": rows.validation_loss.dropna().tolist(),
        "validation_accuracy_by_epoch": rows.validation_accuracy.dropna().tolist(),
        "lowest_train_loss": min(running["train_loss"]),
        "train_accuracy_running": running["train_accuracy"][-1], "train_accuracy_after": after.accuracy,
        "validation_accuracy": history.last("validation_accuracy"),
        "test_accuracy": test.accuracy, "test_loss": test.loss,
        "ms_per_step": 1000 * history.seconds / len(history), "epoch_seconds": history.seconds / epochs,
        "wall_seconds": wall_seconds,
        "median_loss_of_last_epoch": statistics.median(rows.train_loss[rows.epoch == epochs]),
    }


def _gradient_norm(model, images, targets) -> float:
    loss = F.cross_entropy(model(as_float(images)), targets)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
