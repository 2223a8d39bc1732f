"""Attention Is All You Need: attention and recurrence by length, position encodings, and heads.

The three networks have as many trained numbers, get the same rows and 300 steps, and each the best of four learning
rates (see `labkit.papers.copying.RATES`). Sizes were settled with seed 100, which is not recorded. Rows of a test are
drawn apart from those of training; with 8 symbols out of 16 none is likely to occur in both.
"""
from labkit.papers import copying

LENGTHS, STEPS = (8, 16, 32), 300
HEADS = (1, 2, 4)
THREADS = 1


def data() -> list[dict]:
    """The rows of seed 0, at the longest length."""
    made = copying.dataset(LENGTHS[-1], STEPS * copying.BATCH)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, steps: int = STEPS, lengths: tuple[int, ...] = LENGTHS) -> list[dict]:
    """Parts attention (a run for each model and length), and, at the shortest length, attention-positions,
    attention-heads (on both tasks) and attention-longer (tested on rows half as long again)."""
    found, short = [], lengths[0]
    for length in lengths:
        scores, networks = copying.compare(length, steps, seed, threads=THREADS)
        found += [{"part": "attention", "seed": seed, "model": kind, "length": length, **scores[kind],
                   "path": copying.longest_path(kind, length)} for kind in copying.MODELS]
        if length == short:
            plain, trained = {name: scores["attention"][name] for name in ("accuracy", "exact")}, networks

    def variant(task: str, **change) -> dict[str, float]:
        if task == copying.TASKS[0] and change in ({"heads": 1}, {"positions": "sines"}):
            return plain                    # what was trained above
        return copying.variant(task, short, steps, seed, **change, threads=THREADS)
    found += [{"part": "attention-positions", "seed": seed, "positions": positions,
               **variant(copying.TASKS[0], positions=positions)} for positions in copying.POSITIONS]
    found += [{"part": "attention-heads", "seed": seed, "task": task, "heads": heads, **variant(task, heads=heads)}
              for task in copying.TASKS for heads in HEADS]
    for kind, network in trained.items():
        accuracy, exact = copying.longer_rows(network, short * 3 // 2, seed=seed)
        found.append({"part": "attention-longer", "seed": seed, "model": kind, "length": short * 3 // 2,
                      "accuracy": accuracy, "exact": exact})
    return found
