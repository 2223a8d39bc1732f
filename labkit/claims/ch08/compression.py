"""The rule of C8.1: what compression has to bring before a network counts as more efficient.

Five networks are compared with the uncompressed one, in the same runtime, on one thread, after equal training. Each
has to pass three bars:

accuracy    at least 99 % of the uncompressed network's, on average over the seeds: what MLPerf's inference benchmark
            asks of a compressed network (Reddi et al. 2020). Of 2,000 test images that is about 17 more mistakes;
            two equally good networks that disagree on 8 % of them differ by 13 (one standard deviation)
space       at most half the bytes, gzip-compressed: memories come in powers of two, so a factor of two is the least
            that lets a network fit where it did not. Compressed, since zeros that a plain file would store in full
            would count against pruning, though nobody has to store them so
time        at most 0.8 of the median time in every seed, for one image or for 256 at once, whichever saves more: a
            fifth is meant to be more than repeated timings of one network differ by on an idle machine

Half a point is the least that distillation has to bring, and in every seed, against the same student that learned
from labels: otherwise it is the small network that is efficient, and the teacher had no part in it. The thresholds
were settled before anything was recorded.
"""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

FORMS = ("unstructured", "channels", "static int8", "distilled", "together")
ACCURACY, SPACE, TIME, GAIN = 0.99, 0.5, 0.8, 0.005
TIMES = ("milliseconds_1", "milliseconds_256")


@rule("C8.1", "Pruning, quantisation and distillation make models efficient")
def compression(record):
    """Holds if all five forms (weights pruned, channels pruned, static int8, a distilled student, all three together)
    pass the three bars, and the student gains from its teacher; in part if at least one does; else it does not hold.
    Dynamic int8, which is meant for other networks, is shown and decides nothing."""
    names = {"unstructured": _("single weights pruned"), "channels": _("channels pruned"),
             "dynamic int8": _("dynamic int8"), "static int8": _("static int8"),
             "labels": _("small, from labels"), "distilled": _("small, distilled"), "together": _("all three")}
    runs = {name: sorted(select(record, part="compression", network=name), key=lambda run: run["seed"])
            for name in ("float", *names)}
    if not all(runs.values()):
        return UNDECIDED, [_("Not every network was recorded: {names}.").format(
            names=", ".join(names.get(name, name) for name, found in runs.items() if not found))]
    lines = [_("uncompressed: accuracy {accuracy}, {space} kB gzip-compressed, {one} ms for one image, {many} ms for "
               "256.").format(accuracy=percent(column(runs["float"], "accuracy")),
                              space=spread([value / 1000 for value in column(runs["float"], "gzip")], ".1f"),
                              one=spread(column(runs["float"], TIMES[0]), ".3f"),
                              many=spread(column(runs["float"], TIMES[1]), ".1f"))]
    efficient = {}
    for name, label in names.items():
        shares = {field: _shares(runs[name], runs["float"], field) for field in ("gzip", *TIMES)}
        kept = (statistics.mean(column(runs[name], "accuracy"))
                >= ACCURACY * statistics.mean(column(runs["float"], "accuracy")))
        space = statistics.mean(shares["gzip"]) <= SPACE
        time = any(max(shares[field]) <= TIME for field in TIMES)
        efficient[name] = kept and space and time
        words = [_("accuracy kept") if kept else _("accuracy lost"),
                 _("space saved") if space else _("no space saved"), _("time saved") if time else _("no time saved")]
        lines.append(_("{network}: accuracy {accuracy}; of the uncompressed {space} of the bytes, {one} of the time "
                       "for one image, {many} for 256: {words}.").format(
            network=label, accuracy=percent(column(runs[name], "accuracy")), space=spread(shares["gzip"]),
            one=spread(shares[TIMES[0]]), many=spread(shares[TIMES[1]]), words=", ".join(words)))
    gains = [one["accuracy"] - other["accuracy"] for one, other in zip(runs["distilled"], runs["labels"], strict=True)]
    gained = min(gains) > 0 and statistics.mean(gains) >= GAIN
    efficient["distilled"] &= gained
    lines.append(_("The student gains {gain} points from its teacher: {words}.").format(
        gain=spread([100 * gain for gain in gains]), words=_("enough") if gained else _("not enough")))
    passed = [efficient[name] for name in FORMS]
    return HOLDS if all(passed) else IN_PART if any(passed) else NOT, lines


def _shares(runs: list[dict], of: list[dict], field: str) -> list[float]:
    """The figure of each run, divided by that of the same seed in `of`."""
    return [run[field] / whole[field] for run, whole in zip(runs, of, strict=True)]
