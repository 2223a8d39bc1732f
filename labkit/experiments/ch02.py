"""Chapter 2's recorded runs: exact counts, shape against size, and what training and inference cost.

Counts need no seed. Shapes: multilayer perceptrons of 1 to 8 hidden layers, as wide as a number of parameters allows,
on clothes and on spirals, each trained at several learning rates. Costs: four networks, with one thread, since a
change of threads would be timed too; an example is a picture, or a row of 64 characters for the Transformer.
"""
import copy
import statistics

import torch

from labkit.data import load
from labkit.data.dataset import Dataset
from labkit.data.spirals import spirals
from labkit.device import threads
from labkit.evaluation import as_float, evaluate
from labkit.loss import mean_loss
from labkit.measure import peak_bytes, seconds
from labkit.models import DecoderTransformer, DocumentCNN, SmallCNN, parameter_count
from labkit.models.dense import MLP
from labkit.models.equal import mlp, width_for
from labkit.models.published import PUBLISHED, build
from labkit.training import Recipe, Run

SEEDS = (0, 1, 2)
DEPTHS = (1, 2, 4, 8)
RATES = (1e-3, 3e-3, 1e-2)
BUDGETS = {"fashion-mnist": (20_000, 320_000), "spirals": (1_000, 10_000)}      # parameters
STEPS = {"fashion-mnist": 680, "spirals": 800}      # of 128 pictures (8 epochs), or of 64 points
BATCH = 32
PICTURES, TEXT = "fashion-mnist", "python-docs"
NETWORKS = {    # name -> (data, how it is built for them)
    "small CNN": (PICTURES, lambda data: SmallCNN(16)),
    "CNN of chapter 5": (PICTURES, lambda data: DocumentCNN()),
    "perceptron": (PICTURES, lambda data: MLP(3 * 32 * 32, 512, 512, 10)),
    "character Transformer": (TEXT, lambda data: DecoderTransformer(len(data.class_names))),
}
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)    # parameters, whose latency is measured


def record(path: str | None = None, seeds=SEEDS, depths=DEPTHS, rates=RATES, steps: dict | None = None,
           rounds: int = 40, trained_steps: int = 300) -> dict:
    """Every run that the rules of C2.1 to C2.3 read, as flat dicts told apart by `experiment`.

    `path`, where other chapters' data may lie, is not read: these data come with the course.
    """
    clothes, arms, text = load(PICTURES), spirals(), load(TEXT)
    by_name = {PICTURES: clothes.as_images(3, 32, 32), TEXT: text}
    runs = [{"experiment": "count", "model": name, "family": network.family, "published": network.parameters,
             "counted": parameter_count(build(name))} for name, network in PUBLISHED.items()]
    for seed in seeds:
        for data in (clothes, arms):
            print(f"shapes on {data.name}, seed {seed}", flush=True)
            runs += [_shape(data, budget, depth, rate, seed, (steps or STEPS)[data.name])
                     for budget in BUDGETS[data.name] for depth in depths for rate in rates]
        print(f"costs, seed {seed}", flush=True)
        with threads(1):
            runs += [_cost(name, by_name[data], build_for, seed, rounds, trained_steps)
                     for name, (data, build_for) in NETWORKS.items()]
            runs += [_latency(size, seed, rounds) for size in SIZES]
    return {"data": [{"name": data.name, "sha256": data.sha256, "note": data.note, "train": len(data.train),
                      "test": len(data.test)} for data in (clothes, arms, text)],
            "seeds": list(seeds), "batch_size": BATCH, "runs": runs}


def _shape(data: Dataset, budget: int, depth: int, rate: float, seed: int, steps: int) -> dict:
    inputs, outputs = data.train.inputs[0].numel(), len(data.class_names)
    recipe = Recipe(steps=steps, batch_size=128 if outputs > 2 else 64, learning_rate=rate, schedule="cosine",
                    validate_every=steps, seed=seed)
    run = Run(lambda: mlp(budget, depth, inputs, outputs), data, recipe, device="cpu", threads=1)
    for _step in run:
        pass
    return {"experiment": "shape", "task": data.name, "budget": budget, "depth": depth, "rate": rate, "seed": seed,
            "width": width_for(budget, depth, inputs, outputs), "parameters": parameter_count(run.model),
            "validation_accuracy": run.history.last("validation_accuracy"),
            "test_accuracy": evaluate(run.model, data.test).accuracy}


def _cost(name: str, data: Dataset, build_for, seed: int, rounds: int, steps: int) -> dict:
    """Milliseconds an example and peak bytes: a training step, inference with trained and with fresh weights."""
    recipe = Recipe(steps=steps, batch_size=BATCH, validate_every=steps, seed=seed)
    run = Run(lambda: build_for(data), data, recipe, device="cpu", threads=1)
    start = copy.deepcopy(run.model.state_dict())
    for _step in run:
        pass
    trained, learner = copy.deepcopy(run.model).eval(), run.model.train()
    fresh = copy.deepcopy(trained)
    fresh.load_state_dict(start)        # into the memory layout that the run has chosen, which alone changes speed
    inputs, targets = as_float(data.test.inputs[:BATCH]), data.test.targets[:BATCH]
    optimizer = recipe.make_optimizer(learner, torch.device("cpu"))

    def train():
        optimizer.zero_grad()
        mean_loss(learner(inputs), targets).backward()
        optimizer.step()

    @torch.inference_mode()
    def infer(model):
        return model(inputs)
    times = seconds({"train": train, "trained": lambda: infer(trained), "fresh": lambda: infer(fresh)}, rounds)
    optimizer.zero_grad()
    state = [value for values in optimizer.state.values() for value in values.values()]
    batch = (inputs, targets)
    return {"experiment": "cost", "model": name, "seed": seed, "parameters": parameter_count(learner),
            "test_accuracy": evaluate(trained, data.test).accuracy,
            **{f"{call}_ms": 1000 * statistics.median(values) / BATCH for call, values in times.items()},
            "train_bytes": peak_bytes(train, [*learner.parameters(), *state, *batch]),
            "inference_bytes": peak_bytes(lambda: infer(trained), [*trained.parameters(), inputs])}


def _latency(size: int, seed: int, rounds: int) -> dict:
    """Milliseconds for one example through a perceptron of about `size` parameters."""
    torch.manual_seed(seed)
    model, example = mlp(size, 3, 784, 10).eval(), torch.rand(1, 784)
    with torch.inference_mode():
        times = seconds({"one": lambda: model(example)}, rounds)
    return {"experiment": "latency", "seed": seed, "parameters": parameter_count(model),
            "ms": 1000 * statistics.median(times["one"])}
