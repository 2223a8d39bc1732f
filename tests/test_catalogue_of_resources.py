"""The catalogue of chapter 7 is whole, and says which row is not."""
import pandas
import pytest

from labkit.experiments import ch07
from labkit.resources import catalogue
from labkit.settings import SettingError

ROW = {"title": "A book", "authors": "Somebody", "kind": "book", "level": "beginner", "language": "English",
       "link": "https://example.org", "status": "confirmed", "source": "https://example.org/read",
       "checked_on": "2026-11-25", "note": ""}


def written(folder, *rows):
    path = folder / "resources.csv"
    pandas.DataFrame([{**ROW, **row} for row in rows]).to_csv(path, index=False)
    return path


def test_the_bundled_catalogue_holds_every_entry_of_the_document():
    table = catalogue.entries()
    assert 45 <= len(table) <= 70 and tuple(table.columns) == catalogue.COLUMNS
    assert set(table.kind) == set(catalogue.KINDS) and set(table.status) == set(catalogue.STATUSES)
    assert (table.language != "English").sum() >= 10
    named = catalogue.named_by_the_document()
    assert named.section.value_counts().to_dict() == {"7.1": 8, "7.2": 8, "7.3": 3}
    status = named.set_index("title").status
    assert status["Distill"] == status["Keras on TensorFlow and Theano"] == "out of date"
    assert status["《深度学习图模型》"] == "could not be confirmed"
    assert set(status[-3:]) == {"confirmed"}


@pytest.mark.parametrize("row", [{}, {"status": "could not be confirmed", "link": "", "source": "", "checked_on": "",
                                      "note": "not found"}])
def test_a_row_that_is_whole(tmp_path, row):
    assert len(catalogue.entries(written(tmp_path, row))) == 1


@pytest.mark.parametrize("column, value", [
    ("status", "fine"), ("status", ""), ("kind", "film"), ("level", "easy"), ("language", "Latin"), ("title", " "),
    ("authors", ""), ("link", "http://example.org"), ("link", ""), ("link", "example.org"), ("source", ""),
    ("source", "a colleague"), ("checked_on", ""), ("checked_on", "25.11.2026"), ("checked_on", "2026-13-01"),
    ("checked_on", "20261125"), ("checked_on", "1999-01-01")])
def test_a_wrong_value_is_refused_with_its_row(tmp_path, column, value):
    with pytest.raises(SettingError, match=f"{column} of row 3"):
        catalogue.entries(written(tmp_path, {}, {"title": "B", "link": "https://b.example", column: value}))


@pytest.mark.parametrize("status, column", [("out of date", "note"), ("could not be confirmed", "note"),
                                            ("out of date", "checked_on")])
def test_what_is_not_confirmed_says_why_and_what_is_old_says_when(tmp_path, status, column):
    with pytest.raises(SettingError, match=f"{column} of row 2"):
        catalogue.entries(written(tmp_path, {"status": status, "note": "closed", column: ""}))


@pytest.mark.parametrize("second", [{"link": "https://b.example"}, {"title": "B"}])
def test_the_same_entry_twice_is_refused(tmp_path, second):
    with pytest.raises(SettingError, match="of row 3 = .*one row for each"):
        catalogue.entries(written(tmp_path, {}, second))


def test_a_column_too_many_is_refused(tmp_path):
    with pytest.raises(SettingError, match="columns"):
        catalogue.entries(written(tmp_path, {"stars": 5}))


def test_find():
    assert len(catalogue.find()) == len(catalogue.entries())
    assert list(catalogue.find("KERAS chollet", kind="framework").status) == ["out of date"]
    assert set(catalogue.find(kind="book", language="Chinese").language) <= {"Chinese", "both"}
    assert "《动手学深度学习》" in set(catalogue.find("李沐", kind="book").title)
    nothing = catalogue.find("no such words (")
    assert nothing.empty and tuple(nothing.columns) == catalogue.COLUMNS
    with pytest.raises(SettingError, match="level = 'easy'"):
        catalogue.find(level="easy")


@pytest.mark.parametrize("goal", catalogue.PATHS)
def test_reading_paths_are_papers_in_order_up_to_a_level(goal):
    whole = catalogue.reading_path(goal)
    assert tuple(whole.title) == catalogue.PATHS[goal] and set(whole.kind) == {"paper"}
    easier = catalogue.reading_path(goal, "intermediate")
    assert list(easier.title) == list(whole.title[whole.level != "advanced"]) and len(easier) >= 1
    with pytest.raises(SettingError, match="goal = 'fame'"):
        catalogue.reading_path("fame")


def test_the_record_has_each_entry_once_and_the_frameworks_for_each_seed(monkeypatch):
    from labkit.claims import decide
    from labkit.resources import frameworks
    monkeypatch.setattr(frameworks, "measure", lambda seed: [{"part": "frameworks", "seed": seed, "lines": 9}])
    record = ch07.record(seeds=(0, 1, 2))
    parts = [run["part"] for run in record["runs"]]
    assert parts.count("catalogue") == 19 and parts.count("frameworks") == 3 and record["seeds"] == [0, 1, 2]
    assert all(len(data["sha256"]) == 64 for data in record["data"])
    record |= {"date": "2026-01-02", "machine": "a machine", "commit": "abc1234"}
    assert "Of 16 entries" in decide("C7.1", record).findings[0]
