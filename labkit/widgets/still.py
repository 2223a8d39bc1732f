"""A live widget and its still copy, the two outputs of a cell that shows one.

A reopened notebook has no kernel, so JupyterLab cannot draw the widget; the copy is a picture that needs
nothing. While the widget lives, widget.css hides the copy: it hides pictures in an output area that holds an
element of class `labkit-live`, which every view of ours puts on its root.
"""
import io
from pathlib import Path

import anywidget
from IPython.display import DisplayHandle, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

CSS = Path(__file__).with_name("widget.css")
SCRIPT = Path(__file__).with_name("widget.js")


def script(*names: str) -> str:
    """The module of a widget's view: what all views share, then the files `names`, the view's own last."""
    return "".join(SCRIPT.with_name(name).read_text(encoding="utf-8") for name in (SCRIPT.name, *names))


def style(*names: str) -> str:
    """The style sheet of a view: what all views share, then the files `names`."""
    return "".join(CSS.with_name(name).read_text(encoding="utf-8") for name in (CSS.name, *names))


class LiveWidget(anywidget.AnyWidget):
    """An anywidget whose plain-text form is constant, so that strict nbval can compare it.

    A stored notebook shows that text where no kernel can draw the widget.
    """
    stand_in = "[live widget: run this cell to use it]"

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": self.stand_in}, metadata


def picture(figure: Figure) -> bytes:
    """The PNG of a matplotlib figure. No pyplot: this runs on worker threads too."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


class StillCopy:
    """The second output: a PNG that can be replaced later, from any thread."""

    def __init__(self, text: str = "still copy of the widget above"):
        self._text = text
        self._handle: DisplayHandle | None = None

    def show(self, png: bytes, alt: str) -> None:
        """Show `png` below the widget, or replace the one that is shown; `alt` says what it shows."""
        bundle = {"image/png": png, "text/plain": self._text}
        metadata = {"image/png": {"alt": alt}}
        if self._handle is None:
            self._handle = display(bundle, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(bundle, metadata=metadata, raw=True)
