"""The sliders and buttons of a lab: what a control is in Python, and the widget that shows them.

The browser writes `values`, `goal` and `command`; the training thread never does (see live.py).
"""
import math
from dataclasses import dataclass, field

import traitlets

from labkit.language import _
from labkit.settings import refuse
from labkit.widgets.still import CSS, LiveWidget, script
from labkit.widgets.trace import in_words


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


@dataclass(frozen=True, init=False)
class Choice(Control):
    """One of a few values: `Choice(32, 128, 512)`; the first is chosen unless `value` says otherwise."""
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
        return {**super().describe(name), "options": list(self.options)}


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


class LabControls(LiveWidget):
    """The controls of a lab as native ranges, selects and buttons with labels of their own."""
    stand_in = "[live controls: run this cell to use them]"
    _esm = script("controls.js")
    _css = CSS
    controls = traitlets.List().tag(sync=True)     # what to draw, once
    labels = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)       # setting -> value
    goal = traitlets.Dict().tag(sync=True)         # quantity -> where a run pauses
    command = traitlets.Dict().tag(sync=True)      # {"name": "stop", "count": 3}

    def __init__(self, controls: dict[str, Control], goal: dict[str, float]):
        super().__init__(
            controls=[control.describe(name) for name, control in controls.items()],
            values={name: control.value for name, control in controls.items()},
            goal=goal,
            labels={
                "settings": _("Settings"), "stop": _("Stop"), "resume": _("Resume"), "restart": _("Restart"),
                "new_seed": _("Restart with a new seed"), "clear": _("Clear earlier runs"),
                "goals": {name: _("stop at {quantity}").format(quantity=in_words(name)) for name in goal},
                "on": _("on"), "off": _("off")})
