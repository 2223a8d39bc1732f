"""Chapter 8's recorded runs, a module for each lab: three seeds of each."""
from labkit.experiments import labs as of_labs

SEEDS = of_labs.SEEDS
LABS = ("scaling", "distributed", "ensembles", "transfer", "datasets", "energy", "privacy", "explanations", "fairness",
        "compression")


def record(path: str | None = None, seeds=SEEDS, labs=LABS) -> dict:
    """Return the figures that the chapter's rules read; `path` is not used."""
    return of_labs.record(__name__, labs, seeds)
