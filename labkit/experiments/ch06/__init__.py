"""Chapter 6's recorded runs, a module for each lab: three seeds of each, with what the simple baselines reach.

A module has `data()`, the list of the sets that it uses as `{"name", "sha256", "note"}`, and `runs(seed)`, a list of
flat dicts with "part" and "seed". One of them has part "outcome" and the fields of
`labkit.applications.outcome.Outcome`.
"""
from importlib import import_module

SEEDS = (0, 1, 2)
LABS = ("reviews", "dates", "passages", "pictures", "recommendation", "credit", "fraud", "portfolio", "diagnosis",
        "lesions")


def record(path: str | None = None, seeds=SEEDS, labs=LABS) -> dict:
    """Return the figures that the rules of C6.1 to C6.5 and the table of 6.6 read."""
    data, runs = {}, []
    for lab in labs:
        module = import_module(f"{__name__}.{lab}")
        data.update({found["name"]: found for found in module.data()})
        for seed in seeds:
            print(f"{lab}, seed {seed}", flush=True)
            runs += module.runs(seed)
    return {"data": list(data.values()), "seeds": list(seeds), "runs": runs}
