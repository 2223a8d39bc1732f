"""Section 6.3: three recommenders on generated ratings, whose genres say nothing, a quarter, half, or three quarters of
what an item is like.

A seed draws a world of its own: tastes, items, ratings, what is held out, and the weights. Each model gets the same two
weight decays, and the one that ranks the validation ratings of warm items better is kept, as is the best of ten moments
of its training. The test is measured once.
"""
from labkit.applications import outcome
from labkit.applications import recommendation as lab
from labkit.data.ratings import generate

CONTENT = (0.0, 0.25, 0.5, 0.75)        # share of an item's place among the tastes that its genres decide
DECAYS = (1.0, 3.0)
STEPS = 400
SHOWN = 0.5                             # the share that the chapter shows, and whose hybrid is the outcome


def data() -> list[dict]:
    found = generate(seed=0, content=SHOWN)
    return [{"name": "generated ratings", "sha256": found.sha256, "note": "seed 0, content 0.5"}]


def runs(seed: int, content=CONTENT, steps: int = STEPS) -> list[dict]:
    """For each share and model: recall@10 and NDCG@10 of warm and cold items; popularity and the known factors too."""
    rows = []
    for share in content:
        parts = lab.split(generate(seed, share), seed)
        about = {"part": "recommendation", "seed": seed, "content": share}
        for name, scores in (("popularity", lab.popularity(parts)), ("known factors", parts.ratings.truth)):
            rows.append({**about, "model": name, **figures(lab.evaluate(scores, parts))})
        for kind in lab.MODELS:
            best, run, decay = best_of(kind, parts, steps, seed)
            rows.append({**about, "model": kind, "weight_decay": decay, "validation_ndcg": best,
                         **figures(lab.evaluate(lab.scores(run.model), parts))})
        if share == SHOWN:
            service, likes = lab.Service(run.model, parts), {parts.ratings.titles[0]: 5, parts.ratings.titles[1]: 4}
            popular, deep = (next(row["warm_ndcg"] for row in rows if row["model"] == name and row["content"] == share)
                             for name in ("popularity", "hybrid"))
            rows.append({"part": "outcome", "seed": seed, "task": "recommendation", "metric": "NDCG@10, warm items",
                         "simple": popular, "deep": deep, "examples": len(parts.train),
                         "training": run.history.seconds,
                         "latency": outcome.latency(lambda service=service, likes=likes: service.recommend(likes))})
    return rows


def best_of(kind: str, parts, steps: int, seed: int) -> tuple:
    """The best validation NDCG over the weight decays, with its run and its decay."""
    found = []
    for decay in DECAYS:
        run = lab.run(kind, parts, steps, seed, threads=1, weight_decay=decay)
        found.append((max(lab.fit(run, parts).values()), run, decay))
    return max(found, key=lambda one: one[0])


def figures(found: dict) -> dict:
    """{"warm": {"recall": ...}, ...} as flat names, `warm_recall` and so on."""
    return {f"{group}_{name}": value for group, values in found.items() for name, value in values.items()}
