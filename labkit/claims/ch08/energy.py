"""The rule of C8.3: whether training a large model takes heavy computing and heavy energy.

"Large" begins at a billion parameters, where the document's chapter 2.1 puts it. "Heavy" needs yardsticks that are not
computing's own, so that a small model can fail them: more arithmetic than one of the quickest accelerators of
`labkit.economics.DEVICES` does in a YEAR at 40 % of its peak (a venture would have to rent a cluster), and more
electricity than a home uses in a year (HOME). Of all energies that can be given for the same arithmetic the lowest
counts: at this machine's joules per operation, or at those of the thriftiest accelerator by its data sheet. The
formula 6·N·D carries the extrapolation; it has to agree with what torch counts on our own dense models to within a
factor of 1.5, else nothing is decided: so close, only a model that lies within 1.5 of a yardstick could be misjudged.
All of this was settled before anything was recorded.
"""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, rule, select, spread
from labkit.data.published import large_models
from labkit.economics import DEVICES, training_estimate, training_flops
from labkit.language import _

LARGE = 1e9             # parameters
YEAR = 365 * 24         # hours
HOME = 10_715           # kWh that an American home used in 2020, on average (US Energy Information Administration)
FACTOR = 1.5            # between counted operations and 6·N·D
UTILISATION = 0.4


def heavy(joules_per_flop: float) -> list[dict]:
    """Each published model that is large and tells how long it was trained, with the yardsticks' figures.

    "years" of the quickest accelerator, "homes" (home-years of electricity), and whether each is above 1.
    """
    found = []
    for model in large_models().itertuples():
        flops = model.flops if model.flops == model.flops else 6 * model.active * model.tokens
        if model.parameters >= LARGE and flops == flops:
            estimates = [training_estimate(flops, device, utilisation=UTILISATION) for device in DEVICES.values()]
            years = min(estimate.device_hours for estimate in estimates) / YEAR
            kwh = min(*(estimate.kwh for estimate in estimates), flops * joules_per_flop / 3.6e6)
            found.append({"model": model.model, "years": years, "homes": kwh / HOME,
                          "heavy": years > 1 and kwh > HOME, "one": (years > 1) != (kwh > HOME)})
    return found


@rule("C8.3", "Large models need heavy compute and energy")
def energy(record):
    """Each published model of at least a billion parameters is extrapolated. Holds if every one is heavy in arithmetic
    and in electricity; in part if some are, or if models are heavy in one of the two; does not hold if none is heavy in
    either. Energy per answer is shown and decides nothing: how many answers there are is no property of a model."""
    runs = select(record, part="energy", kind="dense")
    if not runs:
        return UNDECIDED, [_("No epoch of a dense model was recorded.")]
    ratios = [run["flops"] / training_flops(run["parameters"], run["examples"]) for run in runs]
    joules = statistics.median(run["joules"] / run["flops"] for run in runs)
    measured = all(run["measured"] for run in runs)
    how = _("measured by the machine's counters") if measured else _("estimated from processor time")
    lines = [_("Operations that torch counts, over 6·N·D: {ratio}.").format(ratio=spread(ratios)),
             _("An epoch of the largest dense model here: {flops:.2g} operations, {joules} J ({how}).").format(
                 flops=max(column(runs, "flops")), how=how, joules=spread(column(
                     [run for run in runs if run["parameters"] == max(column(runs, "parameters"))], "joules"), ".3g"))]
    if not all(1 / FACTOR <= ratio <= FACTOR for ratio in ratios):
        return UNDECIDED, [*lines, _("The formula is too far from what was counted to extrapolate with it.")]
    models = heavy(joules)
    least, most = (choose(models, key=lambda model: model["homes"]) for choose in (min, max))
    lines += [_("{heavy} of {count} published models are heavy in both.").format(
        heavy=sum(model["heavy"] for model in models), count=len(models))]
    lines += [_("{model}: {years:.3g} years of the quickest accelerator, electricity of {homes:.3g} homes in a year."
                ).format(**model) for model in (least, most)]
    answer = 500 * 2 * 175e9 * min(joules, *(device.watts / device.flops / UTILISATION for device in DEVICES.values()))
    lines.append(_("One answer of 500 tokens by GPT-3: about {joules:.2g} J, not counting how it waits for memory."
                   ).format(joules=answer))
    if all(model["heavy"] for model in models):
        return HOLDS, lines
    return IN_PART if any(model["heavy"] or model["one"] for model in models) else NOT, lines
