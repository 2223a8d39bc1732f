"""The sliders and buttons of a lab, as a widget.

The browser writes `values`, `goal` and `command`; the training thread never does (see live.py).
"""
import traitlets

from labkit.language import _
from labkit.widgets.controls import Control
from labkit.widgets.still import LiveWidget, script, style
from labkit.widgets.trace import in_words


class LabControls(LiveWidget):
    """The controls of a lab as native ranges, selects and buttons with labels of their own."""
    stand_in = "[live controls: run this cell to use them]"
    _esm = script("controls.js", "lab_controls.js")
    _css = style()
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
