"""A field for a file, which the page sends to the kernel when it is chosen.

    upload = lk.Upload("A table (CSV), or a zip of pictures", check=lambda file: checklist.intake(file, folder))
    upload.show()
    given = upload.file or "breast-cancer"          # (name, bytes), or None while nothing was given

The field of ipywidgets has no limit and no message: a file larger than the server's longest message (10 MiB) ends the
connection without a word. This one looks at the size in the page, before a byte is sent, and says what was refused.
Without a page nothing is given, and a notebook goes on with what it has.
"""
import contextlib
from collections.abc import Callable

import traitlets
from IPython.display import display

from labkit.language import _
from labkit.settings import refuse
from labkit.widgets.still import LiveWidget, script, style

LIMIT = 8_000_000       # bytes of one message: tornado, which serves the page, takes 10 MiB


class UploadView(LiveWidget):
    """The field, and what became of the file. The page sends {"name", "size"} with the bytes as a buffer."""
    stand_in = "[upload: run this cell to choose a file]"
    _esm = script("upload.js")
    _css = style("upload.css")
    labels = traitlets.Dict().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)
    limit = traitlets.Int().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)       # how many files have been answered


class Upload:
    """A file field named `label`.

    accept      the endings that the page's dialogue offers; what a file is, `check` decides
    check       a function of (name, bytes) that raises `SettingError` for what cannot be used; what it returns is
                kept as `result`
    limit       bytes; the page refuses more without sending it

    State is plain Python: `file`, the pair (name, bytes) that was taken last, or None; `result`; `error`, of the
    last file if it was refused. A refused file leaves the one before in place.
    """

    def __init__(self, label: str, accept: tuple[str, ...] = (".csv", ".zip"),
                 check: Callable[[tuple[str, bytes]], object] | None = None, limit: int = LIMIT):
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LIMIT:
            raise refuse("limit", limit, _("a whole number from 1 to {most}").format(most=LIMIT))
        self._check, self.limit = check, limit
        self.file: tuple[str, bytes] | None = None
        self.result: object = None
        self.error: Exception | None = None
        self.view = UploadView(
            accept=",".join(accept), limit=limit, status=_("No file was chosen."),
            labels={"label": _(label), "sending": _("waiting for the kernel"),
                    "note": _("At most {most:,} bytes. The file goes to the kernel, and no further.").format(
                        most=limit)})
        self.view.on_msg(lambda view, content, buffers: self._sent(content, buffers))

    def show(self) -> None:
        """Show the field."""
        display(self.view)

    def receive(self, name: str, content: bytes) -> None:
        """Take the file, as when the page sends it. Raises what `check` raises, and `SettingError` for its size."""
        name, content = str(name), bytes(content)
        try:
            if len(content) > self.limit:
                raise self._too_large(len(content))
            self.result = self._check((name, content)) if self._check else None
        except Exception as error:
            self._refused(name, error)
            raise
        self.file, self.error = (name, content), None
        with self.view.hold_sync():
            self.view.error = ""
            self.view.status = _("{name}: {size:,} bytes, taken.").format(name=name, size=len(content))

    def _sent(self, content: dict, buffers: list) -> None:
        name, size = content["name"], content["size"]
        if size > self.limit:       # the page sent no bytes
            self._refused(name, self._too_large(size))
        else:
            with contextlib.suppress(Exception):    # the page shows it, and `error` keeps it
                self.receive(name, bytes(buffers[0]))
        self.view.answered += 1

    def _too_large(self, size: int):
        return refuse(_("size of the file"), _("{size:,} bytes").format(size=size),
                      _("at most {most:,} bytes").format(most=self.limit),
                      _("Put a larger file beside the notebook, and give its path."))

    def _refused(self, name: str, error: Exception) -> None:
        self.error = error
        with self.view.hold_sync():
            self.view.status = _("{name} was refused.").format(name=name)
            self.view.error = str(error) or type(error).__name__
