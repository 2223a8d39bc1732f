"""One dense network, 64-64-10 with ReLU, in three frameworks: a module each with the same five functions.

    build(seed, rate)                      a network that has not been trained, with plain SGD of that learning rate
    train(model, images, labels, epochs)   batches of 32 in random order, mean cross-entropy
    probabilities(model, images)           (N, 10)
    weights(model), put(model, values)     [W1 (64, 64), b1, W2 (64, 10), b2], inputs first

The first three are what a learner writes; the last two are for the comparison alone. `in_keras` runs in a process of
its own, since Keras chooses what computes for it when it is imported.
"""
import time
from types import ModuleType

import numpy as np
from threadpoolctl import threadpool_limits

RATE = 0.1
STILL = 1e-44       # a learning rate that moves no weight: scikit-learn draws its weights when training begins


def contest(contestant: ModuleType, task: dict) -> dict[str, np.ndarray]:
    """What one contestant makes of `task`, on one thread.

    `task` holds arrays: images (N, 64) float32, labels (N,), new (M, 64), start0 to start3 (weights), epochs, seed.
    Returned are initial0 to initial3, the weights that the framework draws; from the start given, `probabilities` of
    32 images, step0 to step3, the weights after one step with them, and epoch0 to epoch3, after all images once in the
    framework's own order; then `predictions` for new images after a training of its own, and its `seconds`.
    """
    images, labels, seed = task["images"], task["labels"], int(task["seed"])
    few, start = (images[:32], labels[:32]), [task[f"start{place}"] for place in range(4)]
    found = {}

    def keep(name: str, model) -> None:
        found.update({f"{name}{place}": values for place, values in enumerate(contestant.weights(model))})

    with threadpool_limits(1):
        model = contestant.build(seed, STILL)
        contestant.train(model, *few, 1)
        keep("initial", model)
        model = contestant.build(seed, RATE)
        contestant.train(model, *few, 1)
        for name, data in {"epoch": (images, labels), "step": few}.items():
            contestant.put(model, start)
            found["probabilities"] = contestant.probabilities(model, few[0])
            contestant.train(model, *data, 1)
            keep(name, model)
        model, began = contestant.build(seed, RATE), time.perf_counter()
        contestant.train(model, images, labels, int(task["epochs"]))
        found["seconds"] = time.perf_counter() - began
        found["predictions"] = contestant.probabilities(model, task["new"]).argmax(axis=1)
    return {name: np.asarray(value) for name, value in found.items()}
