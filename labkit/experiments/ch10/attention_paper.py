"""Attention Is All You Need: attention and recurrence by length, position encodings, and heads.

The three networks have as many trained numbers, get the same rows and 300 steps, and each the best of four learning
rates (see `labkit.papers.copying.RATES`). Sizes were settled with seed 100, which is not recorded. Rows of a test are
drawn apart from those of training; with 8 symbols out of 16 none is likely to occur in both.
"""
from labkit.papers import copying

LENGTHS, STEPS, SHORT = (8, 16, 32), 300, 8
HEADS, LONGER = (1, 2, 4), 12
THREADS = 1


def data() -> list[dict]:
    """The rows of seed 0, at the longest length."""
    made = copying.dataset(LENGTHS[-1], STEPS * copying.BATCH)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, steps: int = STEPS, lengths: tuple[int, ...] = LENGTHS) -> list[dict]:
    """Parts attention (a run for each model and length), attention-positions, attention-heads (on both tasks) and
    attention-longer (trained on rows of `SHORT` symbols, tested on `LONGER`)."""
    found = [{"part": "attention", "seed": seed, "model": kind, "length": length, **scores,
              "path": copying.longest_path(kind, length)}
             for length in lengths
             for kind, scores in copying.compare(length, steps, seed, threads=THREADS).items()]
    found += [{"part": "attention-positions", "seed": seed, "positions": positions,
               **copying.variant(copying.TASKS[0], SHORT, steps, seed, positions=positions, threads=THREADS)}
              for positions in copying.POSITIONS]
    found += [{"part": "attention-heads", "seed": seed, "task": task, "heads": heads,
               **copying.variant(task, SHORT, steps, seed, heads, threads=THREADS)}
              for task in copying.TASKS for heads in HEADS]
    rows = copying.dataset(SHORT, steps * copying.BATCH, seed=seed)
    for kind in ("attention", "recurrence with attention"):
        run = copying.training(lambda kind=kind: copying.model(kind, 3 * SHORT), rows, steps, copying.RATES[kind], seed,
                               THREADS)
        for _step in run:
            pass
        accuracy, exact = copying.longer_rows(run.model, LONGER, seed=seed)
        found.append({"part": "attention-longer", "seed": seed, "model": kind, "length": LONGER, "accuracy": accuracy,
                      "exact": exact})
    return found
