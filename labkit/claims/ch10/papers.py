"""The rule of section 10.2: does each paper's central result come out in miniature?

One condition for each paper, settled before anything was recorded. A difference counts where all seeds agree on its
sign and their mean is past a margin that chance cannot reach.

Attention. The paper's title is the result: attention alone, without recurrence, is enough, and better. So the decoder
with attention has to solve the task at the longest row (nine answers of ten right in every token: with 500 rows the
interval of such a share is three points, so "solved" is told from "half solved"), to be ahead of the recurrent network
with as many trained numbers at every length, at the longest by ten points of tokens, and to do without the recurrence
that translators of its time had below their attention: its share of whole answers may not be a point less than theirs.

BERT. Its ablation (table 5) holds the same network, text and steps, read from both sides or from left to right, against
each other. Left to right may be fine-tuned as it was trained or with both sides free, whichever is better. Five points
of F1 are wanted: the 95 % interval of F1 on some 2,000 word starts is about two points, and the paper's own gap on a
task that asks something of each token is ten. Nor may it be due to the look at both sides in fine-tuning alone: the
same reader without pre-training must be five points behind too.

GAN. A generator that is taught by the game alone must draw what the data are, all of it: seven of the eight clusters in
every seed, since one may fall just below what is counted as covered, and half of the samples within a cluster. The
clusters take up six per cent of the square that is drawn, so that one half is far from chance; it asks for most, not
for all, since bridges between islands are what a smooth map has to draw. The game may do it with one step for each, as
the paper plays it, or with the generator ahead, or with the remedy recorded beside it; a collapse alone reproduces the
paper's warning, not its result.
"""
import statistics

from labkit.claims.ch03 import higher
from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

SOLVED, AHEAD, LESS = 0.9, 0.10, 0.01
BETTER = 0.05
MODES, QUALITY = 7, 0.5


@rule("C10.1", "The three papers to read: attention is all you need, BERT, generative adversarial networks")
def papers(record):
    """Each paper's central result in miniature; holds if all three come out, in part if one or two, else not.

    Attention: on copy-and-reverse, attention alone gives at least 0.9 of the whole answers at the longest length, its
    share of tokens is above recurrence's in every seed at every length and by 0.10 in the mean at the longest, and its
    whole answers are at most 0.01 fewer than those of recurrence with attention. BERT: on word starts, F1 from both
    sides is above that from left to right (the better of its two ways) and above that without pre-training, in every
    seed and by 0.05 in the mean. GAN: at least 7 of 8 clusters in every seed and a mean share of samples inside one of
    at least 0.5, with one step each, with the generator ahead, or with the remedy.
    """
    parts = {"attention": (_attention, select(record, part="attention")),
             "BERT": (_bert, select(record, part="bert", task="words")), "GAN": (_gan, select(record, part="gan"))}
    missing = [name for name, (_condition, runs) in parts.items() if not runs]
    if missing:
        return UNDECIDED, [_("Not recorded yet: {parts}.").format(parts=", ".join(missing))]
    found, lines = [], []
    for name, (condition, runs) in parts.items():
        holds, findings = condition(runs)
        found.append(holds)
        comes = _("{paper}: reproduced.") if holds else _("{paper}: not reproduced.")
        lines += [comes.format(paper=_(name)), *findings]
    return (HOLDS if all(found) else IN_PART if any(found) else NOT), lines


def _attention(runs):
    lengths = sorted(set(column(runs, "length")))
    groups = {(run["model"], run["length"]): select({"runs": runs}, model=run["model"], length=run["length"])
              for run in runs}
    longest = lengths[-1]
    names = {"attention": _("attention"), "recurrence": _("recurrence"),
             "recurrence with attention": _("recurrence with attention")}

    def ahead(length: int, margin: float = 0.0) -> bool:
        return higher(groups["attention", length], groups["recurrence", length], "accuracy", margin)
    alone, _recurrent, both = (statistics.mean(column(groups[name, longest], "exact")) for name in names)
    holds = alone >= SOLVED and all(map(ahead, lengths)) and ahead(longest, AHEAD) and alone >= both - LESS
    return holds, [_("{length} symbols, {model}: tokens right {accuracy}, whole answers {exact}.").format(
        length=length, model=words, accuracy=percent(column(groups[name, length], "accuracy")),
        exact=percent(column(groups[name, length], "exact"))) for length in lengths for name, words in names.items()]


def _bert(runs):
    groups = {run["model"]: select({"runs": runs}, model=run["model"]) for run in runs}
    ways = ("left to right", "left to right, freed")
    left = max(ways, key=lambda name: statistics.mean(column(groups[name], "score")))
    holds = all(higher(groups["both sides"], groups[other], "score", BETTER) for other in (left, "no pre-training"))
    names = {"both sides": _("pre-trained from both sides"), "left to right": _("pre-trained from left to right"),
             "left to right, freed": _("the same, fine-tuned with both sides free"),
             "no pre-training": _("both sides, without pre-training")}
    return holds, [_("word starts, {model}: F1 {score}.").format(
        model=words, score=percent(column(groups[name], "score"))) for name, words in names.items()]


def _gan(runs):
    ways = {"_in_step": _("one step each"), "": _("the generator ahead"), "_mended": _("ahead, with the remedy")}
    recorded = [ending for ending in ways if all(f"modes{ending}" in run for run in runs)]
    clusters = {ending: column(runs, f"modes{ending}") for ending in recorded}
    inside = {ending: column(runs, f"quality{ending}") for ending in recorded}
    holds = any(min(clusters[ending]) >= MODES and statistics.mean(inside[ending]) >= QUALITY for ending in recorded)
    return holds, [_("{way}: clusters covered {modes} of 8, samples inside one {quality}.").format(
        way=ways[ending], modes=spread(clusters[ending], ".1f"), quality=percent(inside[ending]))
        for ending in recorded]
