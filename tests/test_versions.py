"""The command that tries the oldest and the newest versions: what it asks for, and what it writes."""
import sys

import pytest
import versions

FOUND = {"doctor": True, "chapters": 10, "chapters_passed": 10, "tests": 9, "tests_passed": 8}
PINS = dict.fromkeys(versions.SHOWN, "1.0")
RULER = "|---" * versions.HEAD.count(" | ") + "|---|"


def test_a_report_is_counted_without_what_was_skipped(tmp_path):
    suite = '<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2"/></testsuites>'
    (tmp_path / "tests.xml").write_text(suite)
    assert versions.counted(tmp_path / "tests.xml") == {"tests": 7, "tests_passed": 5}


@pytest.mark.parametrize("change, well", [
    ({"tests_passed": 9}, True), ({}, False), ({"tests_passed": 9, "chapters_passed": 9}, False),
    ({"tests_passed": 9, "doctor": False}, False)])
def test_all_must_pass(change, well):
    assert versions.well({**FOUND, **change}) is well


def test_a_row_takes_the_place_of_the_one_before_it():
    page = f"above\n\n{versions.HEAD}\n{RULER}\n\nbelow\n"
    rows = [versions.row(which, python, PINS, FOUND) for which, python in
            (("oldest", "3.11.7"), ("locked", "3.12.1"), ("locked", "3.13.0"), ("oldest", "3.11.9"))]
    for line in rows:
        page = versions.recorded(page, line)
    assert page == "\n".join(["above", "", versions.HEAD, RULER, *rows[1:], "", "below", ""])
    assert rows[0].count("|") == versions.HEAD.count("|") and "| 10 of 10 | 8 of 9 |" in rows[0]


def test_a_page_without_the_table_is_named():
    with pytest.raises(SystemExit, match="no table"):
        versions.recorded("nothing\n", versions.row("newest", "3.13.0", PINS, FOUND))


@pytest.mark.parametrize("which, asked", [
    ("locked", [["-r", "requirements.lock"], ["--no-deps", "--no-build-isolation", "-e", "."]]),
    ("newest", [["--upgrade", "--upgrade-strategy", "eager", "-e", versions.WANTED, "torch==2.13.0"]]),
    ("oldest", [["uv>=0.9"], ["-e", versions.WANTED, "--constraint", "{pins}"]])])
def test_what_is_installed(tmp_path, monkeypatch, which, asked):
    called = []
    monkeypatch.setattr(versions, "index_options", list)
    monkeypatch.setattr(versions.subprocess, "run", lambda command, **options: called.append(command))
    versions.install(which, sys.executable, tmp_path, ["torch==2.13.0"])
    pins = str(tmp_path / "oldest.txt")
    pip = [command[command.index("install") + 3:] for command in called if "install" in command]
    assert pip == [[word.format(pins=pins) for word in words] for words in asked]
    if which == "oldest":       # every range of pyproject.toml at its lower bound
        assert called[1][2:6] == ["uv", "pip", "compile", "--quiet"] and called[1][-2:] == ["--output-file", pins]
        assert {"lowest-direct", "--all-extras"} < set(called[1])


def test_every_extra_is_installed():
    import tomllib
    extras = tomllib.loads((versions.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f".[{','.join(sorted(extras['optional-dependencies']))}]" == versions.WANTED
