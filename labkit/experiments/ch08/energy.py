"""What training takes: operations and joules of an epoch by size, and what stopping early or a smaller network saves.

Joules are measured where the machine's counters may be read, else estimated from processor time; each run says which.
"""
from labkit.data import load
from labkit.data.text import corpus
from labkit.evaluation import evaluate
from labkit.models.vision import SmallCNN, parameter_count
from labkit.training import Recipe
from labkit.trends import energy, scaling

WIDTHS = (32, 128, 512)             # of the dense models
CHARACTERS = 48_000
FILTERS = (4, 8, 16, 32)            # of the convolutional ones
EPOCHS, PATIENCE = 20, 2


def data() -> list[dict]:
    """The sets that the runs use."""
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}
            for found in (corpus("python-docs"), load("fashion-mnist"))]


def runs(seed: int, widths=WIDTHS, characters: int = CHARACTERS, filters=FILTERS, epochs: int = EPOCHS,
         images: int | None = None) -> list[dict]:
    """An epoch of each dense model and of a convolutional one (part energy); early stopping by width (part green)."""
    text, pictures = scaling.windows(), load("fashion-mnist").first(train=images)
    found = []
    for width in widths:
        with energy.Meter() as meter:
            model = scaling.train(text, width, characters, seed).model
        flops = energy.epoch_flops(model, text.train.first(characters), scaling.BATCH)
        found.append(_row("dense", seed, model, characters, flops, meter.reading))
    for width in filters:
        recipe = Recipe(epochs=epochs, batch_size=64, learning_rate=2e-3, patience=PATIENCE, seed=seed)
        run, reading = energy.metered(lambda width=width: SmallCNN(width, 1, 10), pictures, recipe)
        steps = len(run.history)
        passes = steps / (recipe.total_steps(len(pictures.train)) / epochs)
        flops = energy.epoch_flops(run.model, pictures.train) * passes
        run.load_best()
        row = _row("convolution", seed, run.model, len(pictures.train) * passes, flops, reading)
        found.append({**row, "part": "green", "width": width, "steps": steps,
                      "planned": recipe.total_steps(len(pictures.train)),
                      "validation": evaluate(run.model, pictures.validation).accuracy,
                      "test": evaluate(run.model, pictures.test).accuracy})
    whole, _reading = energy.metered(lambda: SmallCNN(filters[-1], 1, 10), pictures, Recipe(
        epochs=epochs, batch_size=64, learning_rate=2e-3, seed=seed))
    return [*found, {"part": "all-epochs", "seed": seed, "width": filters[-1],
                     "test": evaluate(whole.model, pictures.test).accuracy}]


def _row(kind, seed, model, examples, flops, reading) -> dict:
    return {"part": "energy", "kind": kind, "seed": seed, "parameters": parameter_count(model), "examples": examples,
            "flops": flops, "joules": reading.joules, "measured": reading.measured,
            "seconds": reading.seconds, "processor_seconds": reading.processor_seconds}
