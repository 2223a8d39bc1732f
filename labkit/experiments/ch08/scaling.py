"""A dozen tiny language models, and the larger one that their law is asked to predict.

The prediction is made from the dozen alone, before the larger model is trained.
"""
from labkit.data.text import corpus
from labkit.trends import scaling


def data() -> list[dict]:
    """The text that the runs read."""
    found = corpus("python-docs")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, widths=scaling.WIDTHS, characters=scaling.CHARACTERS, beyond=scaling.BEYOND) -> list[dict]:
    """A run for each size and length; for each law what it expects of the run beyond; and what that run reached."""
    text = scaling.windows()
    small = scaling.measure(text, widths, characters, seed)
    size = sum(weight.numel() for weight in scaling.ContextModel(len(text.class_names), beyond[0]).parameters())
    laws = [scaling.fit(small, kind) for kind in scaling.LAWS]
    expected = [{"part": "scaling-law", "seed": seed, "law": law.kind, "misfit": law.misfit,
                 "expected": float(law.loss(size, beyond[1]))} for law in laws]
    large = scaling.measure(text, beyond[:1], beyond[1:], seed)
    return [{"part": "scaling", **run} for run in small + large] + [
        {**law, "measured": large[0]["loss"]} for law in expected]
