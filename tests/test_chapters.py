"""The notebooks keep to their frame, their solutions pass their checks, and the document's map is true."""
import csv
import json
import re
import statistics
import sys
from pathlib import Path

import limits
import nbformat
import pytest

import labkit as lk
from labkit import headless
from labkit.settings import SettingError, chapters_folder

NOTEBOOKS = sorted(chapters_folder().glob("*.ipynb"))
chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def tagged(notebook, tag: str) -> list:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def code_of(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@chapter
def test_frame(path):
    notebook = nbformat.read(path, as_version=4)
    code = code_of(notebook)
    lines = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code]
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    words = len(re.findall(r"[A-Za-z][A-Za-z'’-]+", re.sub(r"\]\([^)]*\)", "]", "\n".join(text))))   # no addresses
    assert 40 <= len(notebook.cells) <= 90
    assert 0.9 <= len(text) / len(code) <= 2.2
    assert statistics.median(lines) <= 6 and max(lines) <= 25
    assert 1500 <= words <= 3500
    assert len(tagged(notebook, "exercise")) >= 3
    assert len(tagged(notebook, "parameters")) == 1
    assert path.stat().st_size < 1_000_000
    nbformat.validate(notebook)


@chapter
def test_stored_as_executed(path):
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in code_of(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run every cell once, in order: make notebooks"
    assert not [cell.id for cell in code_of(notebook) for output in cell.outputs if output.output_type == "error"]
    assert "widgets" not in notebook.metadata
    assert not re.search(r"/(root|home|work|Users|tmp)/", path.read_text(encoding="utf-8"))


@chapter
def test_a_figure_is_a_picture_too(path):
    for cell in code_of(nbformat.read(path, as_version=4)):
        for output in cell.outputs:
            if "application/vnd.plotly.v1+json" in output.get("data", {}):
                assert "image/png" in output.data, f"{cell.id} is blank on GitHub"


@chapter
def test_an_output_that_is_not_compared_is_asserted(path):
    cells = nbformat.read(path, as_version=4).cells
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            near = cell.source + (following.source if following and following.cell_type == "code" else "")
            assert re.search(r"^\s*(assert|lk\.check)\b", near, re.M), cell.id


@chapter
def test_solutions_pass_the_checks(path, monkeypatch, capsys):
    """Each exercise has a solution under another name, and its check accepts it."""
    monkeypatch.setenv("LABKIT_GRADING", "1")
    notebook = nbformat.read(path, as_version=4)
    checks = getattr(lk.check, f"ch{path.stem[:2]}")
    names = {"lk": lk}
    exec("import math\nimport torch\nimport torch.nn.functional as F", names)
    for exercise, solution in zip(tagged(notebook, "exercise"), tagged(notebook, "solution"), strict=True):
        name = re.search(r"lk\.check\.ch\d\d\.(\w+)\((\w+)\)\s*$", exercise.source)
        assert name and name[1] == name[2], "the check is the last line, and takes the learner's own function"
        exec(solution.source, names)
        getattr(checks, name[1])(names[f"solution_{name[1]}"])
        assert "correct" in capsys.readouterr().out


@chapter
def test_runs_with_other_parameters(path, tmp_path, left_on_binder):
    """As an instructor runs it: another seed, from another folder, in what Binder has left beside JupyterLab."""
    done = limits.run([sys.executable, "-m", "labkit.cli", "run", path.stem, "-p", "seed", "11",
                       "--out", str(tmp_path / "out")], left_on_binder)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert [chapter["result"] for chapter in summary["chapters"]] == ["passed"]
    assert summary["chapters"][0]["peak_memory"] < left_on_binder


@chapter
def test_a_parameter_of_the_wrong_type_runs_nothing(path, tmp_path):
    for given in ([("seed", "one")], [("sead", "1")], [("profile", "fast")]):
        with pytest.raises(SettingError, match=f"{given[0][0]}"):
            headless.run([path.stem], given=given, out=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


@chapter
def test_document_map(path):
    """Each heading of the document that the map has for this chapter is a heading here, and its cells exist."""
    with open(chapters_folder() / "document_map.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["chapter"] == path.stem[:2]]
    notebook = nbformat.read(path, as_version=4)
    headings = re.findall(r"^## (\d+\.\d+ )?.*· (.+)$", "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"), re.M)
    assert [number + name for number, name in headings] == list(dict.fromkeys(row["heading"] for row in rows))
    ids = {cell.id for cell in notebook.cells}
    assert not [row["cell"] for row in rows if row["cell"] and row["cell"] not in ids]
    assert all(row["cell"] or row["reason"] for row in rows)


@chapter
def test_recorded_runs_decide_the_claims(path):
    """Verdicts rest on at least three seeds, with what is needed to run them again."""
    if not any(claim.startswith(f"C{int(path.stem[:2])}.") for claim in lk.claims.known()):
        pytest.skip("no claim of the document belongs to this chapter")
    record = lk.claims.recorded(path.stem[:2])
    assert len(record["seeds"]) >= 3
    assert all(record[name] for name in ("date", "commit", "machine", "versions"))
    assert all(data["sha256"] for data in (record["data"] if isinstance(record["data"], list) else [record["data"]]))
    for claim in lk.claims.known():
        if claim.startswith(f"C{int(path.stem[:2])}."):
            judgement = lk.claims.decide(claim, record)
            assert judgement.verdict in lk.claims.VERDICTS and judgement.findings


PAGES = [*NOTEBOOKS, *(chapters_folder() / "zh").glob("*.md"), *chapters_folder().parent.glob("README*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in nbformat.read(page, as_version=4).cells)
    links = [link for link in re.findall(r"\]\(([^)\s#]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]


def test_there_is_a_chapter():
    assert [Path(path).stem for path in NOTEBOOKS]
