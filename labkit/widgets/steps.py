"""A button for each step of a workflow, which shows the step's code and runs it.

    lk.Steps({"Preprocess": preprocess, "Load": load, "Infer": infer}).show()

One worker thread runs the steps that are clicked, one after the other. The page only sends clicks.
"""
import contextlib
import inspect
import textwrap
import threading
from collections.abc import Callable

import traitlets
from IPython.display import display

from labkit.cells import written
from labkit.language import _
from labkit.openmp import release_after_cells
from labkit.settings import choose, refuse
from labkit.widgets import panels, panels_still
from labkit.widgets.printed import printed
from labkit.widgets.still import LiveWidget, StillCopy, script, style
from labkit.widgets.turn import Turn

LONGEST = 4000      # characters of one step's output that are shown


class StepsView(LiveWidget):
    """The buttons, and below them the code and the output of one step. The kernel alone writes here."""
    stand_in = "[steps: run this cell to click through them]"
    needs_kernel = False
    _esm = script("steps.js")
    _css = style("panels.css", "explorer.css")
    labels = traitlets.Dict().tag(sync=True)
    steps = traitlets.List().tag(sync=True)         # name and source of each
    progress = traitlets.List().tag(sync=True)      # state, output and error of each


class Steps:
    """Functions without arguments, by name, in the order of the workflow.

    They pass on what they make through ordinary variables (`global`). Each call begins with torch's random numbers at
    seed 0. What a step prints is shown in the page, and so is what it returns.

    State is plain Python: `steps.states` (ready, queued, running, done or failed), `steps.results` (what each step
    returned last), `steps.outputs` (what the page shows of it), `steps.error` (of the step that ran last, or None).
    """

    def __init__(self, functions: dict[str, Callable[[], object]], title: str = ""):
        if not isinstance(functions, dict) or not functions or not all(map(callable, functions.values())):
            raise refuse("functions", functions, _("a dict of functions without arguments, by name"))
        self._functions, self.title = dict(functions), _(title)
        self.states = dict.fromkeys(functions, "ready")
        self.outputs = dict.fromkeys(functions, "")
        self.results: dict[str, object] = {}
        self.error: BaseException | None = None
        self._errors = dict.fromkeys(functions, "")
        self._queue: list[str] = []
        self._condition = threading.Condition()
        self._worker: threading.Thread | None = None
        self._still: StillCopy | None = None
        self.view = StepsView(
            progress=self._progress(),
            steps=[{"name": _(name), "source": source(function)} for name, function in functions.items()],
            labels={"title": self.title, "hint": _("A click on a step shows its code and runs it."),
                    "steps": _("Steps"), "code": _("Code of {name}"), "output": _("Output of {name}"),
                    "ready": _("not run yet"), "queued": _("waiting"), "running": _("running"),
                    "done": _("done"), "failed": _("failed")})
        self.view.on_msg(lambda view, content, buffers: self._click(list(self._functions)[content["run"]]))

    def show(self, run: bool = False) -> None:
        """Show the steps, with a still copy below; `run` runs them all first, and raises what one of them raises."""
        display(self.view)
        release_after_cells()
        self._still = StillCopy(_("still copy of the steps above"))
        try:
            for name in self._functions if run else ():
                self.run(name)
        finally:
            self._renew_still()

    def run(self, name: str) -> object:
        """Run one step now, and return what it returns. Raises what it raises; `SettingError` for an unknown name."""
        choose("step", name, self._functions)
        with Turn(self, seed=0), printed() as text:
            self._set(name, "running")
            try:
                result = self.results[name] = self._functions[name]()
                output = text() + ("" if result is None else written(result))
            except BaseException as error:
                self.error = error
                self._set(name, "failed", text(), f"{type(error).__name__}: {error}\n{self._missing(name)}")
                raise
        self.error = None
        self._set(name, "done", output)
        return result

    def wait(self, timeout: float = 60) -> None:
        """Return when every step that was clicked has run; raise the error of the last one, if it failed."""
        with self._condition:
            done = self._condition.wait_for(lambda: self._worker is None, timeout)
        if not done:
            raise TimeoutError(_("The steps did not end within {seconds} seconds.").format(seconds=timeout))
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Nothing: a lab that asks for the turn waits for the end of the step in hand."""

    def _click(self, name: str) -> None:
        # May run on any thread: it only notes what is wanted, and starts the worker if none is at work.
        with self._condition:
            if name in self._queue:
                return
            self._queue.append(name)
            self._set(name, "queued", self.outputs[name])
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="labkit-steps", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                if not self._queue:
                    self._worker = None
                    self._condition.notify_all()
                    return
                name = self._queue[0]
            with contextlib.suppress(Exception, SystemExit):    # the page shows it, and wait() raises it again
                self.run(name)
            self._renew_still()
            with self._condition:
                self._queue.remove(name)

    def _missing(self, name: str) -> str:
        """Which step before `name` has not run, since `name` may need what that makes."""
        for earlier in self._functions:
            if earlier == name:
                return ""
            if self.states[earlier] != "done":
                return _("Run the steps in order: {name} has not run yet.").format(name=_(earlier))
        return ""

    def _set(self, name: str, state: str, output: str = "", error: str = "") -> None:
        with self._condition:
            self.states[name], self.outputs[name], self._errors[name] = state, shortened(output), error.rstrip()
            self.view.progress = self._progress()

    def _progress(self) -> list[dict]:
        return [{"state": self.states[name], "output": self.outputs[name], "error": self._errors[name]}
                for name in self._functions]

    def _renew_still(self) -> None:
        if self._still is None:
            return
        words = self.view.labels
        titles = [f"{number}. {_(name)}: {words[self.states[name]]}" for number, name in enumerate(self._functions, 1)]
        outputs = [f"{self.outputs[name]}\n{self._errors[name]}".strip() or "–" for name in self._functions]
        with printed():         # matplotlib's warnings of characters that no face has
            png = panels_still.picture([list(map(panels.text, outputs, titles))], [""], self.title,
                                       _("a still copy: run the cell to click through the steps"))
        self._still.show(png, "; ".join(titles))


def source(function: Callable) -> str:
    """The source of a function as it stands in its cell or file; its name where there is none, as for a builtin."""
    try:
        return textwrap.dedent(inspect.getsource(function)).rstrip()
    except (OSError, TypeError):
        return repr(function)


def shortened(text: str) -> str:
    """The end of a long text."""
    return text.rstrip() if len(text) <= LONGEST else f"… {text[-LONGEST:].rstrip()}"
