"""docs/reliability.md names every test marked as a promise and no other, and says what docs/reliability.json holds."""
import ast
import json
from pathlib import Path

import promises
import reliability

TESTS = Path(__file__).parent


def promised() -> set[str]:
    """The tests that are marked `promise`."""
    return {f"{path.name}::{function.name}" for path in TESTS.glob("test_*.py")
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(function, ast.FunctionDef)
            and any(ast.unparse(decorator) == "pytest.mark.promise" for decorator in function.decorator_list)}


def test_each_promise_has_its_row_and_each_row_its_test():
    rows = [row["test"] for row in reliability.ROW.finditer(reliability.PAGE.read_text(encoding="utf-8"))]
    assert set(rows) == promised() and len(rows) == len(set(rows))


def test_the_page_says_what_was_measured_last():
    figures = json.loads(reliability.FIGURES.read_text(encoding="utf-8"))
    assert figures.keys() == promised()
    page = reliability.PAGE.read_text(encoding="utf-8")
    assert reliability.write(page, figures) == page


def test_a_figure_says_where_it_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(promises, "FOLDER", str(tmp_path / "new"))
    promises.keep("test_it.py::test_that", "200 kills", 61.44)
    found = reliability.collect(tmp_path / "new", {})["test_it.py::test_that"]
    assert found["measured"] == "200 kills" and found["seconds"] == 61.4
    assert found["commit"] and "cores" in found["machine"] and found["load"] >= 0


ROW = "| A run | `tests/test_it.py::test_that` | old |"


def test_a_row_is_written_from_the_figures():
    figures = {"test_it.py::test_that": {"measured": "200 kills", "date": "2026-12-01", "seconds": 61.4}}
    assert reliability.write(ROW, figures) == (
        "| A run | `tests/test_it.py::test_that` | 200 kills (2026-12-01, 61 s) |")
    assert "not run in full yet" in reliability.write(ROW, {})


def test_fresh_figures_replace_older_ones_and_leave_the_rest(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"a": {"measured": "new"}}))
    found = reliability.collect(tmp_path, {"a": {"measured": "old"}, "b": {"measured": "kept"}})
    assert found["a"]["measured"] == "new" and found["b"] == {"measured": "kept"}
