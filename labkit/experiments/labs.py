"""How a chapter of several labs records its runs: one lab after the other, each with every seed."""
from importlib import import_module

SEEDS = (0, 1, 2)


def record(package: str, labs: tuple[str, ...], seeds=SEEDS) -> dict:
    """The data and the runs of the modules `labs` of `package`, as the chapter's rules read them.

    A module has `data()`, the list of the sets that it uses as `{"name", "sha256", "note"}`, and `runs(seed)`, a list
    of flat dicts with "part" and "seed".
    """
    data, runs = {}, []
    for lab in labs:
        module = import_module(f"{package}.{lab}")
        data.update({found["name"]: found for found in module.data()})
        for seed in seeds:
            print(f"{lab}, seed {seed}", flush=True)
            runs += module.runs(seed)
    return {"data": list(data.values()), "seeds": list(seeds), "runs": runs}
