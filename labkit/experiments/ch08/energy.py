"""What training takes: operations and joules of an epoch by size, and what stopping early or a smaller network saves.

Joules are measured where the machine's counters may be read, else estimated from processor time; each run says which.
"""
from labkit.data import load
from labkit.data.text import corpus
from labkit.evaluation import evaluate
from labkit.models.dense import MLP
from labkit.models.vision import parameter_count
from labkit.training import Recipe
from labkit.trends import energy, scaling

WIDTHS = (32, 128, 512)             # of the dense models
CHARACTERS = 48_000
UNITS = (32, 64, 128, 256, 512)     # of the networks for pictures, in one hidden layer
EPOCHS, PATIENCE = 20, 2


def data() -> list[dict]:
    """The sets that the runs use."""
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}
            for found in (corpus("python-docs"), load("fashion-mnist"))]


def runs(seed: int, widths=WIDTHS, characters: int = CHARACTERS, units=UNITS, epochs: int = EPOCHS,
         images: int | None = None) -> list[dict]:
    """An epoch of each language model (part energy); early stopping for each picture network (part green).

    The part all-epochs is the widest picture network without early stopping.
    """
    text, pictures = scaling.windows(), load("fashion-mnist").first(train=images)
    scaling.train(text, widths[0], 640, seed)       # what torch does once is no part of an epoch
    found = []
    for width in widths:
        with energy.Meter() as meter:
            model = scaling.train(text, width, characters, seed).model
        flops = energy.epoch_flops(model, text.train.first(characters), scaling.BATCH)
        found.append({"part": "energy", "kind": "dense", "seed": seed, "examples": characters, "flops": flops,
                      **_taken(model, meter.reading)})
    for width in units:
        recipe = Recipe(epochs=epochs, batch_size=64, patience=PATIENCE, seed=seed)
        run, reading = energy.metered(lambda width=width: MLP(784, width, 10), pictures, recipe)
        taken = _taken(run.model, reading)
        run.load_best()
        found.append({"part": "green", "seed": seed, "width": width, "steps": len(run.history),
                      "planned": recipe.total_steps(len(pictures.train)),
                      "validation": evaluate(run.model, pictures.validation).accuracy,
                      "test": evaluate(run.model, pictures.test).accuracy, **taken})
    whole, reading = energy.metered(lambda: MLP(784, units[-1], 10), pictures, Recipe(
        epochs=epochs, batch_size=64, seed=seed))
    return [*found, {"part": "all-epochs", "seed": seed, "width": units[-1],
                     "test": evaluate(whole.model, pictures.test).accuracy, **_taken(whole.model, reading)}]


def _taken(model, reading) -> dict:
    return {"parameters": parameter_count(model), "joules": reading.joules, "measured": reading.measured,
            "seconds": reading.seconds, "processor_seconds": reading.processor_seconds}
