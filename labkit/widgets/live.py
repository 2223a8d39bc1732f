"""A lab whose sliders retrain a network while its curve grows.

One worker thread trains, and it alone writes the curve; sliders and buttons only raise a generation counter
and say what is wanted, since their callbacks may run on any thread. The first run is waited for inside the
cell, so that a notebook run without a browser ends with training done and the still copy stored.
"""
import threading
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

from IPython.display import display

from labkit.device import choose as choose_device
from labkit.device import describe
from labkit.language import _
from labkit.memory import keep_memory
from labkit.openmp import release_after_cells, release_helpers
from labkit.settings import refuse
from labkit.widgets.controls import Control
from labkit.widgets.curve import LabCurve, quantity, still_picture
from labkit.widgets.lab_controls import LabControls
from labkit.widgets.still import StillCopy
from labkit.widgets.trace import Trace, in_words, legends
from labkit.widgets.turn import Turn, is_taken, shown_by_this_cell

PUBLISH_EVERY = 0.1     # seconds between two packets to the page
EARLIER_RUNS = 5        # kept for comparison


class LabError(RuntimeError):
    """A lab whose `train` function cannot be used as it is; the message says what to change."""


class _Left(BaseException):
    """Raised inside `report` to leave `train` when other settings are wanted; no error."""


class LiveLab:
    """Sliders, buttons and curves around the learner's own `train(p, report)`.

    train       an ordinary function; `p` holds the sliders' values, `p.seed`, and `p.steps`, the number of
                steps to train; it calls `report(step, train_loss=..., validation_accuracy=...)` at each step
    steps       (first, later): the first run is waited for, so it should take at most 4 s; later ones 15 s
    goal        {"validation_accuracy": 0.85}: a line in the curve; a run that reaches it pauses there
    seed        of the first run, and of every run until "new seed" is clicked
    controls    name=Log(...), Int(...), Float(...), Choice(...), Toggle(...), Text(...) or Matrix(...)

    State is plain Python: `lab.runs` (a `Trace` each, the last one is in hand; a run to the end takes the place of an
    earlier one with the same settings, seed and steps), `lab.history`, `lab.status`, `lab.error`.
    `lab.set(learning_rate=0.1)`, `stop()`, `resume()`, `restart()` do what the page does.
    """

    def __init__(self, train: Callable, *, steps: tuple[int, int] = (150, 600),
                 goal: dict[str, float] | None = None, seed: int = 0, title: str = "", **controls: Control):
        for name, control in controls.items():
            if not isinstance(control, Control):
                raise refuse(name, control, "Log(low, high, value), Int(low, high, value), Choice(...), Toggle(...)")
        keep_memory()       # before the worker thread exists: see labkit.memory
        self._train, self._controls, self._steps = train, controls, steps
        self.goal, self.seed, self.title = dict(goal or {}), seed, _(title)
        self.runs: list[Trace] = []     # replaced, never changed in place, since several threads read it
        self.error: BaseException | None = None
        self.status = ""
        self._device = _(describe(choose_device()))
        self._condition = threading.Condition()
        self._generation = 0
        self._wanted: dict | None = None
        self._paused = False
        self._waited_for = False        # by the cell that shows the lab, in its first run
        self._resting = False           # the pause has been reached, and the page and the still copy show it
        self._worker: threading.Thread | None = None
        self._published = 0.0
        self._still: StillCopy | None = None
        self.controls = LabControls(controls, self.goal)
        self.curve = LabCurve(self.title)
        self.controls.observe(self._on_values, "values")
        self.controls.observe(self._on_goal, "goal")
        self.controls.observe(self._on_command, "command")

    # --- what a learner or a test calls ---

    def show(self) -> None:
        """Show the lab, train once with the values as they are, and leave the still copy below."""
        for earlier in shown_by_this_cell(self):
            earlier.close()
        display(self.controls)
        display(self.curve)
        self._still = StillCopy(_("still copy of the curves above"))
        release_helpers()           # this thread only waits now
        release_after_cells()
        self._want(self.values, first=True)
        try:
            self.wait()
        except KeyboardInterrupt:
            self.stop()
            self.wait(timeout=5)

    @property
    def values(self) -> dict:
        """The values that the controls show."""
        return dict(self.controls.values)

    @property
    def history(self) -> Trace | None:
        """What the run in hand has reported."""
        return self.runs[-1] if self.runs else None

    def set(self, **values) -> None:
        """Move controls from code, as a learner does in the page; raises `SettingError` for a bad value."""
        self.controls.values = {**self.values, **self._checked(values)}

    def stop(self) -> None:
        """Pause at the end of the step in hand."""
        with self._condition:
            self._paused = True
            self._condition.notify_all()

    def resume(self) -> None:
        """Go on from the step after the pause."""
        with self._condition:
            self._paused = False
            self._condition.notify_all()

    def restart(self, new_seed: bool = False) -> None:
        """Train again from the start with the same values."""
        self.seed += new_seed
        self._want(self.values)

    def clear(self) -> None:
        """Forget the earlier runs."""
        with self._condition:
            self.runs = self.runs[-1:]
        if self.runs:
            self._publish_past()

    def close(self) -> None:
        """End training for good, and have the page forget the lab: its cell was run again."""
        with self._condition:
            self._generation += 1
            self._wanted, self._paused = None, False
            self._condition.notify_all()
            # A worker that leaves a pause takes its turn once more, and would pause the lab that comes next.
            self._condition.wait_for(lambda: self._worker is None, timeout=2)
        self.controls.close()
        self.curve.close()

    def wait(self, timeout: float | None = None) -> None:
        """Return when the lab has finished, paused or failed; a failure of `train` is raised again."""
        with self._condition:
            self._condition.wait_for(lambda: self._worker is None or self._is_resting(), timeout)
        if self.error is not None:
            raise self.error

    # --- what the page's messages do: note what is wanted, and nothing else ---

    def _on_values(self, change) -> None:
        self._want(change["new"])

    def _on_command(self, change) -> None:
        command = change["new"]
        actions = {"stop": self.stop, "resume": self.resume, "restart": self.restart, "clear": self.clear,
                   "new_seed": lambda: self.restart(new_seed=True)}
        actions[command["name"]]()

    def _on_goal(self, change) -> None:
        self.goal = dict(change["new"])
        if self.runs and (self._worker is None or self._is_resting()):     # else the next packet moves the line
            self.publish(self.runs[-1])

    def _want(self, values: dict, first: bool = False) -> None:
        values = self._checked(values)
        with self._condition:
            self._generation += 1
            self._wanted = {"values": values, "seed": self.seed, "steps": self._steps[0 if first else 1]}
            self._paused, self._waited_for = False, first
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="labkit-lab", daemon=True)
                self._worker.start()
            self._condition.notify_all()

    def _checked(self, values: dict) -> dict:
        for name in values:
            if name not in self._controls:
                raise refuse("control", name, ", ".join(self._controls))
        return {name: self._controls[name].check(name, value) for name, value in values.items()}

    # --- the worker ---

    def _is_resting(self) -> bool:
        return self._wanted is None and self._paused and self._resting

    def _work(self) -> None:
        while True:
            with self._condition:
                if self._wanted is None:
                    self._worker = None
                    self._condition.notify_all()
                    return
                wanted, self._wanted, generation = self._wanted, None, self._generation
            self._train_once(wanted, generation)

    def _train_once(self, wanted: dict, generation: int) -> None:
        with self._condition:
            self._drop_short_run()
            number = self.runs[-1].number + 1 if self.runs else 1
            earlier = self.runs[-EARLIER_RUNS:]
            colour = min(set(range(EARLIER_RUNS + 1)) - {run.colour for run in earlier})
            trace = Trace(number, wanted["values"], wanted["seed"], wanted["steps"], colour)
            self.runs = [*earlier, trace]
            self.error = None
        self._publish_past()
        self._say(_("waiting for another lab to pause") if is_taken() else _("starting"))
        report = _Report(self, trace, generation)
        p = SimpleNamespace(**wanted["values"], seed=wanted["seed"], steps=wanted["steps"])
        try:
            with report.turn:
                report.began = time.perf_counter()
                self._train(p, report)
            if not trace.columns:
                raise LabError(_("train ended without a report. Call report(step, train_loss=...) at each step."))
            trace.state = "finished"
            with self._condition:       # not at the start: a run that is left must not cost the one it repeats
                self.runs = [run for run in self.runs if not trace.repeats(run)]
            self._publish_past()
        except _Left:
            trace.state = "superseded"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a learner's function may raise anything; wait() raises it again
            trace.state = "failed"
            with self._condition:
                self.error = error
        if trace.state != "superseded":
            self.refresh(trace)

    def _drop_short_run(self) -> None:
        """A run that was left almost at once, in the middle of a drag, is not worth comparing with."""
        if self.runs and self.runs[-1].state == "superseded" and self.runs[-1].last_step < 0.05 * self.runs[-1].steps:
            self.runs = self.runs[:-1]

    # --- what the page is sent ---

    def refresh(self, trace: Trace) -> None:
        """Send the run as it stands, and renew the still copy."""
        self.publish(trace)
        if self._still is not None:
            runs = self.runs
            finished = " · ".join(f"{in_words(name)} {trace.last(name):.3f}" for name in trace.columns)
            self._still.show(still_picture(runs, self._legends(runs), self.title), alt=f"{self.title}: {finished}")

    def publish(self, trace: Trace) -> None:
        """Send the run in hand to the page."""
        self._published = time.perf_counter()
        speed = trace.last_step / trace.seconds if trace.seconds else 0.0
        parts = [{"training": _("training"), "paused": _("paused"), "finished": _("finished"),
                  "failed": _("failed"), "superseded": _("superseded")}[trace.state],
                 _("step {step} of {steps}").format(step=trace.last_step, steps=trace.steps),
                 _("{speed:,.0f} steps/s").format(speed=speed)]
        if trace.state == "paused" and trace.goal_reached:
            parts[0] = _("paused, goal reached")
        if trace.state == "training":
            if speed:
                parts.append(_("{seconds:.0f} s left").format(
                    seconds=max(0, trace.steps - trace.last_step) / speed))
            if self._waited_for:        # only a cell that runs can be interrupted
                parts.append(_("the kernel's ■ stops it too"))
        parts.append(self._device)
        if self.error is not None:
            parts.append(f"{type(self.error).__name__}: {self.error}")
        summary = ", ".join([parts[0], parts[1], *(
            f"{in_words(name)} {trace.last(name):.3f}" for name in trace.columns)])
        self._say(" · ".join(parts), trace, summary)

    def _say(self, status: str, trace: Trace | None = None, summary: str = "") -> None:
        self.status = status
        trace = trace or self.runs[-1]
        self.curve.publish(trace, self._legends(self.runs)[-1], status, summary or status, self.goal)

    def _publish_past(self) -> None:
        runs = self.runs
        self.curve.publish_past(runs[:-1], self._legends(runs)[:-1])

    def _legends(self, runs: list[Trace]) -> list[str]:
        return legends(runs, {name: partial(control.say, name) for name, control in self._controls.items()})


class _Report:
    """The function that `train` calls at each step: it writes, publishes, pauses, and leaves."""

    def __init__(self, lab: LiveLab, trace: Trace, generation: int):
        self._lab, self._trace, self._generation = lab, trace, generation
        self.began = 0.0
        self.turn = Turn(lab, trace.seed)

    def __call__(self, step, **values) -> None:
        lab, trace = self._lab, self._trace
        self._leave_if_superseded()
        now = time.perf_counter()
        trace.seconds += now - self.began
        self.began = now
        trace.add(getattr(step, "index", step), values)
        if self._reached_goal(values):
            with lab._condition:        # a slider moved just now keeps its new run from being paused
                lab._paused = lab._paused or self._generation == lab._generation
        if lab._paused:
            self._pause()
        elif now - lab._published > PUBLISH_EVERY:
            lab.publish(trace)

    def _leave_if_superseded(self) -> None:
        if self._generation != self._lab._generation:
            raise _Left

    def _reached_goal(self, values: dict) -> bool:
        """A loss reaches its goal from above, everything else from below; each run pauses there once."""
        def reached(name, goal):
            value = values.get(name)
            return value is not None and (value <= goal if quantity(name) == "loss" else value >= goal)
        if any(reached(name, goal) for name, goal in self._lab.goal.items()) and not self._trace.goal_reached:
            self._trace.goal_reached = True
            return True
        return False

    def _pause(self) -> None:
        lab, trace = self._lab, self._trace
        trace.state = "paused"
        self.turn.__exit__()
        try:
            lab.refresh(trace)
            with lab._condition:
                lab._resting = True
                lab._condition.notify_all()
                lab._condition.wait_for(lambda: not lab._paused or self._generation != lab._generation)
                lab._resting = False
        finally:
            self.turn.__enter__()
        self._leave_if_superseded()
        trace.state = "training"
        self.began = time.perf_counter()
