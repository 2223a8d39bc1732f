"""What the runs of a sweep gave: the table, its files, and the plot."""
import csv
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.execution import Result
from labkit.headless import aligned, spoken, write_summary
from labkit.language import _

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Swept:
    """One run of a sweep. A run whose workers died was not measured: its seconds and peak memory are 0."""
    run: str                        # the name of its folder
    grid: dict[str, object]         # its value of each parameter that varies
    tries: int                      # 2 if its worker died and it was begun once more
    result: Result

    def __str__(self) -> str:
        return f"{self.run}  {point(self.grid)}: {self.spoken()}, {self.result.seconds:.1f} s"

    def spoken(self) -> str:
        """How it went, and whether it was begun once more."""
        word = spoken(self.result.result)
        return word if self.tries < 2 else _("{result}, retried").format(result=word)


def point(grid: dict[str, object]) -> str:
    """`learning_rate=0.001 seed=1`."""
    return " ".join(f"{name}={value}" for name, value in grid.items())


def number_names(rows: Sequence[Swept]) -> list[str]:
    """The names of the numbers that the chapter reported, in its order."""
    return list(dict.fromkeys(name for row in rows for name in row.result.reported))


def ranked(rows: Sequence[Swept]) -> list[Swept]:
    """The rows by the first number that the chapter reports, the largest first, and those without it last."""
    rows = sorted(rows, key=lambda row: row.run)
    first = number_names(rows)[:1]
    return sorted(rows, key=lambda row: [-row.result.reported.get(name, float("-inf")) for name in first])


def table(rows: Sequence[Swept]) -> str:
    """Folder, values, what was reported, seconds, peak memory, result: one line a run, in the order of `ranked`."""
    rows, numbers = ranked(rows), number_names(rows)
    lines = [(_("folder"), *rows[0].grid, *numbers, _("seconds"), _("peak memory"), _("result"))]
    for row in rows:
        reported = [f"{row.result.reported[name]:.6g}" if name in row.result.reported else "-" for name in numbers]
        measured = [f"{row.result.seconds:.1f}", f"{row.result.peak_memory / 1e6:.0f} MB"]
        lines.append((row.run, *map(str, row.grid.values()), *reported,
                      *(measured if row.result.peak_memory else "--"), row.spoken()))
    return aligned(lines)


def write(rows: Sequence[Swept], out: Path, profile: str, given: dict, grid: dict[str, list]) -> None:
    """Replace results.json and results.csv in `out`. Seconds, and peak memory in bytes; empty where not measured."""
    rows, numbers = ranked(rows), number_names(rows)
    write_summary(out / "results.json", profile, given, grid=grid, runs=[
        {"run": row.run, "grid": row.grid, "result": row.result.result, "tries": row.tries,
         "reported": row.result.reported, "seconds": row.result.seconds or None,
         "peak_memory": row.result.peak_memory or None, "error": row.result.error,
         "notebook": Path(row.result.notebook).relative_to(out).as_posix()} for row in rows])
    fresh = out / "results.csv.part"
    with fresh.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["run", *rows[0].grid, *numbers, "seconds", "peak_memory", "result", "tries"])
        for row in rows:
            lines.writerow([row.run, *row.grid.values(), *(row.result.reported.get(name, "") for name in numbers),
                            row.result.seconds or "", row.result.peak_memory or "", row.result.result, row.tries])
    fresh.replace(out / "results.csv")


def draw(rows: Sequence[Swept], path: Path, chapter: str) -> "Figure":
    """Write a PNG of the first number that the chapter reports, or else of the seconds: a line for each grid point.

    Runs that differ in their seed alone share a line; a stroke marks their mean. Returns the figure.
    """
    from matplotlib.figure import Figure
    number = next(iter(number_names(rows)), None)
    groups = defaultdict(list)
    for row in ranked(rows):
        height = row.result.reported.get(number) if number else row.result.seconds or None
        if height is not None:
            groups[point({name: value for name, value in row.grid.items() if name != "seed"})].append(height)
    groups = dict(sorted(groups.items(), key=lambda group: -statistics.fmean(group[1])))
    figure = Figure((8, 1.2 + 0.3 * max(4, len(groups))), layout="constrained")
    axes = figure.add_subplot(xlabel=number or "seconds", title=chapter)
    for place, values in enumerate(groups.values()):
        axes.plot(values, [place] * len(values), "o", color="#0072B2", alpha=0.7)
        if len(values) > 1:
            axes.plot(statistics.fmean(values), place, "|", color="#262626", markersize=18)
    axes.set_yticks(range(len(groups)), [label.replace("$", r"\$") for label in groups])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#E5E5E5")
    figure.savefig(path, dpi=150)
    return figure
