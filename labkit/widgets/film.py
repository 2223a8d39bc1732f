"""A film of training: panels recorded at a few moments, which the page then scrubs through without the kernel.

    film = lk.Film(total=400)
    for step in run:
        if film.wants(step.index):
            film.add(step.index, boundary=lk.snapshots.decision_boundary(model, inputs, targets))
    film.show()
"""
import math

import numpy as np
import traitlets
from IPython.display import display

from labkit.language import _
from labkit.settings import choose, refuse
from labkit.widgets import panels_still
from labkit.widgets.panels import SCRIPTS, Panel, aligned, labels, packet
from labkit.widgets.still import LiveWidget, StillCopy, script, style
from labkit.widgets.trace import in_words

MOST = 60       # moments of one film


class FilmView(LiveWidget):
    """What the page gets, once: panels of each moment, whose buffers are places in `buffers`, each sent once."""
    stand_in = "[film: run this cell to scrub through it]"
    needs_kernel = False
    _esm = script(*SCRIPTS, "film.js")
    _css = style("panels.css")
    labels = traitlets.Dict().tag(sync=True)
    captions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    moments = traitlets.List().tag(sync=True)
    buffers = traitlets.List().tag(sync=True)


class Film:
    """Panels at up to `moments` (2 to 60) moments of a training of `total` steps.

    total       the last step; a loop over range(n) ends at n - 1
    spacing     "linear", or "log" for a film that looks closely at the first steps

    State is plain Python: `film.steps`, the step of each moment, and `film.moments`, its panels by name.
    Raises `SettingError` for a wrong value.
    """

    def __init__(self, total: int, moments: int = 40, title: str = "", spacing: str = "linear"):
        if not isinstance(total, int) or total < 1:
            raise refuse("total", total, _("a whole number of at least 1"))
        if not isinstance(moments, int) or not 2 <= moments <= MOST:
            raise refuse("moments", moments, _("a whole number from 2 to {most}").format(most=MOST))
        choose("spacing", spacing, ("linear", "log"))
        self.total, self.title = total, _(title)
        self.steps: list[int] = []
        self.moments: list[dict[str, Panel]] = []
        self._most, self._log = moments, spacing == "log"
        self._planned = np.round(np.geomspace(1, total, moments) if self._log else np.linspace(0, total, moments))

    def wants(self, step: int) -> bool:
        """Whether `step` is a moment to record: the first one, then the first after each planned moment."""
        if not self.steps:
            return True
        return bool(((self._planned > self.steps[-1]) & (self._planned <= step)).any())

    def add(self, step: int, **panels: Panel) -> None:
        """Record `panels` at `step`. When there are too many moments, one where they stand closest is dropped."""
        if not 0 <= step <= self.total:
            raise refuse("step", step, _("a whole number from 0 to {total}").format(total=self.total))
        if self.steps and step <= self.steps[-1]:
            raise refuse("step", step, _("a step after {last}, the last one recorded").format(last=self.steps[-1]))
        if not panels or not all(isinstance(panel, Panel) for panel in panels.values()):
            raise refuse("panels", panels, _("name=panel, with a panel of lk.panels or lk.snapshots"))
        shapes = {name: panel.shape for name, panel in panels.items()}
        if self.moments:
            first = {name: panel.shape for name, panel in self.moments[0].items()}
            if shapes != first:
                raise refuse("panels", shapes, _("what the first moment has: {first}").format(first=first))
        self.steps.append(step)
        self.moments.append(panels)
        if len(self.steps) > self._most:
            place = [math.log(step + 1) if self._log else step for step in self.steps]
            closest = min(range(1, len(place) - 1), key=lambda i: place[i + 1] - place[i - 1])
            del self.steps[closest], self.moments[closest]

    def show(self) -> None:
        """Show the film, with its first, middle and last moment as a still copy."""
        if not self.moments:
            raise refuse("film.moments", self.moments, _("at least one"), _("Call film.add(step, name=panel) first."))
        captions, moments = self._captions(), self._aligned()
        buffers: dict[bytes, int] = {}
        packed = [packet(moment) for moment in moments]
        for entry in (entry for moment in packed for entry in moment):
            entry["buffers"] = [buffers.setdefault(data, len(buffers)) for data in entry["buffers"]]
        display(FilmView(captions=captions, moments=packed, buffers=list(buffers), labels={
            **labels(), "title": self.title, "moment": _("moment of training"), "play": _("Play"),
            "pause": _("Pause"), "next": _("Next moment")}))
        few = sorted({0, len(moments) // 2, len(moments) - 1})
        png = panels_still.picture([list(moments[i].values()) for i in few], [captions[i] for i in few], self.title,
                                   _("a still copy: run the cell to scrub through the film"))
        StillCopy(_("still copy of the film above")).show(png, f"{self.title}: {', '.join(captions[i] for i in few)}")

    def _captions(self) -> list[str]:
        return [_("step {step} of {steps}").format(step=step, steps=self.total) for step in self.steps]

    def _aligned(self) -> list[dict[str, Panel]]:
        """The moments with the same axes and colours throughout; a panel without a title is headed by its name."""
        columns = {name: aligned([moment[name] for moment in self.moments]) for name in self.moments[0]}
        return [{name: column[i].titled(in_words(name)) for name, column in columns.items()}
                for i in range(len(self.moments))]
