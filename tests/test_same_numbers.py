"""The same seed on the same machine gives the same numbers, in another process and in another order of chapters."""
import itertools
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from promises import size

from labkit import headless

ALL = [path.stem for path in headless.find()]
RATE = re.compile(r"[\d.,]+ ?(?:examples/s|images/s|GFLOP/s|GB/s|ms|µs|s)\b")      # what a cell says beside its numbers
TIMED = {       # cells whose figures, tables or still copies are made of times, of prices of that time, of free memory
    "01_background": {"years", "batches", "roofline"},
    "02_core_concepts": {"seconds", "fresh", "latency", "costs", "hardware", "product-explorer"},
    "03_algorithms": {"parallel"}, "04_mathematics": {"measured"},
    "05_project": {"doctor", "measured-speed", "price"}, "06_applications": {"pictures-product", "impact-live"},
    "07_tools_and_resources": {"labs-compare"},
    "08_trends_and_challenges": {"ensembles-explore", "distributed-run", "distributed-thousand", "energy-epoch",
                                 "energy-explorer", "compression-table"},
    "09_faq": {"compute-machine"}, "10_further_reading": set()}
VIEW = "application/vnd.jupyter.widget-view+json"       # the number of a widget, drawn anew in each kernel


def shown(notebook: Path) -> dict[str, list]:
    """What each cell shows, by its id: all of it but speeds and the numbers of widgets.

    What is printed arrives in one piece or in several, as the kernel's clock has it; here it is one.
    """
    def joined(outputs):
        for name, group in itertools.groupby(outputs, lambda output: output.get("name")):
            group = list(group)
            yield from group if name is None else [{"name": name, "text": "".join(each["text"] for each in group)}]

    def plain(output):
        kept = {kind: value for kind, value in output.get("data", {}).items() if kind != VIEW}
        text = json.dumps([output.get("name"), output.get("text"), kept], sort_keys=True, ensure_ascii=False)
        return RATE.sub("(speed)", text)
    cells = nbformat.read(notebook, as_version=4).cells
    return {cell.id: [plain(output) for output in joined(cell.outputs)] for cell in cells
            if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])}


def unlike(one: Path, other: Path) -> set[str]:
    """The cells of two executed notebooks that do not show the same."""
    first, second = shown(one), shown(other)
    assert first.keys() == second.keys()
    return {cell for cell in first if first[cell] != second[cell]}


def executed(chapters: list[str], folder: Path) -> dict[str, str]:
    """Execute chapters one after the other, each in a process of its own; how each went."""
    for chapter in chapters:
        subprocess.run([sys.executable, "-m", "labkit.cli", "run", chapter, "--out", str(folder / chapter)],
                       env={**os.environ, "LABKIT_THREADS": ""}, capture_output=True)
    summaries = {chapter: (folder / chapter / "summary.json").read_text(encoding="utf-8") for chapter in chapters}
    return {chapter: json.loads(text)["chapters"][0]["result"] for chapter, text in summaries.items()}


@pytest.mark.promise
def test_the_same_seed_gives_the_same_numbers_in_another_process_and_order(tmp_path, measured):
    """Both go on at once, in one cache and one state. In small it is one chapter, in two processes."""
    chapters = size(["09_faq"], ALL)
    with ThreadPoolExecutor(2) as pool:
        went = list(pool.map(executed, (chapters, chapters[::-1]), (tmp_path / "there", tmp_path / "back")))
    assert went == [dict.fromkeys(order, "passed") for order in (chapters, chapters[::-1])]
    pairs = {name: [tmp_path / way / name / f"{name}.ipynb" for way in ("there", "back")] for name in chapters}
    found = {name: unlike(*pair) for name, pair in pairs.items()}
    assert {name: cells - TIMED[name] for name, cells in found.items()} == dict.fromkeys(chapters, set())
    other, timed = sum(map(len, found.values())), sum(len(TIMED[name]) for name in chapters)
    assert other > timed / 2, "the list of cells that show times has some that do not"
    alike = sum(len(shown(one)) for one, _other in pairs.values()) - other
    measured(f"{len(chapters)} chapters executed twice: {alike} cells showed the same, {other} showed other times")


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_compared_is_not_compared_with_what_is_stored_either(name):
    cells = nbformat.read(headless.find([name])[0], as_version=4).cells
    free = {cell.id for cell in cells if "nbval-ignore-output" in cell.metadata.get("tags", [])}
    assert TIMED[name] <= free
