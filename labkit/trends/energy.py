"""What a computation takes: operations counted by torch, joules measured or estimated, grams of CO₂ by region.

Joules come from the processor's own counters (RAPL, which Linux shows under /sys/class/powercap) where they may be
read; since 2020 only root may, and a virtual machine seldom has them. Elsewhere they are an estimate, and `Reading.how`
says so: the processor time of this process times WATTS. codecarbon would estimate in the same way, and bring ten
packages.
"""
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from labkit.data.dataset import Split
from labkit.economics import DEVICES, Estimate, training_estimate, training_flops
from labkit.economics.cost import number
from labkit.evaluation import as_float
from labkit.language import _
from labkit.loss import mean_loss
from labkit.models.vision import parameter_count
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

POWERCAP = Path("/sys/class/powercap")
KWH = 3.6e6             # joules
# Of one virtual core at full load, with its share of the server. Cloud Carbon Footprint, "Methodology": the mean of
# the processors that AWS rents out, from SPECpower_ssj2008 (Azure: 3.76, Google: 4.26).
WATTS = 3.5
WATTS_SOURCE = "Cloud Carbon Footprint, methodology, average maximum for AWS"

# Grams of CO2 equivalent for a kWh of the country's electricity in 2023, over the life of its power stations. Ember and
# Energy Institute, processed by Our World in Data, as stored with codecarbon 3.3.2 (global_energy_mix.json).
GRAMS = {"India": 713, "Poland": 662, "China": 582, "Japan": 485, "Germany": 381, "United States": 369, "France": 56,
         "Norway": 30}
GRAMS_SOURCE = "Ember and Energy Institute, processed by Our World in Data, year 2023"

GPT3 = {"parameters": 175e9, "tokens": 300e9}       # Brown et al. 2020 (arXiv:2005.14165), tables 2.1 and D.1
# Patterson et al. 2021 (arXiv:2104.10350), table 4, column GPT-3: operations, measured watts of a V100 with its share
# of the system, measured FLOP/s, power usage effectiveness, grams a kWh; and what they come to.
PATTERSON = {"flops": 3.14e23, "watts": 330, "flops_per_second": 24.6e12, "overhead": 1.1, "grams": 429,
             "mwh": 1287, "tonnes": 552}


def step_flops(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> int:
    """Floating-point operations of one training step, forward and backward, as torch counts them.

    Products of matrices, convolutions and attention count, two operations for a multiplication and its addition; what
    is done to single numbers (ReLU, normalisation, the optimizer's update) and looking up a vector do not. Weights and
    gradients stay as they are.
    """
    before = [weight.grad for weight in model.parameters()]
    with FlopCounterMode(display=False) as counter:
        mean_loss(model(as_float(inputs)), targets).backward()
    for weight, grad in zip(model.parameters(), before, strict=True):
        weight.grad = grad
    return counter.get_total_flops()


def epoch_flops(model: nn.Module, split: Split, batch_size: int = 64) -> float:
    """Operations of a training pass over `split`, from one step on its first examples."""
    batch = split.first(min(batch_size, len(split)))
    return step_flops(model, batch.inputs, batch.targets) / len(batch) * len(split)


@dataclass(frozen=True)
class Counter:
    """One processor package's counter: microjoules since some moment, beginning again at 0 after `largest`."""
    file: Path
    largest: int

    def read(self) -> int:
        return int(self.file.read_text(encoding="ascii"))

    def joules(self, before: int, after: int) -> float:
        """Between two readings that are less than one round apart: some minutes at full load, in most processors."""
        return (after - before if after >= before else after - before + self.largest + 1) / 1e6


def counters(folder: Path = POWERCAP) -> list[Counter]:
    """The counters that may be read, one for each processor package; those of parts of a package are left out."""
    found = []
    for zone in sorted(Path(folder).glob("intel-rapl:*")):      # the kernel's name for AMD's counters too
        if zone.name.count(":") > 1:
            continue
        try:
            counter = Counter(zone / "energy_uj", int((zone / "max_energy_range_uj").read_text(encoding="ascii")))
            counter.read()
        except (OSError, ValueError):       # not ours to read, or no number: an estimate serves instead
            continue
        found.append(counter)
    return found


@dataclass(frozen=True)
class Reading:
    """Joules of a computation, whether they were measured, and how they came about, in words."""
    joules: float
    measured: bool
    seconds: float              # on the clock
    processor_seconds: float    # of this process, over all its cores
    how: str


class Meter:
    """`with Meter() as meter: ...`, then `meter.reading`.

    Counters see the whole package: what else the machine does, and its idle power. The estimate sees this process
    alone, and takes each second of a core at `watts`.
    """

    def __init__(self, folder: Path = POWERCAP, watts: float = WATTS):
        self.counters, self.watts = counters(folder), number("watts", watts)
        self.reading: Reading | None = None

    def __enter__(self) -> "Meter":
        self._before = [counter.read() for counter in self.counters]
        self._began, self._used = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_error) -> None:
        seconds, used = time.perf_counter() - self._began, time.process_time() - self._used
        if self.counters:
            joules = sum(counter.joules(before, counter.read())
                         for counter, before in zip(self.counters, self._before, strict=True))
            how = _("measured by the processor's counters (RAPL)")
        else:
            joules = used * self.watts
            how = _("estimated: processor time × {watts:g} W a core").format(watts=self.watts)
        self.reading = Reading(joules, bool(self.counters), seconds, used, how)


def grams(joules: float, region: str) -> float:
    """Grams of CO₂ equivalent for `joules` of electricity in a region of GRAMS, at the mean of 2023."""
    if isinstance(joules, bool) or not isinstance(joules, int | float) or not 0 <= joules < float("inf"):
        raise refuse("joules", joules, _("a number of at least 0"))
    return joules / KWH * GRAMS[choose("region", region, GRAMS)]


def published() -> Estimate:
    """GPT-3's training by Patterson et al.'s own figures: what `training_estimate` has to come to."""
    device = replace(DEVICES["V100"], watts=PATTERSON["watts"])
    return training_estimate(PATTERSON["flops"], device, count=10_000, overhead=PATTERSON["overhead"],
                             utilisation=PATTERSON["flops_per_second"] / device.flops)


def gpt3(joules_per_flop: float, utilisation: float = 0.4) -> dict[str, float]:
    """MWh of GPT-3's training, 6·N·D operations: at these joules for each, on devices by their data sheets, published.

    Devices reach the share `utilisation` of their peak and draw their full power; the building adds a tenth. What was
    published is Patterson et al.'s estimate.
    """
    flops = training_flops(GPT3["parameters"], GPT3["tokens"])
    found = {_("this machine"): flops * number("joules_per_flop", joules_per_flop) / KWH / 1000}
    found |= {name: training_estimate(flops, DEVICES[name], utilisation=utilisation).kwh / 1000
              for name in ("V100", "A100", "H100")}
    return found | {_("published, V100"): PATTERSON["mwh"]}


def against_formula(models: dict[str, tuple[nn.Module, Split]], batch_size: int = 64):
    """A data frame with a row for each `{name: (model, training split)}`: an epoch's operations, counted and by 6·N·D.
    """
    import pandas
    rows = {}
    for name, (model, split) in models.items():
        counted, by_hand = epoch_flops(model, split, batch_size), training_flops(parameter_count(model), len(split))
        rows[_(name)] = (parameter_count(model), len(split), f"{counted:.2e}", f"{by_hand:.2e}",
                         round(counted / by_hand, 2))
    return pandas.DataFrame.from_dict(rows, orient="index", columns=[
        _("parameters"), _("examples"), _("counted"), "6·N·D", _("ratio")])


def metered(model, dataset, recipe: Recipe) -> tuple[Run, Reading]:
    """Train on one core of the processor under a meter; the run, and what it took."""
    run = Run(model, dataset, recipe, "cpu", threads=1)
    with Meter() as meter:
        for _step in run:
            pass
    return run, meter.reading


def saving(before: float, after: float) -> float:
    """The share saved, in per cent; below 0 where the choice costs more."""
    return 100 * (1 - number("after", after, zero=True) / number("before", before))


def choices(runs: list[dict], here: float = GRAMS["China"], there: float = GRAMS["Norway"],
            utilisation: float = 0.4) -> dict[str, float]:
    """Green choices and the per cent of CO₂ that each saves alone, largest first. `runs` are the recorded ones.

    Measured, mean of the seeds: stopping early against all epochs, in steps; and in joules of training the thriftiest
    network whose validation accuracy is within a point of the widest one's, both stopped early. Stated: electricity of
    `there` grams a kWh in place of `here`; V100 to H100 by data sheet; from the share of its peak that GPT-3's training
    reached to `utilisation`, if a device draws its full power all the time.
    """
    green = [run for run in runs if run.get("part") == "green"]
    seeds = sorted({run["seed"] for run in green})
    if not seeds:
        raise refuse("runs", len(runs), _("recorded runs, those of the part green among them"))
    early, small = [], []
    for seed in seeds:
        of_seed = [run for run in green if run["seed"] == seed]
        largest = max(of_seed, key=lambda run: run["width"])
        early.append(saving(largest["planned"], largest["steps"]))
        small.append(saving(largest["joules"], thriftiest_as_good(of_seed)["joules"]))
    v100, h100 = (DEVICES[name].watts / DEVICES[name].flops for name in ("V100", "H100"))
    reached = PATTERSON["flops_per_second"] / DEVICES["V100"].flops
    found = {_("region (stated)"): saving(here, there), _("H100 for V100 (stated)"): saving(v100, h100),
             _("utilisation (stated)"): saving(1 / reached, 1 / number("utilisation", utilisation)),
             _("early stopping (measured)"): sum(early) / len(early),
             _("smaller model (measured)"): sum(small) / len(small)}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def together(savings: dict[str, float]) -> float:
    """Per cent saved by all choices at once, if none gets in another's way."""
    return 100 * (1 - math.prod(1 - value / 100 for value in savings.values()))


def kept(runs: list[dict]) -> list[list]:
    """What the two measured choices do to accuracy: rows of a name, the width and the test accuracy in per cent.

    Means of the recorded seeds; the width of the smaller model is that of each seed.
    """
    green = [run for run in runs if run.get("part") == "green"]
    of_seeds = [[run for run in green if run["seed"] == seed] for seed in sorted({run["seed"] for run in green})]
    rows = {_("all epochs"): [run for run in runs if run.get("part") == "all-epochs"],
            _("early stopping"): [max(of_seed, key=lambda run: run["width"]) for of_seed in of_seeds],
            _("smaller model"): [thriftiest_as_good(of_seed) for of_seed in of_seeds]}
    return [[name, ", ".join(map(str, sorted({run["width"] for run in found}))),
             100 * sum(run["test"] for run in found) / len(found)] for name, found in rows.items()]


def thriftiest_as_good(runs: list[dict], points: float = 0.01) -> dict:
    """Of these runs the one that took least, if its validation accuracy is at most `points` below the widest one's.

    A narrower network is not always the thriftier: it may need more epochs until it stops.
    """
    largest = max(runs, key=lambda run: run["width"])
    return min((run for run in runs if run["validation"] >= largest["validation"] - points),
               key=lambda run: run["joules"])
