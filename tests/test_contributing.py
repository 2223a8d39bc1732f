"""What contributors are told holds: pages name what is here, commits and CI share their checks, licences travel."""
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import catalogue
import citation
import commands
import environments
import lint
import lock
import nbformat
import notebooks
import pytest
import stored_chapters
import yaml
from babel.messages.catalog import Catalog
from pre_commit.clientlib import load_config

import labkit
from labkit import translate
from labkit.settings import chapters_folder

ROOT = commands.ROOT
PAGES = {path.name: path.read_text(encoding="utf-8") for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
WALKS = ["Set up", "Add a chapter", "Add a claim", "Add an exercise", "Translate", "Release"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_only_what_is_here(name):
    lines, paths = commands.named_in(PAGES[name]), commands.paths_in(PAGES[name])
    if name == "instructors.md":        # its folders are those that its commands make
        paths = []
    assert name not in ("CONTRIBUTING.md", "README.md", "README.zh.md") or len(lines) > 15 < len(paths)
    assert {line: faults for line in lines if (faults := commands.unknown(line))} == {}
    assert [fault for path in paths for fault in commands.missing(path)] == []


@pytest.mark.parametrize("line, fault", [
    ("make fly", "make fly"), ("make run CHAPTER_LIST=05", "variable CHAPTER_LIST of make"),
    ("labkit sing", "labkit sing"), (r".venv\Scripts\labkit run --loud", "labkit run --loud"),
    ("python tools/no.py", "script tools/no.py"), (r".venv\Scripts\python tools\catalogue.py --dry",
                                                   "tools/catalogue.py --dry"),
    ("python -m no_such_module", "module no_such_module"), ('pip_is_no_program install', "program pip_is_no_program"),
    ('python -m pip install -e ".[dev,moon]"', "extra moon"), ("git add . && make fly", "make fly"),
    ("sudo make fly", "make fly"), ("python -m pytest tests/test_no.py", "path tests/test_no.py")])
def test_a_command_that_is_not_here_is_found(line, fault):
    assert commands.unknown(line) == [fault]


def test_a_path_that_is_not_here_is_found():
    assert commands.missing("chapters/NN_name.ipynb labkit/ build/runs tests/test_no.py READ.md") == [
        "path tests/test_no.py", "path READ.md"]


def test_walks_are_short_and_numbered():
    parts = re.split(r"^## (.+)\n", PAGES["CONTRIBUTING.md"], flags=re.MULTILINE)
    assert parts[1::2] == WALKS
    for walk in parts[2::2]:
        steps = [int(number) for number in re.findall(r"^(\d+)\. ", walk, re.MULTILINE)]
        assert steps == list(range(1, len(steps) + 1)) and 3 <= len(steps) <= 6


def test_the_cell_of_the_translators_example_exists():
    chapter, cell = re.search(r"--update (\d\d):([\w-]+)", PAGES["CONTRIBUTING.md"]).groups()
    assert cell in translate.english(next(chapters_folder().glob(f"{chapter}_*.ipynb")))


def test_hooks_run_what_is_installed_and_download_nothing():
    hooks = [hook for repository in load_config(str(lint.CONFIG))["repos"] for hook in repository["hooks"]]
    assert {repository["repo"] for repository in load_config(str(lint.CONFIG))["repos"]} == {"local"}
    assert all(hook["language"] in ("system", "unsupported") for hook in hooks), "two names for: what is installed"
    assert {(hook["always_run"], hook["pass_filenames"]) for hook in hooks} == {(True, False)}
    assert not any(hook["args"] or hook["additional_dependencies"] for hook in hooks)
    assert [hook["id"] for hook in hooks] == list(lint.hooks())
    assert {hook["id"]: faults for hook in hooks if (faults := commands.unknown(hook["entry"]))} == {}


def test_hooks_pass_on_this_checkout(tmp_path, capsys):
    """Those that read every chapter take 10 s: `make test` begins with them, and what they hold is tested here too."""
    hooks = load_config(str(lint.CONFIG))["repos"][0]["hooks"]
    quick = [hook for hook in hooks if hook["id"] not in ("chapters", "translation", "catalogue")]
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"repos": [{"hooks": quick}]}), encoding="utf-8")
    status = lint.main(config)
    said = capsys.readouterr().out
    assert status == 0, said
    assert said.endswith(f"{len(hooks) - 3} checks, all passed\n")


def test_one_failing_check_stops_no_other_and_is_named(tmp_path, capsys):
    entries = {"first": "no-such-program --now", "second": "python -c 'raise SystemExit(3)'",
               "third": "python -c 'print(1 + 1)'"}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"repos": [{"hooks": [{"id": name, "entry": entry}]}
                                                for name, entry in entries.items()]}))
    assert lint.main(config) == 1
    said = capsys.readouterr().out
    assert "there is no no-such-program here" in said and "\n2\n" in said
    assert said.endswith("3 checks, failed: first, second\n")


def test_what_is_wrong_with_a_stored_chapter_is_said(tmp_path, capsys):
    path = notebooks.write(tmp_path / "chapters" / "01_first.ipynb", "print(1)", "print(2)")
    assert stored_chapters.faults(path) == ["its cells were not run once each, in order"]
    notebook = nbformat.read(path, as_version=4)
    for count, cell in enumerate(notebook.cells[1:], start=1):
        cell.execution_count = count
    nbformat.write(notebook, path)
    assert stored_chapters.faults(path) == [] and stored_chapters.main(path.parent) == 0
    notebook.metadata["widgets"] = {}
    notebook.cells[2].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text=f"{'x' * 10 ** 6} {tmp_path}\n")]
    nbformat.write(notebook, path)
    assert stored_chapters.main(path.parent) == 1
    said = capsys.readouterr().out
    assert all(part in said for part in (
        "01_first: cell cell-3 ended with an error", "state of widgets", "1,000,000 at most", "a path of this machine"))


def test_lists_that_are_behind_are_named_and_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "binder").mkdir()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    assert environments.main(["--check"]) == 1
    assert capsys.readouterr().out.count("environment.yml is not what it is written from") == 2
    assert environments.main() == 0 == environments.main(["--check"])
    assert (tmp_path / "environment.yml").read_bytes() == (ROOT / "environment.yml").read_bytes()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace('"torch>=', '"torch>=1'), encoding="utf-8")
    assert environments.main(["--check"]) == 1


def test_ranges_that_the_lock_does_not_fit_are_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "requirements.lock").write_text("# made\nPandas==2.5.1\nruff==0.13.9\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["pandas>=2.2", "torch"]\noptional-dependencies = {dev = ["ruff>=0.14"]}')
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    assert lock.check() == 1
    assert capsys.readouterr().out == ("requirements.lock has nothing for torch: make lock\n"
                                       "requirements.lock has nothing for ruff>=0.14: make lock\n")


def test_messages_without_chinese_and_those_that_are_gone_are_named(monkeypatch, capsys):
    have = Catalog(locale="zh")
    for message, chinese in {"one": "一", "two": "", "gone": "去"}.items():
        have.add(message, chinese)
    monkeypatch.setattr(catalogue, "read", lambda: have)
    monkeypatch.setattr(catalogue, "messages", lambda: {"one": set(), "two": set(), "three": set()})
    assert catalogue.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "no translation yet: two", "no translation yet: three", "no longer shown: gone"]


def test_a_release_sets_the_version_once(tmp_path):
    assert tomllib.loads(PYPROJECT)["project"]["dynamic"] == ["version"]
    assert (ROOT / "CITATION.cff").read_text(encoding="utf-8") == citation.citation(
        PYPROJECT, CHANGELOG, labkit.__version__)
    with pytest.raises(SystemExit, match=r"no heading `## \[9\.1\.0\] - YEAR"):
        citation.citation(PYPROJECT, CHANGELOG, "9.1.0")
    heading = re.search(r"`(## .+?)`", PAGES["CONTRIBUTING.md"])[1]
    (version, date), = citation.released(heading).items()
    cited = yaml.safe_load(citation.citation(PYPROJECT, f"{heading}\n\n{CHANGELOG}", version))
    assert (cited["version"], str(cited["date-released"])) == (version, date)
    assert cited["repository-code"] == tomllib.loads(PYPROJECT)["project"]["urls"]["Source"]
    page, heading = cited["license-url"].split("#")
    assert page == cited["repository-code"] and f"\n## {heading.capitalize()}\n" in PAGES["README.md"]


def test_the_changelog_has_its_form():
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]" and headings[1].startswith(f"[{labkit.__version__}] - ")
    releases = citation.released(CHANGELOG)
    assert len(releases) == len(headings) - 1
    assert list(releases.values()) == sorted(releases.values(), reverse=True)
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= {
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    source = tomllib.loads(PYPROJECT)["project"]["urls"]["Source"]
    for name in ["Unreleased", *releases]:
        assert f"\n[{name}]: {source}/" in CHANGELOG


def test_the_licence_of_the_text_is_creative_commons_own():
    """The digest is that of the legal code as text, from creativecommons.org/licenses/by/4.0/legalcode.txt."""
    assert hashlib.sha256((ROOT / "LICENSE-text").read_bytes()).hexdigest() == (
        "fd3a263fe19ed8faa9068b43abaebafc02c77897b0c6fc09abc04bb592e5f16e")


def test_licences_and_authors_travel_with_labkit(tmp_path):
    """A wheel of everything that its description is made from; modules and data have no part in it."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-text", "labkit/__init__.py",
                 *(path.relative_to(ROOT) for path in ROOT.glob("labkit/data/bundled/*-LICENCE.txt"))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    build = "import setuptools.build_meta as build; print(build.build_wheel('.'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / done.stdout.splitlines()[-1]) as wheel:
        folder = f"labkit-{labkit.__version__}.dist-info"
        carried = {name for name in wheel.namelist() if name.startswith(f"{folder}/licenses/")}
        described = wheel.read(f"{folder}/METADATA").decode()
        for name in ("LICENSE", "LICENSE-text"):
            assert wheel.read(f"{folder}/licenses/{name}") == (ROOT / name).read_bytes()
    assert len(carried) == 5
    assert "\nAuthor: The Large-Model Labs authors\n" in described and "\nLicense-Expression: MIT\n" in described
