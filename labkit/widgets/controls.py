"""What a learner can set in a lab or an explorer: numbers, choices, words, tables, a place in a picture.

A control checks every value that it is given, from the page as well as from Python, and describes itself to
controls.js, which draws it.
"""
import math
from dataclasses import dataclass, field

from labkit.language import _
from labkit.settings import refuse
from labkit.widgets.trace import in_words, shown


def _known(name: str) -> tuple[str, str]:
    """Label and help of the settings that many labs share."""
    return {
        "learning_rate": (_("learning rate"), _("how far each step moves the weights")),
        "batch_size": (_("batch size"), _("examples averaged in one step")),
        "width": (_("width"), _("filters in the first convolution")),
        "dropout": (_("dropout"), _("share of features silenced at each step")),
        "augment": (_("augmentation"), _("train on changed copies of the images")),
        "optimizer": (_("optimizer"), _("the rule that turns gradients into steps")),
        "weight_decay": (_("weight decay"), _("pull of every weight towards zero")),
    }.get(name, (in_words(name), ""))


@dataclass(frozen=True, kw_only=True)
class Control:
    """What every control has: the text beside it, shown in the learner's language where the catalogue has it.

    Empty texts take those of the setting's name.
    """
    label: str = ""
    unit: str = ""
    help: str = ""

    def describe(self, name: str) -> dict:
        """What the page needs to draw the control called `name`."""
        label, help_text = _known(name)
        return {"name": name, "kind": type(self).__name__.lower(), "label": _(self.label) or label,
                "unit": _(self.unit), "help": _(self.help) or help_text}

    def say(self, name: str, value) -> str:
        """The control called `name` and a value of it, as a reader would write them."""
        return f"{self.describe(name)['label']} {self.words(value)}"

    def words(self, value) -> str:
        """A value as a reader would write it; a table row by row."""
        if isinstance(value, tuple):
            return ("; " if isinstance(value[0], tuple) else ", ").join(map(self.words, value))
        return shown(value)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class _Range(Control):
    low: float
    high: float
    value: float

    def __post_init__(self):
        for name in ("low", "high"):
            if not _is_number(getattr(self, name)):
                raise refuse(name, getattr(self, name), _("a finite number"))
        if not self.low < self.high:
            raise refuse("low", self.low, _("less than high ({high})").format(high=self.high))
        self.check("value", self.value)

    def check(self, name: str, value):
        """Return `value` if the control allows it, else raise `SettingError`."""
        if not _is_number(value) or not self.low <= value <= self.high:
            raise refuse(name, value, _("a number from {low:g} to {high:g}").format(low=self.low, high=self.high))
        return value

    def describe(self, name: str) -> dict:
        return {**super().describe(name), "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Log(_Range):
    """A slider whose steps are factors: `Log(1e-4, 1, 3e-3)` runs from 0.0001 to 1 and starts at 0.003."""

    def __post_init__(self):
        super().__post_init__()
        if not self.low > 0:
            raise refuse("low", self.low, _("a number above 0, since the slider is logarithmic"))


@dataclass(frozen=True)
class Int(_Range):
    """A slider over whole numbers: `Int(4, 64, 16)`."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("low", "high"):
            if getattr(self, name) != int(getattr(self, name)):
                raise refuse(name, getattr(self, name), _("a whole number"))

    def check(self, name: str, value):
        super().check(name, value)
        if value != int(value):
            raise refuse(name, value, _("a whole number from {low:g} to {high:g}").format(
                low=self.low, high=self.high))
        return int(value)


@dataclass(frozen=True)
class Float(_Range):
    """A slider with equal steps: `Float(-3, 3, 0)`; `step` is some hundredth of the range unless given."""
    step: float | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.step is None:
            object.__setattr__(self, "step", _round_step((self.high - self.low) / 100))
        if not _is_number(self.step) or not 0 < self.step <= self.high - self.low:
            raise refuse("step", self.step, _("a number above 0, at most high - low"))

    def check(self, name: str, value):
        return float(super().check(name, value))

    def describe(self, name: str) -> dict:
        return {**super().describe(name), "step": self.step}


def _round_step(rough: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `rough`."""
    power = math.floor(math.log10(rough))
    return max(float(f"{digit}e{power}") for digit in (1, 2, 5) if digit * 10.0**power <= rough * (1 + 1e-9))


@dataclass(frozen=True, init=False)
class Choice(Control):
    """One of a few values: `Choice(32, 128, 512)`; the first is chosen unless `value` says otherwise.

    Words are shown in the learner's language where the catalogue has them; the value stays what the cell calls it.
    """
    options: tuple
    value: object = field(default=None)

    def __init__(self, *options, value=None, **texts):
        super().__init__(**texts)
        if len(options) < 2:
            raise refuse("options", options, _("at least two values to choose from"))
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "value", options[0] if value is None else value)
        self.check("value", self.value)

    def check(self, name: str, value):
        """Return the option equal to `value`, else raise `SettingError`."""
        if value not in self.options:
            raise refuse(name, value, ", ".join(map(str, self.options)))
        return self.options[self.options.index(value)]

    def describe(self, name: str) -> dict:
        return {**super().describe(name), "options": list(self.options),
                "shown": [_(option) if isinstance(option, str) else option for option in self.options]}

    def words(self, value) -> str:
        return _(value) if isinstance(value, str) else shown(value)


@dataclass(frozen=True)
class Toggle(Control):
    """On or off: `Toggle(False)`."""
    value: bool = False

    def __post_init__(self):
        self.check("value", self.value)

    def check(self, name: str, value):
        """Return `value` if it is True or False, else raise `SettingError`."""
        if not isinstance(value, bool):
            raise refuse(name, value, "True, False")
        return value


@dataclass(frozen=True)
class Text(Control):
    """Words that the learner types: `Text("a black cat", maximum=200)`. They are shown as text, never as HTML."""
    value: str
    maximum: int = 200      # characters

    def __post_init__(self):
        if not isinstance(self.maximum, int) or self.maximum < 1:
            raise refuse("maximum", self.maximum, _("a whole number of at least 1"))
        self.check("value", self.value)

    def check(self, name: str, value):
        """Return `value` if it is a string of at most `maximum` characters, else raise `SettingError`."""
        if not isinstance(value, str) or len(value) > self.maximum:
            raise refuse(name, value, _("text of at most {maximum} characters").format(maximum=self.maximum))
        return value

    def describe(self, name: str) -> dict:
        return {**super().describe(name), "maximum": self.maximum}


@dataclass(frozen=True)
class Matrix(Control):
    """A table of numbers from `low` to `high`: `Matrix([[0, 1], [1, 0]])`; at most 8 rows and 8 columns.

    Its value is a tuple of rows, each a tuple of floats, and keeps its shape.
    """
    value: tuple
    step: float = 0.1
    low: float = -9
    high: float = 9

    def __post_init__(self):
        for name in ("step", "low", "high"):
            if not _is_number(getattr(self, name)):
                raise refuse(name, getattr(self, name), _("a finite number"))
        if not self.step > 0:
            raise refuse("step", self.step, _("a number above 0"))
        rows = self.value if isinstance(self.value, list | tuple) else ()
        sizes = {len(row) if isinstance(row, list | tuple) else 0 for row in rows}
        if not 1 <= len(rows) <= 8 or len(sizes) != 1 or not 1 <= min(sizes) <= 8:
            raise refuse("value", self.value, _("1 to 8 rows of 1 to 8 numbers, all equally long"))
        object.__setattr__(self, "value", self.check("value", self.value))

    def check(self, name: str, value):
        """Return `value` as a tuple of tuples of floats if shape and range fit, else raise `SettingError`."""
        height, width = len(self.value), len(self.value[0])
        fits = isinstance(value, list | tuple) and len(value) == height and all(
            isinstance(row, list | tuple) and len(row) == width
            and all(_is_number(entry) and self.low <= entry <= self.high for entry in row) for row in value)
        if not fits:
            raise refuse(name, value, _("{height} × {width} numbers from {low:g} to {high:g}").format(
                height=height, width=width, low=self.low, high=self.high))
        return tuple(tuple(map(float, row)) for row in value)

    def describe(self, name: str) -> dict:
        return {**super().describe(name), "step": self.step, "low": self.low, "high": self.high,
                "rows": len(self.value), "columns": len(self.value[0]), "cell": _("row {row}, column {column}"),
                "allowed": _("a number from {low:g} to {high:g}").format(low=self.low, high=self.high)}


@dataclass(frozen=True)
class Point(Control):
    """A place in the image panel called `panel`: `Point((0.5, -1), panel="loss")`, in the units of its axes.

    It is set by a click or the arrow keys on the panel, which needs an x_range and a y_range, or as two numbers.
    """
    value: tuple
    panel: str = field(kw_only=True)

    def __post_init__(self):
        object.__setattr__(self, "value", self.check("value", self.value))

    def check(self, name: str, value):
        """Return `value` as a tuple (x, y) of floats, else raise `SettingError`."""
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_number, value)):
            raise refuse(name, value, _("two finite numbers (x, y)"))
        return tuple(map(float, value))

    def describe(self, name: str) -> dict:
        texts = super().describe(name)
        return {**texts, "panel": self.panel, "help": texts["help"] or _("click the picture, or use its arrow keys"),
                "allowed": _("a finite number")}
