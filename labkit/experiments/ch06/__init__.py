"""Chapter 6's recorded runs, a module for each lab: three seeds of each, with what the simple baselines reach.

One run of each module has part "outcome" and the fields of `labkit.applications.outcome.Outcome`.
"""
from labkit.experiments import labs as of_labs

SEEDS = of_labs.SEEDS
LABS = ("reviews", "dates", "passages", "pictures", "recommendation", "credit", "fraud", "portfolio", "diagnosis",
        "lesions")


def record(path: str | None = None, seeds=SEEDS, labs=LABS) -> dict:
    """Return the figures that the chapter's rules read; `path` is not used."""
    return of_labs.record(__name__, labs, seeds)
