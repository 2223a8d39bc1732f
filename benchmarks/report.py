"""Rows of measurements, their verdicts, and the page that shows them."""
import statistics
from dataclasses import dataclass, field

TIE = 0.1       # ratios that differ by less are called a tie
SHOWN = {"images/s": ",.0f", "tokens/s": ",.0f", "×": ".2f", "s": ".3f", "ms": ".1f", "1/s": ".1f", "threads": ".0f",
         "MB": ",.0f", "exponent": ".2f", "GFLOP/s": ",.0f", "GB/s": ".1f"}


@dataclass(frozen=True)
class Row:
    """One measured quantity: a value for each round, what it is, and the goal if it has one.

    unit        a key of `SHOWN`; × is a ratio
    goal        the least the median may be, or the most where `less_is_better`
    """
    name: str
    values: list[float]
    unit: str
    meaning: str
    goal: float | None = None
    less_is_better: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """met, tie or not met; for a ratio without a goal, how it compares with 1; else nothing.

        A ratio that misses its goal by less than `TIE` is a tie; seconds have no such allowance.
        """
        sign = -1 if self.less_is_better else 1
        if self.goal is None:
            if self.unit != "×":
                return ""
            lead = sign * (self.median - 1)
            return "tie" if abs(lead) < TIE else "ahead" if lead > 0 else "behind"
        lead = sign * (self.median - self.goal)
        if lead >= 0:
            return "met"
        return "tie" if self.unit == "×" and -lead < TIE else "not met"

    def cells(self) -> list[str]:
        """The row of the table: name, median, spread, goal, verdict, meaning."""
        def text(value: float) -> str:
            return format(value, SHOWN[self.unit])
        goal = ""
        if self.goal is not None:
            goal = f"at {'most' if self.less_is_better else 'least'} {text(self.goal)} {self.unit}"
        return [self.name, f"{text(self.median)} {self.unit}",
                f"{text(min(self.values))}–{text(max(self.values))}", goal, self.verdict, self.meaning]


@dataclass(frozen=True)
class Part:
    """A heading with its rows. `note` says how they were measured."""
    title: str
    note: str
    rows: list[Row] = field(default_factory=list)


def markdown(parts: list[Part], surroundings: dict[str, str]) -> str:
    """The whole page: where it was measured, how many goals are met, and a table for each part."""
    verdicts = [row.verdict for part in parts for row in part.rows if row.goal is not None]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in ("met", "tie", "not met"))
    lines = [
        "# Speed", "",
        f"Written by `{surroundings['command']}`; each run replaces it. Goals: {counts}.", "",
        "Runs alternate (A B C A B C …), each training contestant in a process of its own. A value is the median "
        "of the rounds, the spread is their minimum and maximum, and a ratio is taken within each round. Ratios "
        f"that differ by less than {TIE} are a tie, and so is a ratio that misses its goal by less. Without a "
        "goal, a ratio is ahead, behind or a tie.", "",
        *table(["", ""], [[name, text] for name, text in surroundings.items()])]
    for part in parts:
        lines += ["", f"## {part.title}", "", part.note, "",
                  *table(["", "median", "spread", "goal", "verdict", "what it is"],
                         [row.cells() for row in part.rows])]
    return "\n".join(lines) + "\n"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table; a bar in a cell is escaped."""
    def line(cells):
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    return [line(head), line(["---"] * len(head)), *map(line, rows)]
