"""The rule of section 6.4: credit scoring on real loans, fraud in a generated stream.

Banks scored with logistic regression before, and trees are what they would try next. The figure is money at a
threshold that was chosen on validation, not the rank of the scores. One model saves against another if the mean of the
differences, seed by seed, is above 0 by more than its interval (95 %, Student's t). This was settled before anything
was run.
"""
import statistics

from labkit.applications.outcome import interval
from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, rule, select, spread
from labkit.language import _

SIMPLE = ("logistic", "boosting")
SCENES = {"credit": ("auc", ("network",)), "fraud": ("average_precision", ("network", "autoencoder"))}


@rule("C6.4", "Deep models detect fraud and score credit, lowering risk and cost")
def finance(record):
    """In each of the two scenes the deep model is compared by cost; of fraud's two, the one with the lower mean cost.
    Holds if in both scenes it saves against logistic regression and against boosted trees; in part if it saves
    against logistic regression in at least one; else it does not hold. The ranking scores are shown and decide
    nothing."""
    scenes = {"credit": _("credit"), "fraud": _("fraud")}
    names = {"logistic": _("logistic regression"), "boosting": _("boosted trees"), "network": _("network"),
             "autoencoder": _("autoencoder")}
    scores = {"auc": "AUC", "average_precision": _("average precision")}
    saves, lines = {}, []
    for scene, (score, deep_models) in SCENES.items():
        runs = {model: select(record, part=scene, model=model) for model in (*SIMPLE, *deep_models)}
        if not all(runs.values()):
            return UNDECIDED, [_("Not every model of this scene was recorded: {scene}.").format(scene=scenes[scene])]
        lines += [_("{scene}, {model}: cost {cost}, {score} {value}.").format(
            scene=scenes[scene], model=names[model], cost=spread(column(of_model, "cost"), ".3g"),
            score=scores[score], value=spread(column(of_model, score), ".3f")) for model, of_model in runs.items()]
        means = {model: statistics.mean(column(runs[model], "cost")) for model in deep_models}
        deep = min(means, key=means.get)
        costs = {run["seed"]: run["cost"] for run in runs[deep]}
        for simple in SIMPLE:
            mean, half = interval([run["cost"] - costs[run["seed"]] for run in runs[simple]])
            saves[scene, simple] = mean > half
            lines.append(_("{scene}: against {simple}, the {deep} saves {mean:.3g} ± {half:.3g}.").format(
                scene=scenes[scene], deep=names[deep], simple=names[simple], mean=mean, half=half))
    in_part = any(saves[scene, "logistic"] for scene in SCENES)
    return HOLDS if all(saves.values()) else IN_PART if in_part else NOT, lines
