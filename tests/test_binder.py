"""What conda and Binder read: both lists are those of pyproject.toml, and Binder's files do what Binder needs."""
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import environments
import nbformat
import pytest
import yaml
from browser import RECORD_SOCKETS
from nbformat.sign import NotebookNotary
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
WANTED = [Requirement(line) for line in [*PYPROJECT["build-system"]["requires"], *PROJECT["dependencies"],
                                         *PROJECT["optional-dependencies"]["zh"]]]
files = pytest.mark.parametrize("name", list(environments.FILES))


def listed(name: str) -> tuple[list[str], list[str]]:
    """The lines of an environment file that are conda's, and those that are pip's."""
    contents = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert contents.keys() == {"name", "channels", "dependencies"} and contents["channels"] == ["conda-forge"]
    *conda, pip = contents["dependencies"]
    assert pip.keys() == {"pip"}
    return conda, pip["pip"]


@files
def test_conda_lists_agree_with_pyproject(name):
    _comment, names, _python = environments.FILES[name]
    back = {conda: pypi for pypi, conda in names.items()}
    conda, pip = listed(name)
    entries = dict(line.partition(" ")[::2] for line in conda)
    python = entries.pop("python")
    assert entries.pop("pip") == ""
    have = {back.get(name, name): Requirement(f"{name}{ranges}").specifier for name, ranges in entries.items()}
    have |= {requirement.name: requirement.specifier for requirement in map(Requirement, pip)}
    assert have == {requirement.name: requirement.specifier for requirement in WANTED}
    oldest = re.search(r"[\d.]+", PROJECT["requires-python"])[0]
    assert python == (f"={oldest}" if name.startswith("binder") else PROJECT["requires-python"])


def test_what_is_said_of_single_packages_is_said_of_packages_that_are_wanted():
    wanted = {requirement.name for requirement in WANTED}
    assert {*environments.BINDER_NAMES, *environments.FROM_PIP} <= wanted


@files
def test_every_line_is_one_that_conda_understands(name):
    """py-rattler reads package specifications as conda does; strictly, so that it guesses nothing."""
    rattler = pytest.importorskip("rattler")
    conda, _pip = listed(name)
    for line in conda:
        name, _space, ranges = line.partition(" ")
        spec = rattler.MatchSpec(line, strict=True)
        assert spec.name.normalized == name and bool(spec.version) == bool(ranges) and spec.build is None
    with pytest.raises(pytest.importorskip("rattler.exceptions").InvalidMatchSpecError):
        rattler.MatchSpec("numpy >==2", strict=True)


def test_repo2docker_picks_conda_and_finds_what_binder_has():
    """What Binder runs, up to the Dockerfile; building it would take Docker and a network."""
    done = subprocess.run([sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)],
                          capture_output=True, text=True, check=True)
    said = done.stdout + done.stderr
    python = re.search(r"[\d.]+", PROJECT["requires-python"])[0]
    assert f"Building conda environment for python={python}\n" in said
    dockerfile = said[said.index("\nFROM "):]
    environment = re.search(r"env update -p \$\{NB_PYTHON_PREFIX\} --file \"(\S+)\"", dockerfile)
    assert environment[1] == "binder/environment.yml"
    assert "\nRUN ./binder/postBuild\n" in dockerfile
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile


def test_start_hands_on_what_it_is_given():
    done = subprocess.run([ROOT / "binder" / "start", "sh", "-c", 'echo "$LABKIT_THREADS" "$1"', "sh", "two words"],
                          capture_output=True, text=True, check=True)
    assert done.stdout == "1 two words\n"


@pytest.fixture
def course(tmp_path):
    """A copy of the checkout, as Binder has it."""
    kept = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if kept.returncode:
        pytest.skip("not a git checkout")
    for name in kept.stdout.splitlines():
        if name.startswith(("binder/", "chapters/", "labkit/", "pyproject", "README")) and (ROOT / name).exists():
            (tmp_path / "course" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "course" / name)
    return tmp_path / "course"


def environment_of(place: Path) -> Path:
    """A virtual environment in `place` that has this one's packages, but for labkit; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (library,) = place.glob("lib/*/site-packages")
    (library / "these.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "python"


def test_post_build_needs_no_network_and_writes_little(course, tmp_path):
    """Its commands run in an environment of their own; every connection that a Python opens is written down."""
    python = environment_of(tmp_path / "environment")
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "sitecustomize.py").write_text(RECORD_SOCKETS)
    sockets, home = tmp_path / "sockets.txt", tmp_path / "home"
    home.mkdir()
    before = sum(path.stat().st_size for path in tmp_path.rglob("*"))
    subprocess.run([course / "binder" / "postBuild"], cwd=course, check=True, capture_output=True, text=True, env={
        "PATH": f"{python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home),
        "PYTHONPATH": str(tmp_path / "python"),
        "LABKIT_SOCKETS": str(sockets), "PIP_NO_INDEX": "1", "LC_ALL": "C.UTF-8",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")})
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) - before < 5e6
    recorded = sockets.read_text().split("\n")
    assert sum(line.startswith("process") for line in recorded) >= 4
    assert not [line for line in recorded if line.startswith("host")]

    done = subprocess.run([python, "-c", "from labkit import settings; print(settings.chapters_folder())"], cwd=home,
                          capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(course / "chapters")
    share = python.parent.parent / "share" / "jupyter"
    assert json.loads((share / "kernels" / "chinese" / "kernel.json").read_text())["env"] == {"LABKIT_LANGUAGE": "zh"}
    settings = json.loads((share / "lab" / "settings" / "overrides.json").read_text())
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    notary = NotebookNotary(data_dir=str(home / ".local" / "share" / "jupyter"))
    for chapter in (course / "chapters").glob("*.ipynb"):
        built = nbformat.read(course / "build" / "zh" / chapter.name, as_version=4)
        assert built.metadata.kernelspec.name == "chinese"
        assert re.search("[\u4e00-\u9fff]{4}", built.cells[0].source)
        assert notary.check_signature(nbformat.read(chapter, as_version=4))
