"""The workflows cannot run here, so they are held against what they call, and against what they may do."""
import re
import shlex
import subprocess
import tomllib

import commands
import lint
import pytest
import yaml

ROOT = commands.ROOT
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.iterdir())}
each = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)


def triggers(workflow) -> dict:
    """What starts it; YAML reads the bare word `on` as true."""
    return workflow[True]


def steps(workflow) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def lines(workflow) -> list[str]:
    return [line for step in steps(workflow) for line in step.get("run", "").splitlines()]


def test_every_workflow_is_held_against_githubs_schema():
    """The hook names each file, since it runs without a shell that would expand a pattern."""
    assert [word for word in lint.hooks()["workflows"] if word.endswith(".yml")] == [
        path.relative_to(ROOT).as_posix() for path in sorted(FOLDER.iterdir())]


@each
def test_what_a_step_runs_is_here(workflow):
    assert {line: faults for line in lines(workflow) if (faults := commands.unknown(line))} == {}


@each
def test_a_workflow_may_do_no_more_than_it_must(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in triggers(workflow)
    assert "secrets" not in yaml.safe_dump(workflow)
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90
        if "permissions" in job:
            assert name == "publish" and job["permissions"] == {"pages": "write", "id-token": "write"}
            assert not [step for step in job["steps"] if "run" in step]
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


@each
def test_actions_are_githubs_own_at_a_major_version(workflow):
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in steps(workflow) if "uses" in step)


def test_three_systems_and_every_python_are_tested():
    jobs = WORKFLOWS["test"]["jobs"]
    pythons = [job["strategy"]["matrix"]["python"] for job in jobs.values()]
    assert pythons == [["3.11", "3.12", "3.13"]] * 2
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={pythons[0][0]}"
    assert [*jobs["make"]["strategy"]["matrix"]["system"], jobs["windows"]["runs-on"]] == [
        "ubuntu-latest", "macos-latest", "windows-latest"]
    assert all(job["strategy"]["fail-fast"] is False for job in jobs.values())
    assert triggers(WORKFLOWS["test"]).keys() == {"push", "pull_request"}


def dry(target: str) -> list[str]:
    done = subprocess.run(["make", "--no-print-directory", "-n", target], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    return done.stdout.splitlines()


def test_commits_and_every_system_have_one_list_of_checks():
    """tools/lint.py runs the hooks; `make test` begins with it, and so does what Windows runs in its place."""
    assert dry("test")[:2] == dry("lint") and dry("lint")[1] == ".venv/bin/python tools/lint.py"
    assert "make test" in lines(WORKFLOWS["test"])
    assert r".venv\Scripts\python tools\lint.py" in lines(WORKFLOWS["test"])
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def plain(line: str) -> list[str]:
    """The words of a command without the folder of .venv, which has another name on Windows."""
    line = re.sub(r"\.venv/(bin|Scripts)/", "", line.replace("\\", "/"))
    return [word for word in shlex.split(line) if not word.endswith((".ipynb", "chapters"))]


def test_windows_does_what_the_readme_says_and_what_make_does():
    """All but the browser; `python` is the version that the job has installed, where a reader's `py -3` finds one."""
    windows = [line for step in WORKFLOWS["test"]["jobs"]["windows"]["steps"] for line in [step.get("run")] if line]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = next(block.splitlines() for block in re.findall(r"```\n(.*?)```", readme, re.DOTALL) if "py -3" in block)
    assert [line.replace("py -3", "python") for line in block[:3]] == windows[:3]
    made = [plain(line.removeprefix("LABKIT_THREADS=1 ")) for line in dry("test") if "-m pytest" in line]
    assert [plain(line) for line in windows if "-m pytest" in line] == [
        words for words in made if "browser and not alone" not in words and "alone" not in words]
    nbval = WORKFLOWS["test"]["jobs"]["windows"]["steps"][-1]
    assert "--nbval" in nbval["run"] and nbval["env"] == {"LABKIT_THREADS": "1"}


def test_the_newest_and_the_oldest_versions_come_weekly_from_the_ranges_and_from_nothing():
    workflow = WORKFLOWS["newest"]
    (schedule,) = triggers(workflow)["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert (day, month) == ("*", "*") and all(part.isdigit() for part in (minute, hour, weekday))
    (job,) = workflow["jobs"].values()
    asked = {row["versions"]: (row["python"], row["options"]) for row in job["strategy"]["matrix"]["include"]}
    assert asked == {"newest": ("3.13", "--outputs"), "oldest": ("3.11", "")} and job["strategy"]["fail-fast"] is False
    assert lines(workflow)[0] == "python tools/versions.py ${{ matrix.versions }} ${{ matrix.options }}"
    assert not [step for step in steps(workflow) if "cache" in step.get("with", {})]


def test_what_is_published_is_what_make_book_builds():
    build = WORKFLOWS["pages"]["jobs"]["build"]["steps"]
    assert build[-1]["uses"].startswith("actions/upload-pages-artifact@")
    assert build[-2]["run"] == "make book" and build[-1]["with"]["path"] == "build/book/html"
    assert WORKFLOWS["pages"]["jobs"]["publish"]["needs"] == "build"
    assert triggers(WORKFLOWS["pages"])["push"] == {"branches": ["main"]}
