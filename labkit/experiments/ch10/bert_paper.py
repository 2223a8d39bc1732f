"""BERT: pre-trained from both sides and from left to right, and then fine-tuned on the same labelled rows.

Equal encoders, text, steps and rates. The rule reads the word starts with 1,000 labelled rows of 16 letters; fewer
labels are recorded beside it, and so is a task that asks one thing of a whole row. Length of row, steps, rates and the
number of labels were settled with seed 100, which is not recorded. There the gain in F1 was three points with 100 rows,
five with 300 (three lost, when fine-tuned twice as long) and eight with 1,000. After 600 steps of pre-training left to
right was still ahead with 50 rows.
"""
from labkit.papers import bidirectional

STEPS, TUNING = 2000, 150
LABELS, FEWER = 1000, (100, 300)
THREADS = 1


def data() -> list[dict]:
    letters, _starts = bidirectional.load()
    return [{"name": letters.name, "sha256": letters.sha256, "note": letters.note}]


def runs(seed: int, steps: int = STEPS, tuning: int = TUNING) -> list[dict]:
    """Parts bert (F1 of word starts, accuracy on backwards, with `LABELS`), bert-labels (F1 with fewer), and
    bert-pretraining (loss and accuracy on the validation letters that each kind is asked for)."""
    letters, starts = bidirectional.load()
    readers, found = {}, []
    for kind in bidirectional.KINDS:
        run = bidirectional.pretraining(letters, kind, steps, seed, THREADS)
        for _step in run:
            pass
        readers[kind] = run.model.encoder
        found.append({"part": "bert-pretraining", "seed": seed, "model": kind, "seconds": run.history.seconds,
                      "loss": run.history.last("validation_loss"),
                      "accuracy": run.history.last("validation_accuracy")})
    for name, labels in (*((name, LABELS) for name in bidirectional.TASKS), *(("words", count) for count in FEWER)):
        labelled = bidirectional.task(letters, starts, name, labels, seed=seed)
        scores, _tuned = bidirectional.compare(readers, labelled, tuning, seed, THREADS)
        part = "bert" if labels == LABELS else "bert-labels"
        found += [{"part": part, "task": name, "seed": seed, "labels": labels, "model": model, "score": score}
                  for model, score in scores.items()]
    return found
