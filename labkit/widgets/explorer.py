"""Controls beside pictures that are drawn anew while a control moves.

    def draw(p):                       # p holds the controls' values
        return {"curve": lk.panels.lines(xs, {"tanh": np.tanh(p.slope * xs)})}
    lk.Explorer(draw, slope=lk.Float(0.1, 5, 1)).show()

The page alone moves the controls, and sends the next values only when the last ones have been answered; one worker
thread alone writes the answer, and ends when it has drawn the latest. The first picture is drawn inside the cell, so
that a notebook run without a browser holds it, and a mistake in `draw` stops the cell.
"""
import textwrap
import threading
from collections.abc import Callable
from types import SimpleNamespace

import traitlets
from anywidget import WidgetTrait
from IPython.display import DisplayHandle, display

from labkit.language import _
from labkit.openmp import release_after_cells
from labkit.settings import refuse
from labkit.widgets import panels, panels_still
from labkit.widgets.controls import Control, Point
from labkit.widgets.panels import Panel
from labkit.widgets.printed import printed
from labkit.widgets.still import LiveWidget, StillCopy, script, style
from labkit.widgets.trace import in_words
from labkit.widgets.turn import Turn

REST = 1      # seconds without a new value, after which the still copy is renewed


class Drawing(LiveWidget):
    """What `draw` gave. The explorer's view shows it, so it has no view of its own."""
    panels = traitlets.List().tag(sync=True)        # see panels.packet
    summary = traitlets.Unicode().tag(sync=True)    # what a screen reader says
    printed = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    replacing = traitlets.Bool().tag(sync=True)     # while plotly's figures are replaced: see explorer.js
    answered = traitlets.Int().tag(sync=True)       # the value of `asked` that this answers


class ExplorerView(LiveWidget):
    """The controls, and a place for the panels."""
    stand_in = "[explorer: run this cell to move its controls]"
    _esm = script(*panels.SCRIPTS, "controls.js", "explorer.js")
    _css = style("panels.css", "explorer.css")
    controls = traitlets.List().tag(sync=True)      # what to draw, once
    labels = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)        # written by the page, and by set()
    asked = traitlets.Int().tag(sync=True)          # how often the page has asked for a drawing
    drawing = WidgetTrait().tag(sync=True)


class Explorer:
    """Controls around `draw(p)`, which returns {name: panel or plotly figure} for the controls' values in `p`.

    draw        an ordinary function of `lk.panels`; it should take less than 0.1 s, and then follows a slider while
                that moves. torch's random numbers begin at seed 0 in each call, so that a moved slider changes only
                what the slider means; NumPy's are the caller's: use numpy.random.default_rng(0) inside.
    controls    name=Float(...), Int(...), Log(...), Choice(...), Toggle(...), Text(...), Matrix(...) or Point(...)

    A plotly figure is an output of its own below the panels; it is replaced, and keeps its camera and zoom. All calls
    give figures of the same names; panels may come and go.

    State is plain Python: `explorer.values`, `explorer.panels` (what `draw` returned last), `explorer.error`.
    `explorer.set(slope=2)` moves controls, `explorer.wait()` waits for the picture and raises what `draw` raised.
    """

    def __init__(self, draw: Callable[[SimpleNamespace], dict], title: str = "", **controls: Control):
        for name, control in controls.items():
            if not isinstance(control, Control):
                raise refuse(name, control, "Float(low, high, value), Int(low, high, value), Log(low, high, value), "
                             "Choice(...), Toggle(...), Text(...), Matrix(...), Point((x, y), panel=...)")
        places = [control.panel for control in controls.values() if isinstance(control, Point)]
        if len(set(places)) < len(places):
            raise refuse("panel", places, _("another panel for each point"))
        self._draw, self._controls, self.title = draw, controls, _(title)
        self.panels: dict[str, object] = {}
        self.error: BaseException | None = None
        self._drawn: tuple[list[Panel], str] = ([], "")     # what the page shows: the panels, and the values in words
        self._figures: dict[str, DisplayHandle] = {}
        self._still: StillCopy | None = None
        self._condition = threading.Condition()
        self._wanted: tuple[dict, int] | None = None        # values not yet drawn, and the page's count
        self._worker: threading.Thread | None = None
        self._awaited = 0       # how many calls of wait() are waiting: then the still copy is renewed at once
        self.drawing = Drawing()
        self.view = ExplorerView(
            drawing=self.drawing, controls=[control.describe(name) for name, control in controls.items()],
            values={name: control.value for name, control in controls.items()},
            labels={**panels.labels(), "title": self.title, "settings": _("Settings"), "on": _("on"), "off": _("off"),
                    "waiting": _("waiting for the kernel")})
        self.view.observe(lambda change: self._want(self.view.values, change["new"]), "asked")

    def show(self) -> None:
        """Show the explorer as it is drawn now, and leave a still copy below. Raises what `draw` raises."""
        display(self.view)
        release_after_cells()
        self._figures = {}
        try:
            self._answer(self.values, self.view.asked, first=True)
        except Exception as error:
            self._fail(error, self.view.asked)
            raise
        self._still = StillCopy(_("still copy of the explorer above"))
        self._renew_still()

    @property
    def values(self) -> dict:
        """The values that the controls show."""
        return self._checked(self.view.values)

    def set(self, **values) -> None:
        """Move controls from code, as a learner does in the page; raises `SettingError` for a bad value."""
        self.view.values = {**self.view.values, **self._checked(values)}
        self._want(self.view.values, self.view.asked)

    def wait(self, timeout: float = 60) -> None:
        """Return when the latest values are drawn; raise the error that drawing them ended with, if any."""
        with self._condition:
            self._awaited += 1
            self._condition.notify_all()
            done = self._condition.wait_for(lambda: self._worker is None, timeout)
            self._awaited -= 1
        if not done:
            raise TimeoutError(_("The picture was not drawn within {seconds} seconds.").format(seconds=timeout))
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Nothing: a lab that asks for the turn waits for the end of a drawing, which is short."""

    def _checked(self, values: dict) -> dict:
        for name in values:
            if name not in self._controls:
                raise refuse("control", name, ", ".join(self._controls))
        return {name: self._controls[name].check(name, value) for name, value in values.items()}

    def _want(self, values: dict, asked: int) -> None:
        # May run on any thread: it only notes what is wanted, and starts the worker if none is at work.
        with self._condition:
            self._wanted = values, asked
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="labkit-explorer", daemon=True)
                self._worker.start()
            self._condition.notify_all()

    def _work(self) -> None:
        while True:
            with self._condition:
                wanted, self._wanted = self._wanted, None
            try:
                self._answer(self._checked(wanted[0]), wanted[1])
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a learner's function may raise anything; wait() raises it again
                self._fail(error, wanted[1])
            with self._condition:
                self._condition.wait_for(lambda: self._wanted or self._awaited, REST)
                if self._wanted:
                    continue
            self._renew_still()
            with self._condition:
                if self._wanted is None:
                    self._worker = None
                    self._condition.notify_all()
                    return

    def _answer(self, values: dict, asked: int, first: bool = False) -> None:
        with Turn(self, seed=0), printed() as text:
            drawn = self._draw(SimpleNamespace(**values))
            shown_panels, figures = _sorted(drawn)
            bundles = {name: _bundle(figure) for name, figure in figures.items()}
        if first:
            self._figures = {name: DisplayHandle() for name in bundles}
            for name, bundle in bundles.items():
                self._figures[name].display(bundle, raw=True)
        elif set(bundles) != set(self._figures):
            raise refuse("draw", list(bundles), _("the figures of the first call: {names}").format(
                names=", ".join(self._figures) or _("none")))
        elif bundles:
            self.drawing.replacing = True
            for name, bundle in bundles.items():
                self._figures[name].update(bundle, raw=True)
        self.panels, self.error, self._drawn = drawn, None, (list(shown_panels.values()), self._in_words(values))
        with self.drawing.hold_sync():
            self.drawing.panels, self.drawing.printed, self.drawing.error = panels.packet(shown_panels), text(), ""
            self.drawing.summary = " · ".join(filter(None, [self.title, self._drawn[1]]))
            self.drawing.replacing, self.drawing.answered = False, asked

    def _in_words(self, values: dict) -> str:
        return " · ".join(self._controls[name].say(name, value) for name, value in values.items())

    def _fail(self, error: BaseException, asked: int) -> None:
        self.error = error
        with self.drawing.hold_sync():
            self.drawing.error, self.drawing.replacing = f"{type(error).__name__}: {error}", False
            self.drawing.answered = asked

    def _renew_still(self) -> None:
        drawn, settings = self._drawn
        if self._still is None or not drawn:        # plotly's figures are outputs that stay by themselves
            return
        note = _("a still copy: run the cell to move the controls")
        heading = [" · ".join(filter(None, [self.title, note])), *textwrap.wrap(settings, 90)]
        with printed():         # matplotlib's warnings of characters that no face has
            png = panels_still.picture([drawn], [""], "\n".join(heading))
        self._still.show(png, self.drawing.summary)


def _sorted(drawn) -> tuple[dict[str, Panel], dict]:
    """The panels, headed by their names if they have no title, and plotly's figures. Raises `SettingError`."""
    allowed = _("a dict of panels (lk.panels) and plotly figures, by name")
    if not isinstance(drawn, dict) or not drawn:
        raise refuse("draw", drawn, allowed)
    ours = {str(name): picture.titled(in_words(str(name))) for name, picture in drawn.items()
            if isinstance(picture, Panel)}
    others = {str(name): picture for name, picture in drawn.items() if not isinstance(picture, Panel)}
    if others:
        from plotly.graph_objects import Figure
        for name, picture in others.items():
            if not isinstance(picture, Figure):
                raise refuse(f"draw[{name!r}]", picture, allowed)
    return ours, others


def _bundle(figure) -> dict:
    """The figure as plotly's renderer of this session shows it: a stored notebook has its PNG beside its JSON."""
    if figure.layout.uirevision is None:
        figure.layout.uirevision = "explorer"       # one that stays: camera and zoom stay with it
    return figure._repr_mimebundle_()
