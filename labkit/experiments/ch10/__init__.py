"""Chapter 10's recorded runs, a module for each lab: three seeds of each.

A module has `data()`, the list of the sets that it uses as `{"name", "sha256", "note"}`, and `runs(seed)`, a list of
flat dicts with "part" and "seed".
"""
from importlib import import_module

SEEDS = (0, 1, 2)
LABS = ("attention_paper", "bert_paper", "gan_paper")


def record(path: str | None = None, seeds=SEEDS, labs=LABS) -> dict:
    """Return the figures that the chapter's rules read."""
    data, runs = {}, []
    for lab in labs:
        module = import_module(f"{__name__}.{lab}")
        data.update({found["name"]: found for found in module.data()})
        for seed in seeds:
            print(f"{lab}, seed {seed}", flush=True)
            runs += module.runs(seed)
    return {"data": list(data.values()), "seeds": list(seeds), "runs": runs}
