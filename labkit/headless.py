"""Chapters without a browser: what `labkit run` does.

papermill executes each notebook with this very Python. What a chapter took and what it judged is in
summary.json, written anew after each chapter, so that a run which is broken off has it too.
"""
import ast
import asyncio
import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import papermill
import psutil
import traitlets
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from papermill.execute import ERROR_MARKER_TAG
from traitlets.config import Config

from labkit import settings
from labkit.language import _
from labkit.reported import reported
from labkit.settings import choose, refuse

CHECKS = {"seed": settings.seed, "price_per_hour": settings.price}      # of what several chapters have


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the Python that runs this, whatever `python3` kernels the user has installed.

    ipykernel passes on to the notebook what a cell writes to stderr; the rest, such as its protest at being
    interrupted, is dropped. `environment` is added to the variables of the kernel.
    """
    environment = traitlets.Dict().tag(config=True)

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    async def start_kernel(self, **options) -> None:
        environment = {**options.pop("env", os.environ), **self.environment}
        await super().start_kernel(stderr=subprocess.DEVNULL, env=environment, **options)


class ThisPythonAlone(ThisPython):
    """The same where one notebook runs at a time, so that all that waits in the process waits for its cell."""

    async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """Of a run that is broken off, what still waits for the cell is called back before the kernel is gone.

        It would call that a failure of the cell, in a traceback on stderr.
        """
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await super().shutdown_kernel(now=now, restart=restart)


@dataclass
class Result:
    """How one chapter went. Peak memory is the kernel's with its children, in bytes, sampled 5 times a second."""
    chapter: str
    result: str                     # passed, failed or interrupted
    seconds: float
    peak_memory: int
    claims: dict[str, int]          # verdict -> how many claims got it
    notebook: str                   # the executed notebook, up to where it stopped
    error: dict | None = None       # cell (position from 1), id, name, message
    reported: dict[str, float] = field(default_factory=dict)    # what the chapter gave to lk.report


def find(names: Sequence[str] = (), folder: Path | None = None) -> list[Path]:
    """The notebooks of `folder` (default: chapters/) by number (`05`, `5`) or name (`05_project`); all for none.

    Raises `SettingError` for a name that no notebook has.
    """
    folder = folder or settings.chapters_folder()
    notebooks = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not notebooks:
        raise refuse("chapters", str(folder), _("a folder with notebooks"))
    numbers = {stem.split("_")[0].lstrip("0"): stem for stem in notebooks}
    chosen = [numbers.get(name.lstrip("0"), name.removesuffix(".ipynb")) for name in names]
    for name in chosen:
        choose("chapter", name, notebooks)
    return [notebooks[name] for name in dict.fromkeys(chosen or notebooks)]


def parameters(notebook: Path) -> dict[str, object]:
    """Names and default values in the cell tagged `parameters`; empty where there is none."""
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (ValueError, nbformat.ValidationError) as error:
        raise refuse("chapter", notebook.stem, _("a readable notebook"), str(error)) from error
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            return {statement.targets[0].id: ast.literal_eval(statement.value)
                    for statement in ast.parse(cell.source).body if isinstance(statement, ast.Assign)}
    return {}


def convert(name: str, text: str, default: object) -> object:
    """`text` as a value of the type that `default` has. Raises `SettingError` where it is not one."""
    advice = _("The default is {default}.").format(default=repr(default))
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        return choose(name, text.lower(), ("true", "false")) == "true"
    if isinstance(default, int | float):
        allowed = _("a whole number") if isinstance(default, int) else _("a finite number")
        try:
            number = type(default)(text)
        except ValueError:
            raise refuse(name, text, allowed, advice) from None
        if not math.isfinite(number):
            raise refuse(name, text, allowed, advice)
        return number
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise refuse(name, text, _("a Python literal"), advice) from None
    if default is not None and type(value) is not type(default):
        raise refuse(name, text, _("a literal of type {kind}").format(kind=type(default).__name__), advice)
    return value


def plan(notebooks: Iterable[Path], profile: str, given: Iterable[tuple[str, str]]) -> dict[Path, dict]:
    """The parameters of each notebook, all of them checked before anything runs.

    Raises `SettingError` for an unknown profile, a name that a chosen chapter lacks, a value of the wrong type, and
    one that CHECKS refuse.
    """
    texts = {"profile": profile, **dict(given)}
    choose("profile", texts["profile"], settings.PROFILES)
    planned = {}
    for notebook in notebooks:
        defaults = parameters(notebook)
        for name in texts:
            if name not in defaults:
                raise refuse("parameter", name, ", ".join(defaults) or _("none"),
                             _("Those are the parameters of {chapter}.").format(chapter=notebook.stem))
        planned[notebook] = {name: convert(name, text, defaults[name]) for name, text in texts.items()}
        for name in texts.keys() & CHECKS.keys():
            CHECKS[name](planned[notebook][name])
    return planned


@contextlib.contextmanager
def _peak_memory(every: float = 0.2) -> Iterator[list[int]]:
    """Yield a list whose one number is the most bytes that this process's new children have held together."""
    peak, done = [0], threading.Event()
    others = set(psutil.Process().children(recursive=True))     # what the caller had started before

    def held(process: psutil.Process) -> int:
        try:
            return process.memory_info().rss
        except psutil.NoSuchProcess:        # it ended between being listed and being asked
            return 0

    def sample():
        while not done.wait(every):
            peak[0] = max(peak[0], sum(map(held, {*psutil.Process().children(recursive=True)} - others)))
    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def verdicts(notebook: Path) -> dict[str, int]:
    """How many claims got each verdict, from the metadata of the outputs that show them."""
    if not notebook.exists():
        return {}
    cells = nbformat.read(notebook, as_version=4).cells
    shown = [output.metadata.labkit for cell in cells for output in cell.get("outputs", [])
             if "verdict" in output.get("metadata", {}).get("labkit", {})]
    return dict(Counter({claim.claim: claim.verdict for claim in shown}.values()))


def _literal(path: Path) -> str:
    """papermill formats the paths that it is given with the parameters; braces in a folder's name are not meant."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _mark(notebook: Path, at: dict) -> None:
    """Let a notebook that was broken off say so on top, as papermill does where a cell has failed."""
    if at and notebook.exists():
        contents = nbformat.read(notebook, as_version=4)
        text = _("**This run was broken off in cell {cell} (id {id}). The cells below it were not run.**").format(**at)
        contents.cells.insert(0, nbformat.v4.new_markdown_cell(text, metadata={"tags": [ERROR_MARKER_TAG]}))
        nbformat.write(contents, notebook)


def execute(notebook: Path, output: Path, values: dict, title: str = "",
            environment: dict[str, str] | None = None) -> Result:
    """Execute one notebook in its own folder, as JupyterLab does, and write it to `output` cell by cell.

    A terminal gets a bar that has `title`, and none without one. `environment` is added to the kernel's variables.
    """
    error, result, at = None, "passed", {}

    def remember(cell, cell_index):
        if "injected-parameters" not in cell.metadata.get("tags", []):
            at.update(cell=at.get("cell", 0) + 1, id=cell.get("id", ""))

    start = time.monotonic()
    with _peak_memory() as peak:
        try:
            papermill.execute_notebook(
                _literal(notebook), _literal(output), values, kernel_name="python3", language="python",
                cwd=notebook.parent.resolve(), kernel_manager_class=ThisPythonAlone, on_cell_start=remember,
                config=Config(ThisPython={"environment": environment or {}}),
                progress_bar={"desc": title, "leave": False, "disable": None if title else True})
        except papermill.PapermillExecutionError as stopped:
            result, error = "failed", {**at, "name": stopped.ename, "message": stopped.evalue}
        except RuntimeError as stopped:     # the kernel did not start, or died
            result, error = "failed", {**at, "name": type(stopped).__name__, "message": str(stopped)}
        except KeyboardInterrupt:
            result, error = "interrupted", {**at, "name": "KeyboardInterrupt", "message": ""}
            _mark(output, at)
    return Result(notebook.stem, result, round(time.monotonic() - start, 1), peak[0], verdicts(output),
                  str(output), error, reported(output))


@contextlib.contextmanager
def termination_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that either leaves the partial notebook and the summary."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def write_summary(path: Path, profile: str, given: dict, **contents) -> None:
    """Replace the JSON at `path`: when, on what and with which values, then `contents`."""
    summary = {
        "written": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "profile": profile, "parameters": given,
        "python": platform.python_version(), "platform": platform.platform(),
        "versions": {name: importlib.metadata.version(name) for name in ("labkit", "torch", "papermill")},
        **contents,
    }
    fresh = path.with_name(f"{path.name}.part")
    fresh.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def spoken(result: str) -> str:
    """How a run went, in the learner's language."""
    return {"passed": _("passed"), "failed": _("failed"), "interrupted": _("interrupted")}[result]


def explain(result: Result) -> str:
    """What stopped a chapter, where, and where to look; empty for one that passed."""
    if result.error is None:
        return ""
    where = _("{chapter}: {result} in cell {cell} (id {id})") if "cell" in result.error else "{chapter}: {result}"
    lines = [where.format(chapter=result.chapter, result=spoken(result.result), **result.error)]
    if result.result == "failed":
        lines.append(f"  {result.error['name']}: {result.error['message']}")
    lines.append(_("  The notebook up to there: {path}").format(path=result.notebook))
    return "\n".join(lines)


def table(results: Sequence[Result]) -> str:
    """Chapter, seconds, peak memory, claims by verdict, result: one line a chapter."""
    rows = [(_("chapter"), _("seconds"), _("peak memory"), _("claims"), _("result"))]
    for result in results:
        claims = ", ".join(f"{count} {_(verdict)}" for verdict, count in result.claims.items())
        rows.append((result.chapter, f"{result.seconds:.1f}", f"{result.peak_memory / 1e6:.0f} MB",
                     claims or "-", spoken(result.result)))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines whose columns begin below one another."""
    def width(text: str) -> int:            # a Chinese character takes two columns of a terminal
        return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    padded = [[text + " " * (wide - width(text)) for text, wide in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)


def out_folder(out: str | Path | None, kind: str) -> Path:
    """`out` in full, or build/`kind`/<time>/ of the checkout. It is not created here."""
    if out is None:
        out = settings.chapters_folder().parent / "build" / kind / time.strftime("%Y%m%d-%H%M%S")
    return Path(out).expanduser().resolve()


def _make(out: Path) -> None:
    """Make the folder `out`, or see that it can be written to. Raises `SettingError` where it cannot."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise refuse("--out", str(out), _("a folder that can be written"), error.strerror or "") from error


def run(names: Sequence[str] = (), profile: str = "quick", given: Sequence[tuple[str, str]] = (),
        out: str | Path | None = None, folder: Path | None = None) -> int:
    """Execute chapters one after the other, print how each went, and return the exit code.

    `names` are those of `find`, `given` pairs of parameter and text; what is wrong with them is refused
    (`SettingError`) before anything runs. Executed notebooks and summary.json go to `out`, by default
    build/runs/<time>/ of the checkout. A chapter that fails does not keep the others from running.
    Returns 0 if all passed, 1 if one failed, 130 if the run was interrupted.
    """
    planned = plan(find(names, folder), profile, given)
    out = out_folder(out, "runs")
    if out in {notebook.parent.resolve() for notebook in planned} or (out.exists() and not out.is_dir()):
        raise refuse("--out", str(out), _("a folder that is not the chapters' own"))
    _make(out)
    results: list[Result] = []
    with termination_interrupts():
        for number, (notebook, values) in enumerate(planned.items(), start=1):
            title = f"{number}/{len(planned)} {notebook.stem}"
            if not sys.stderr.isatty():     # where no progress bar can be drawn, a line says what is going on
                print(title, flush=True)
            results.append(execute(notebook, out / notebook.name, values, title))
            write_summary(out / "summary.json", profile, dict(given), chapters=list(map(dataclasses.asdict, results)))
            if results[-1].error is not None:
                print(explain(results[-1]), flush=True)
            if results[-1].result == "interrupted":
                break
    print(f"\n{table(results)}\n\n" + _("Executed notebooks and summary.json: {folder}").format(folder=out))
    outcomes = {result.result for result in results}
    return 130 if "interrupted" in outcomes else 1 if "failed" in outcomes else 0
