"""What is measured, a function for each part of the report. Each returns its rows and the raw numbers."""
import contextlib
import functools
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from benchmarks import course, growth, kernel, loops, sequences
from benchmarks.report import Part, Row
from benchmarks.timing import Pace, Speed, alternate, ratios
from labkit.device import has_bf16

SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**6))"
IMPORTS = {"import torch": "import torch", "import labkit": "import torch, labkit",
           "first use": "import torch, labkit; labkit.Recipe, labkit.Run, labkit.LiveLab"}


@dataclass(frozen=True)
class Size:
    """How much is measured. `most_seconds` ends a run on a busy core that has become very slow.

    `apart` gives each contestant a process of its own, which takes a few seconds each.
    """
    rounds: int = 5
    images: int = loops.IMAGES
    busy_images: int = 3_200
    augmented_images: int = 4_800
    sequences: int = sequences.SEQUENCES
    most_seconds: float = 3.0
    lab_steps: tuple[tuple[str, int], ...] = (("DocumentCNN", 240), ("SmallCNN", 1_000))
    sheets: int = 20
    chapters: tuple[str, ...] = ()      # all
    growing: int = 5        # sizes of each quantity
    apart: bool = True
    pace_seconds: float = 1.0       # each, for products and copies


FULL = Size()
QUICK = Size(rounds=1, images=64, busy_images=64, augmented_images=64, sequences=64, most_seconds=1.0,
             lab_steps=(("DocumentCNN", 3), ("SmallCNN", 3)), sheets=2, chapters=("09",), growing=3, apart=False,
             pace_seconds=0.01)


@functools.cache
def _process(name: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def measure(name: str, batch_size: int, images: int, size: Size, most_seconds: float = math.inf) -> Speed:
    """`loops.measure` in the contestant's own process: what it does to threads or memory reaches no other."""
    process = _process(name if size.apart else "all")
    return process.submit(loops.measure, name, batch_size, images, most_seconds).result()


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy with another process, which ends by itself if this one dies."""
    with subprocess.Popen([sys.executable, "-c", SPIN]) as child:
        try:
            time.sleep(0.3)
            yield
        finally:
            child.kill()


def _speeds(results: list[Speed]) -> list[float]:
    return [result.images_per_second for result in results]


def _threads(results: list[Speed]) -> str:
    return "threads: " + ", ".join(str(count) for count in sorted({result.threads for result in results}))


def training(size: Size) -> tuple[Part, dict]:
    """`Run` against the floor, the tutorial loop and a tuned one, at both batch sizes."""
    meanings = {
        "floor": "forward and backward on one fixed batch, channels last; no data, no optimizer",
        "floor, memory kept": "the same where freed memory stays with the process (labkit/memory.py, as in Run)",
        "Run": "labkit.Run: data, fused Adam, history, its own choice of threads",
        "tutorial loop": "TensorDataset, DataLoader(shuffle=True), Adam, loss.item(), ReLU before pooling",
        "tuned loop": "float images in memory, channels last, fused Adam, index batches; no history",
        "Run, bf16": "labkit.Run with precision bf16"}
    half = has_bf16(torch.device("cpu"))
    if not half:        # imitated, a step takes many times as long
        del meanings["Run, bf16"]
    goals = {32: {"floor": 0.90, "floor, memory kept": 0.90, "tutorial loop": 1.15},
             128: {"floor": 0.95, "floor, memory kept": 0.95, "tutorial loop": 1.30}}
    rows, raw = [], {}
    for batch_size, goal in goals.items():
        results = alternate({name: functools.partial(measure, name, batch_size, size.images, size)
                             for name in meanings}, size.rounds)
        raw[batch_size] = results
        at = f"batch {batch_size}"
        rows += [Row(f"{name}, {at}", _speeds(results[name]), "images/s", f"{meaning}; {_threads(results[name])}")
                 for name, meaning in meanings.items()]
        rows += [Row(f"Run / {name}, {at}", ratios(_speeds(results["Run"]), _speeds(results[name])), "×",
                     f"speed of Run against that of the {name}", goal.get(name))
                 for name in meanings if not name.startswith("Run")]
        if half:
            rows.append(Row(f"Run, bf16 / Run, {at}", ratios(_speeds(results["Run, bf16"]), _speeds(results["Run"])),
                            "×", "what half precision adds to Run on this processor"))
    return Part("The training loop", (
        f"The document's network on {size.images:,} images of 32×32×3 a round. Of `Run` everything counts after "
        f"the first steps, the validation after each epoch too, for which there are {loops.VALIDATION} images only. "
        "The first steps, in which `Run` chooses its threads, count for no contestant."
        + ("" if half else " This processor has no bf16, so half precision was not measured.")), rows), raw


def busy(size: Size) -> tuple[Part, dict]:
    """What is left of the speed when another process keeps one core busy."""
    names = {"Run": "its own choice of threads", "Run, one thread": "one thread", "Run, all threads": "all threads"}

    def quiet_speed(name: str) -> Speed:
        return measure(name, 32, size.busy_images, size, size.most_seconds)

    def busy_speed(name: str) -> Speed:
        with busy_core():
            return quiet_speed(name)

    for name in names:      # so that no process has its first moments on a busy core
        quiet_speed(name)
    results = alternate({f"{name}, {state}": functools.partial(speed_of, name) for name in names
                         for state, speed_of in (("quiet", quiet_speed), ("busy", busy_speed))}, size.rounds)
    quiet = _speeds(results["Run, quiet"])
    rows = [Row(name, _speeds(result), "images/s", _threads(result)) for name, result in results.items()]
    rows += [Row(f"{name}, busy / Run, quiet", ratios(_speeds(results[f"{name}, busy"]), quiet), "×",
                 f"the share of the quiet speed that is left with {text}", 0.70 if name == "Run" else None)
             for name, text in names.items()]
    alone = _speeds(results["Run, one thread, quiet"])
    rows += [Row("Run, busy / Run, one thread, quiet", ratios(_speeds(results["Run, busy"]), alone), "×",
                 "the share that is left of what one free core can do"),
             Row("Run, one thread, quiet / Run, quiet", ratios(alone, quiet), "×",
                 "what one free core can do at most: no choice of threads can keep more on two cores")]
    return Part("With one core kept busy", (
        f"`Run` on the document's network, batch 32, {size.busy_images:,} images or {size.most_seconds:g} s a round; "
        "the other process was started before the run."), rows), results


def in_kernel(size: Size) -> tuple[Part, dict]:
    """What the live lab costs, and how soon a sheet of the augmentation preview is there."""
    raw = kernel.measure(dict(size.lab_steps), size.rounds, size.sheets)
    rows = []
    for name, steps in size.lab_steps:
        seconds = raw["lab"][name]
        rows += [
            Row(f"Run.fit(), {name}", seconds["fit"], "s", f"{steps} steps of {kernel.BATCH_SIZE}, without a lab; "
                f"threads: {seconds['threads'][0]}"),
            Row(f"LiveLab, {name}", seconds["lab"], "s", "the same steps inside a lab, with a report at each"),
            Row(f"LiveLab / Run.fit(), {name}", ratios(seconds["lab"], seconds["fit"]), "×",
                "time of training in a lab against time without", 1.05, less_is_better=True),
            Row(f"LiveLab / bare loop, {name}", ratios(seconds["lab"], seconds["drain"]), "×",
                "the same against `for step in run: pass`, which draws no progress bar", less_is_better=True),
            Row(f"curve, {name}", seconds["packets a second"], "1/s", "how often the lab sent its curve"),
            Row(f"around training, {name}", seconds["show"], "s",
                "once a run: showing the widgets, the thread, and the still copy at the end")]
    milliseconds = [1000 * value for value in raw["sheet"]]
    rows += [Row("new sheet", milliseconds, "ms", "from set() to the new sheet, 24 images, 3 variants, all operations",
                 150, less_is_better=True),
             Row("worst new sheet", [max(milliseconds)], "ms", f"the slowest of {size.sheets}", 150,
                 less_is_better=True)]
    return Part("The live lab and the augmentation preview", (
        "Measured inside a Jupyter kernel, so that what widgets send is packed and sent; the page's own drawing is "
        "not in it. All contestants of a model have the same threads, chosen once."), rows), raw


def augmentation(size: Size) -> tuple[Part, dict]:
    """What augmentation adds to a training step."""
    names = ("Run", "Run with augmentation")
    results = alternate({name: functools.partial(measure, name, 32, size.augmented_images, size)
                         for name in names}, size.rounds)
    speeds = {name: _speeds(result) for name, result in results.items()}
    rows = [Row(f"step of {name}", [32_000 / speed for speed in speeds[name]], "ms", _threads(results[name]))
            for name in names]
    rows.append(Row("with / without", ratios(speeds["Run"], speeds["Run with augmentation"]), "×",
                    ", ".join(f"{name} {value}" for name, value in loops.AUGMENTATION.items()), less_is_better=True))
    return Part("A training step with augmentation", "The document's network, batch 32.", rows), results


def sequence(size: Size) -> tuple[Part, dict]:
    """Our Transformers in `Run` against their floor, and the same ones of torch's layers in a tutorial's loop."""
    meanings = {"Run": "labkit.models in labkit.Run, its own choice of threads",
                "floor": "the same networks, forward and backward on one fixed batch; no data, no optimizer",
                "torch's layers": "nn.TransformerEncoder, TensorDataset, DataLoader(shuffle=True), Adam, loss.item()"}

    def measured(model: str, loop: str) -> Speed:
        process = _process(f"{model}, {loop}" if size.apart else "all")
        return process.submit(sequences.measure, model, loop, size.sequences).result()

    rows, raw = [], {}
    for model in sequences.MODELS:
        raw[model] = results = alternate({loop: functools.partial(measured, model, loop) for loop in meanings},
                                         size.rounds)
        tokens = {loop: [sequences.LENGTH * value for value in _speeds(results[loop])] for loop in meanings}
        rows += [Row(f"{loop}, {model}", tokens[loop], "tokens/s", f"{meaning}; {_threads(results[loop])}")
                 for loop, meaning in meanings.items()]
        rows += [Row(f"Run / {loop}, {model}", ratios(tokens["Run"], tokens[loop]), "×",
                     f"speed of Run against that of {what}", goal)
                 for loop, what, goal in (("floor", "the floor", 0.93),
                                          ("torch's layers", "the tutorial's loop", 1.15))]
    return Part("Training a Transformer", (
        f"{sequences.LAYERS} layers of width {sequences.WIDTH} with {sequences.HEADS} heads, {sequences.WORDS} tokens "
        f"to know, batches of {sequences.BATCH_SIZE} rows of {sequences.LENGTH} tokens, {size.sequences:,} rows a "
        "round; the decoder predicts each next token, the encoder one of two classes. Run and the tutorial compute the "
        "same numbers from the same weights."), rows), raw


def imports(size: Size) -> tuple[Part, dict]:
    """What `import labkit` adds to `import torch`."""
    def seconds(statement: str) -> float:
        code = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"
        return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)

    if size.rounds > 1:
        seconds(IMPORTS["first use"])       # so that no round reads from a cold disk
    results = alternate({name: lambda statement=statement: seconds(statement)
                         for name, statement in IMPORTS.items()}, size.rounds)

    def added(name: str) -> list[float]:
        return [a - b for a, b in zip(results[name], results["import torch"], strict=True)]
    return Part("Importing", "Seconds in a fresh interpreter.", [
        Row("import torch", results["import torch"], "s", "torch alone"),
        Row("import labkit, added", added("import labkit"), "s", "`import torch, labkit` less `import torch`", 0.15,
            less_is_better=True),
        Row("first use, added", added("first use"), "s",
            "the same with `labkit.Recipe`, `Run` and `LiveLab` named, which loads what they need")]), results


def whole_course(size: Size) -> tuple[Part, dict]:
    """What a learner, an instructor and the notebooks' test wait for."""
    rows, raw = course.chapters(size.chapters)
    raw = {"chapters": raw, "all": course.all_chapters(size.chapters), "nbval": course.notebooks_test(size.chapters),
           "first curve": course.first_curve()}
    totals = [Row("all of them", [raw["all"]], "s", "what `make run` takes after set-up: as many at once as there are "
                  "cores", 300, less_is_better=True),
              Row("notebooks' test", [raw["nbval"]], "s", "nbval over them, two at a time", 360, less_is_better=True)]
    if raw["first curve"] is not None:
        totals.append(Row("first curve", [raw["first curve"]], "s", "from starting JupyterLab to a moving curve of "
                          "chapter 5, with Run All Cells", 20, less_is_better=True))
    return Part("The course", "Each chapter headless in its quick profile, once, with none beside it.",
                [*totals, *rows]), raw


def growing(size: Size) -> tuple[Part, dict]:
    """Seconds and memory against what grows."""
    rows, raw = [], {}
    for name, quantity in growth.QUANTITIES.items():
        raw[name] = points = [growth.measure(name, each) for each in quantity.sizes[:size.growing]]
        for what, shown, most in zip(("seconds", "memory"), (1, 1e6), quantity.most, strict=True):
            values = ", ".join(f"{getattr(point, what) / shown:.3g}" for point in points)
            rows.append(Row(f"{name}: {'seconds' if shown == 1 else 'MB'}",
                            [growth.exponent(points[-3], points[-1], what)], "exponent",
                            f"{values} at {', '.join(f'{point.size:,.0f}' for point in points)} {quantity.unit}; "
                            f"{quantity.because}", most, less_is_better=True))
    return Part("Growth", "Five sizes over two decades, a process for each, one thread. An exponent of 1 is a straight "
                "line, of 2 a square; it is that of the last decade.", rows), raw


def machine(paces: dict[str, Pace]) -> Part:
    """How fast the machine itself was at some moments, each with a name."""
    def row(what: str, unit: str, work: str) -> Row:
        values = [getattr(pace, what) for pace in paces.values()]
        listed = ", ".join(f"{value:.3g} {moment}" for moment, value in zip(paces, values, strict=True))
        return Row(what, values, unit, f"{work}: {listed}")
    return Part("The machine meanwhile", "Work in which labkit has no part, timed between the parts of this page. "
                "Where these values differ, something else used the machine, perhaps another guest of the same host.",
                [row("products", "GFLOP/s", "1,024 × 1,024 in float32, all cores"),
                 row("copies", "GB/s", "64 MiB of memory")])


PARTS = {"training": training, "lab": in_kernel, "busy": busy, "augmentation": augmentation,
         "sequence": sequence, "imports": imports, "growth": growing,
         "course": whole_course}
