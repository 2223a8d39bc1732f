"""The rule of question 4: whether models of GPT-3's size need clusters of GPUs or TPUs, and distributed training.

The claim speaks of models, which are trained once and then answer, so both are asked. Four thresholds, settled before
anything was recorded:

Memory: four devices. The largest device on the list holds 4.4 times what the oldest does (V100 of 2017, H200 of 2023).
What is needed beyond four times the largest is not a matter of the next generation.

Time: one year on one device at its full peak, at which no run has ever worked. Models are followed by better ones
within about a year (chapter 1's table), and a run that takes longer ends out of date. Time is asked beside memory,
since disks can stand in for memory (Rajbhandari et al. 2021, arXiv:2104.07857) and nothing for time.

Processors: 16,384 machines. That is how many accelerators the largest run of chapter 1's table used (Grattafiori et al.
2024, section 3.3.1); if more machines like the recording one were needed to end within a year, ordinary processors
will not do. Its measured speed in a training step counts, the best of the seeds.

Answering: one device must hold the weights and the keys and values of one full text, at some precision on the list, and
write at least five tokens a second, about what people read (Brysbaert 2019: 238 words a minute, and a token is about
three quarters of an English word). Whether the model is still as good in 4 bits is not measured here; Frantar et al.
2022 (arXiv:2210.17323) report it for a model of the same size, OPT-175B.
"""
from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, rule, select, spread
from labkit.language import _

MODEL = "GPT-3 175B"
DEVICES, YEARS, MACHINES, TOKENS_PER_SECOND = 4, 1, 16_384, 5


@rule("C9.1", "Models of GPT-3's size need clusters of GPUs or TPUs, and distributed training")
def clusters(record):
    """Training needs them if the largest device holds under a quarter of the least memory, the fastest would take over
    a year at its peak, and over 16,384 machines like the recording one would be needed to end within a year. Answering
    needs them if no device holds the model at any precision and writes five tokens a second. Holds if both need them;
    in part if one does; else it does not hold."""
    training, answering, machine = (select(record, part="training", model=MODEL), select(record, part="answering"),
                                    select(record, part="machine"))
    if not (training and answering and machine):
        return UNDECIDED, [_("Not every part was recorded: training, answering, machine.")]
    largest = max(training, key=lambda run: run["device_bytes"])
    fastest = min(training, key=lambda run: run["years"])
    share = largest["bytes"] / largest["device_bytes"]
    cluster = share > DEVICES and fastest["years"] > YEARS
    machines = min(column(machine, "years"))
    alone = [run for run in answering if run["devices"] == 1 and run["tokens_per_second"] >= TOKENS_PER_SECOND]
    needs = [cluster and machines > MACHINES, not alone]
    verdict = (NOT, IN_PART, HOLDS)[sum(needs)]
    fewest = {}
    for run in answering:
        fewest[run["precision"]] = min(run["devices"], fewest.get(run["precision"], run["devices"]))
    best = max(alone, key=lambda run: run["tokens_per_second"], default=None)
    return verdict, [
        _("Training holds at least {bytes:,.0f} GB, {share:.1f} times what the largest device on the list holds "
          "({device}): {count} of them.").format(bytes=largest["bytes"] / 1e9, share=share, device=largest["device"],
                                                 count=largest["devices"]),
        _("One {device} at its full peak would train for {years:.1f} years.").format(
            device=fastest["device"], years=fastest["years"]),
        _("The recording machine, at {speed} GFLOP/s in a training step, would train for {years} years; as many "
          "machines end in one year.").format(speed=spread([run["training"] / 1e9 for run in machine], ",.0f"),
                                              years=spread(column(machine, "years"), ",.0f")),
        _("To answer, the fewest devices that hold the model are {devices}.").format(
            devices=", ".join(f"{count} ({precision})" for precision, count in fewest.items())),
        _("No single device answers at five tokens a second.") if best is None else
        _("One {device} answers in {precision}, with at most {speed:.0f} tokens a second for one text.").format(
            device=best["device"], precision=best["precision"], speed=best["tokens_per_second"]),
        _("Calculated over printed figures: {ratios}.").format(ratios=", ".join(
            f"{run['model']} {_(run['quantity'])} {run['calculated'] / run['printed']:.2f}"
            for run in select(record, part="printed")))]
