"""A live widget and its still copy, the two outputs of a cell that shows one.

A reopened notebook has no kernel, so JupyterLab cannot draw the widget; the copy is a picture that needs
nothing. While the widget lives, widget.css hides the copy: it hides pictures in an output area that holds an
element of class `labkit-live`, which every view of ours puts on its root.
"""
import io
import threading
from pathlib import Path

import anywidget
import ipywidgets
import traitlets
from IPython.display import DisplayHandle, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labkit.language import _

CSS = Path(__file__).with_name("widget.css")
SCRIPT = Path(__file__).with_name("widget.js")
COPY = {"labkit": {"copy": True}}       # metadata of an output that stands in for the widget above it


def script(*names: str) -> str:
    """The module of a widget's view: what all views share, then the files `names`, the view's own last."""
    return "".join(SCRIPT.with_name(name).read_text(encoding="utf-8") for name in (SCRIPT.name, *names))


def style(*names: str) -> str:
    """The style sheet of a view: what all views share, then the files `names`."""
    return "".join(CSS.with_name(name).read_text(encoding="utf-8") for name in (CSS.name, *names))


class View(anywidget.AnyWidget):
    """What draws a live widget in the page. Nothing is sent to it once it is there.

    `lost` is what it says when the kernel is restarted; empty where it goes on by itself.
    """
    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    state = anywidget.WidgetTrait().tag(sync=True)
    lost = traitlets.Unicode().tag(sync=True)


class LiveWidget(ipywidgets.Widget):
    """State that kernel and page share, drawn by the module `_esm` with the style sheet `_css`.

    The state is a plain model of ipywidgets, and only its view an anywidget: where a module takes more than two seconds
    to load, as on a busy computer, anywidget 0.11 drops every later message to the model that has it.

    The plain-text form is constant, so that strict nbval can compare it; a stored notebook shows it where no kernel
    can draw the widget.
    """
    stand_in = "[live widget: run this cell to use it]"
    needs_kernel = True             # False: the web edition shows it alive, from its stored traits
    _esm = _css = ""
    _view: View | None = None
    __repr__ = object.__repr__      # that of ipywidgets writes out all of the state

    def __init__(self, **traits):
        self._taking = threading.RLock()
        super().__init__(**traits)

    def set_state(self, sync_data: dict) -> None:
        """Take what a page has set. JupyterLab gives each tab a thread of the kernel, ipywidgets counts on one."""
        with self._taking:
            super().set_state(sync_data)

    def close(self) -> None:
        if self._view is not None:
            self._view.layout.close()
            self._view.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs):
        kind = type(self)
        name = f"{kind.__module__}.{kind.__name__}"     # it is also the id of its style sheet in the page
        if self._view is None:
            lost = _("The kernel was restarted: run this cell again.") if kind.needs_kernel else ""
            self._view = View(state=self, lost=lost, _esm=kind._esm, _css=kind._css, _anywidget_id=name)
        bundle = self._view._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": _(self.stand_in)}, {**metadata, "labkit": {"widget": name}}


def picture(figure: Figure) -> bytes:
    """The PNG of a matplotlib figure, which is taken apart. No pyplot: this runs on worker threads too."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=100)
    # Parts that refer to each other stay, 5 MB a figure, until Python looks for such circles: ten figures on, or more.
    for part in figure.findobj():
        vars(part).clear()
    return buffer.getvalue()


class StillCopy:
    """The second output: a PNG that can be replaced later, from any thread."""

    def __init__(self, text: str = ""):
        self._text = text or _("still copy of the widget above")
        self._handle: DisplayHandle | None = None

    def show(self, png: bytes, alt: str) -> None:
        """Show `png` below the widget, or replace the one that is shown; `alt` says what it shows."""
        bundle = {"image/png": png, "text/plain": self._text}
        metadata = {"image/png": {"alt": alt}, **COPY}
        if self._handle is None:
            self._handle = display(bundle, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(bundle, metadata=metadata, raw=True)
