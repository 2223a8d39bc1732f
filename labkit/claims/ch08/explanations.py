"""The rule of C8.5: whether methods of interpretation deserve the trust that they are said to raise.

Trust of people is not measured here. What is: whether a method can be wrong without anybody noticing. It must pass
three tests, each in every seed, on two networks of which one is known to read a planted label.

- Its maps must tell the cheating network from the honest one: an area under the ROC curve of at least 0.9. At 0.5 the
  map says nothing of the cheating; below 0.9 a reader of one map would miss one cheat in ten or accuse as many.
- Deleting the fifth of the pixels that it names must cost the honest network at least ten points of accuracy more than
  deleting the outline, or pixels at random, whichever costs more. Of 200 images, ten points are above two standard
  errors of a difference.
- Its maps must change when the network's knowledge is drawn anew, the last layer alone or all layers (Adebayo et al.
  2018): a rank correlation under 0.7 with the maps before. From 0.7 on (0.7² = 0.49) half of what ranks the pixels
  is left, though the answer is now chance.

Attention passes, on each of two generated tasks and in every seed, if shuffling it moves the answer (median total
variation of at least 0.1: less would hardly turn an answer), and if in at most half of the sequences all of it can be
put on a token that is no reason for the answer while the answer stays within 0.05.

This was settled with pilot runs of seeds 100 and 101, which are not recorded, before anything was recorded.
"""
from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

METHODS = ("integrated gradients", "occlusion", "Shapley values", "guided backprop")
CONTROLS = ("edges", "random pixels")
APART, BELOW, SAME = 0.9, 0.1, 0.7
MOVES, ELSEWHERE, VOTES = 0.1, 0.5, (5, 1)


@rule("C8.5", "Models are black boxes; interpretation methods raise trust")
def explanations(record):
    """Holds if all four methods and attention pass their tests in every seed, in part if at least one of the five
    does, else not."""
    names = {"integrated gradients": _("integrated gradients"), "occlusion": _("occlusion"),
             "Shapley values": _("Shapley values"), "guided backprop": _("guided backprop")}
    runs = {method: select(record, part="explanation", method=method) for method in (*METHODS, *CONTROLS)}
    attention = {votes: select(record, part="attention", votes=votes) for votes in VOTES}
    if not all([*runs.values(), *attention.values()]):
        return UNDECIDED, [_("Not every method of explanation was recorded.")]
    floor = {run["seed"]: min(run["deleted"], other["deleted"])
             for run, other in zip(*(sorted(runs[name], key=lambda run: run["seed"]) for name in CONTROLS),
                                   strict=True)}
    passed, lines = [], []
    for method in METHODS:
        tests = {_("tells the cheat"): all(run["told_apart"] >= APART for run in runs[method]),
                 _("deletion"): all(run["deleted"] <= floor[run["seed"]] - BELOW for run in runs[method]),
                 _("redrawn weights"): all(max(run["same_last"], run["same_all"]) < SAME for run in runs[method])}
        failed = [test for test, good in tests.items() if not good]
        passed.append(not failed)
        lines.append(_("{method}: tells the cheat {apart}; accuracy after deletion {deleted}; rank correlation after "
                       "the last layer is redrawn {last}, all layers {whole}: {outcome}.").format(
            method=names[method], apart=spread(column(runs[method], "told_apart")),
            deleted=percent(column(runs[method], "deleted")), last=spread(column(runs[method], "same_last")),
            whole=spread(column(runs[method], "same_all")),
            outcome=_("fails {tests}").format(tests=", ".join(failed)) if failed else _("passes")))
    lines.append(_("Accuracy after deletion of the outline {edges}, of random pixels {random}.").format(
        edges=percent(column(runs["edges"], "deleted")), random=percent(column(runs["random pixels"], "deleted"))))
    good = {votes: all(run["permuted"] >= MOVES and run["elsewhere"] <= ELSEWHERE for run in found)
            for votes, found in attention.items()}
    passed.append(all(good.values()))
    lines += [_("attention, {votes} of 12 tokens decide: {on} on these; shuffled, the answer moves by {moved}; all "
                "of it can go to filler in {elsewhere}: {outcome}.").format(
        votes=votes, on=percent(column(found, "on_votes")), moved=spread(column(found, "permuted"), ".3f"),
        elsewhere=percent(column(found, "elsewhere")), outcome=_("passes") if good[votes] else _("fails"))
        for votes, found in attention.items()]
    return HOLDS if all(passed) else IN_PART if any(passed) else NOT, lines
