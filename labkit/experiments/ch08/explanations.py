"""C8.5: four attribution methods on a network that cheats and one that does not, and attention that is moved.

What each method must show is in `labkit.claims.ch08.explanations`. 200 test images are explained; all 14 x 14 pixels.
"""
from labkit.data import load
from labkit.trends import attended, explanations

STEPS, COUNT, SAMPLES = 400, 200, 5
COLUMNS = {"share": "in stamp", "share_honest": "in stamp, honest", "told_apart": "told apart", "deleted": "deleted",
           "same_last": "same, last layer redrawn", "same_all": "same, all layers redrawn"}


def data() -> list[dict]:
    """The sets that the runs use."""
    garments, tasks = load("fashion-mnist"), {votes: attended.dataset(6000, 0, votes) for votes in attended.TASKS}
    return [{"name": garments.name, "sha256": garments.sha256, "note": garments.note},
            *({"name": f"{task.name}-{votes}", "sha256": task.sha256, "note": "generated"}
              for votes, task in tasks.items())]


def runs(seed: int, steps: int = STEPS, count: int = COUNT, samples: int = SAMPLES) -> list[dict]:
    """A run for each method, the outline and random pixels; one for each network; one for each attention task."""
    found = explanations.audit(load("fashion-mnist"), seed, steps, count, samples)
    table = found.table()
    curves = {method: found.deletion(method) for method in table.index}
    rows = [{"part": "explanation", "method": method, "curve": curves[method],
             **{name: float(row[column]) for name, column in COLUMNS.items()}}
            for method, row in table.drop(explanations.RANDOM).iterrows()]
    rows.append({"part": "explanation", "method": explanations.RANDOM, "curve": curves[explanations.RANDOM],
                 "deleted": float(table.loc[explanations.RANDOM, "deleted"])})
    rows += [{"part": "stamp", "network": name, "of_class": accuracy["stamps of the class"],
              "random": accuracy["random stamps"]} for name, accuracy in found.accuracy.items()]
    for votes in attended.TASKS:
        task = attended.dataset(6000, seed, votes)
        reader = attended.train(task, seed, steps // 2)
        rows.append({"part": "attention", "votes": votes, **attended.examine(reader, task.test, seed)})
    return [{**row, "seed": seed} for row in rows]
