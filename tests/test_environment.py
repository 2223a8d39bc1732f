"""The lists of dependencies agree, and set-up does what the Makefile relies on."""
import functools
import http.server
import os
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import lock
import pytest
import setup_env
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
              if not line.startswith("#"))
VERSIONS = {canonicalize_name(name): version for name, version in LOCKED.items()}


@pytest.mark.parametrize("line", lock.requirements(ROOT / "pyproject.toml"))
def test_lock_has_each_dependency_in_its_range(line):
    requirement = Requirement(line)
    assert requirement.specifier.contains(VERSIONS[canonicalize_name(requirement.name)], prereleases=True)


def test_lock_holds_plain_versions_that_fit_any_platform():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "+" not in text
    assert "--hash" not in text and "-e " not in text and " @ " not in text
    assert VERSIONS["torch"] == "2.13.0"
    assert not [name for name in VERSIONS if lock.CUDA_PARTS.match(name)]
    assert "torchvision" not in VERSIONS


def test_lock_lines_strip_what_belongs_to_one_machine():
    frozen = "torch==2.13.0+cpu\nnumpy==2.4.6 --hash=sha256:00\npip==23.2\nnvidia-cublas==13\ntriton==3\nBabel==2.18\n"
    assert lock.lock_lines(frozen) == ["Babel==2.18", "numpy==2.4.6", "torch==2.13.0"]
    with pytest.raises(SystemExit, match="name==version only"):
        lock.lock_lines("-e /somewhere/labkit\n")


def test_set_up_refuses_an_old_python_and_one_without_venv():
    assert "Python 3.11 or newer is needed" in setup_env.complaint((3, 9, 2))
    assert "3.9" in setup_env.complaint((3, 9, 2)) and "make PYTHON=" in setup_env.complaint((3, 9, 2))
    assert "python3.12-venv" in setup_env.complaint((3, 12, 1), modules=("no_such_module",))
    assert setup_env.complaint() == ""


@pytest.fixture
def index():
    """A server on loopback: /whl/torch/ answers, /silent/ hangs, the rest is 404."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/silent/torch/":
                time.sleep(3)
            self.send_response(200 if self.path == "/whl/torch/" else 404)
            self.end_headers()

        def log_message(self, *args):
            """Keep the test's output clean."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_torch_comes_from_the_cpu_index_only_where_it_serves(index, monkeypatch, capsys):
    options = functools.partial(setup_env.index_options, seconds=0.5)
    monkeypatch.setattr(setup_env.platform, "system", lambda: "Linux")
    monkeypatch.setattr(setup_env.shutil, "which", lambda name: None)
    assert options(f"{index}/whl") == ["--extra-index-url", f"{index}/whl"]
    assert options(f"{index}/missing") == []
    start = time.monotonic()
    assert options(f"{index}/silent") == []
    assert time.monotonic() - start < 2
    assert "does not answer" in capsys.readouterr().out
    monkeypatch.setattr(setup_env.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert options(f"{index}/whl") == []
    monkeypatch.setattr(setup_env.shutil, "which", lambda name: None)
    monkeypatch.setattr(setup_env.platform, "system", lambda: "Darwin")
    assert options(f"{index}/whl") == []


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a lock and a pyproject.toml, where every command of set-up is noted instead of run."""
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text("one", encoding="utf-8")
    monkeypatch.setattr(setup_env, "ROOT", tmp_path)
    monkeypatch.setattr(setup_env, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup_env, "STAMP", tmp_path / ".venv" / "set-up")
    monkeypatch.setattr(setup_env, "index_options", lambda: [])
    commands = []

    def note(command, check):
        commands.append(command)
        (tmp_path / ".venv" / "lib" / f"python{setup_env.version(sys.version_info)}").mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, 0)
    monkeypatch.setattr(setup_env.subprocess, "run", note)
    return tmp_path, commands


def test_set_up_installs_once_and_again_when_the_lock_changes(checkout):
    folder, commands = checkout
    setup_env.main()
    assert [command[2] for command in commands] == ["venv", "pip", "pip"]
    assert str(folder / "requirements.lock") in commands[1] and "--no-deps" in commands[2]
    setup_env.main()
    assert len(commands) == 3
    (folder / "requirements.lock").write_text("two", encoding="utf-8")
    setup_env.main()
    assert [command[2] for command in commands[3:]] == ["pip", "pip"]


def test_set_up_that_failed_is_done_again(checkout, monkeypatch):
    folder, commands = checkout
    note = setup_env.subprocess.run

    def fail(command, check):
        if "pip" in command:
            raise subprocess.CalledProcessError(1, command)
        return note(command, check)
    monkeypatch.setattr(setup_env.subprocess, "run", fail)
    with pytest.raises(SystemExit, match="Set-up stopped"):
        setup_env.main()
    monkeypatch.setattr(setup_env.subprocess, "run", note)
    setup_env.main()
    assert setup_env.STAMP.exists() and len(commands) == 4


def make(*arguments, **environment):
    """The lines that make prints, free of what an outer make has set."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=True, env={**outer, **environment})
    return done.stdout.splitlines()


def test_make_alone_lists_every_target():
    listed = make()
    assert [line.split()[0] for line in listed] == [
        "help", "run", "lab", "book", "test", "test-zh", "reliability", "soak", "lint", "notebooks", "record", "bench",
        "bench-peers", "ladder", "lock"]
    assert all(len(line.split(None, 1)) == 2 for line in listed)


def test_make_hands_its_variables_on():
    said = make("-n", "run", "CHAPTERS=05 04", "PROFILE=laptop", "ARGS=-p dataset cifar10")
    assert said == ["python3 tools/setup_env.py",
                    ".venv/bin/labkit run 05 04 --language en --profile laptop -p dataset cifar10"]
    assert make("-n", "run", "PYTHON=python3.12")[0] == "python3.12 tools/setup_env.py"
    assert make("-n", "lab", "LANGUAGE=zh")[-1].split() == [".venv/bin/labkit", "lab", "--language", "zh"]


def test_a_language_that_the_system_exports_is_not_meant():
    assert make("-n", "lab", LANGUAGE="fr_FR:fr")[-1].split() == [".venv/bin/labkit", "lab", "--language", "en"]
