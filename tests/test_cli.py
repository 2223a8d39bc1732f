"""The command line and JupyterLab's start: every subcommand is reachable, wrong input is named."""
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import notebooks
import pytest

from labkit import cli, server, settings


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(re.search(rf"^    {name}\b", shown, re.M) for name in cli.COMMANDS)


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    folder = tmp_path / "chapters"
    notebooks.write(folder / "05_project.ipynb", "print(dataset, rate)")
    monkeypatch.setattr(settings, "chapters_folder", lambda: folder)
    return folder


def test_run_executes_and_writes_below_build_from_any_folder(chapters, tmp_path, monkeypatch, capsys):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert cli.main(["run", "05", "-p", "dataset", "cifar10", "-p", "rate", "-1"]) == 0
    summary, = tmp_path.glob("build/runs/*/summary.json")
    assert json.loads(summary.read_text())["chapters"][0]["result"] == "passed"
    assert notebooks.printed(summary.with_name("05_project.ipynb")) == "cifar10 -1.0\n"
    assert str(summary.parent) in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("arguments, message", [
    (["run", "11"], "labkit run: chapter = '11' cannot be used. Allowed: 05_project."),
    (["run", "--profile", "slow"], "Allowed: quick, laptop, gpu."),
    (["run", "-p", "sed", "1"], "Allowed: profile, seed, rate, fast, sizes, dataset."),
    (["run", "-p", "seed", "x"], "Allowed: a whole number."),
    (["sweep", "05"], "labkit sweep: --grid = '' cannot be used. Allowed: NAME=VALUE,VALUE"),
    (["sweep", "05", "--grid", "sed=1,2"], "Allowed: profile, seed, rate, fast, sizes, dataset."),
    (["sweep", "05", "--grid", "seed=1,2", "-p", "rate", "x"], "Allowed: a finite number."),
    (["sweep", "05", "--grid", "seed=1,2", "--language", "fr"], "language = 'fr' cannot be used. Allowed: en, zh."),
    (["notebooks", "6"], "Allowed: 05_project."),
    (["lab", "--language", "fr"], "labkit lab: language = 'fr' cannot be used. Allowed: en, zh."),
])
def test_what_is_refused_ends_with_2_and_names_what_is_allowed(chapters, capsys, arguments, message):
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == ""


def test_options_that_a_command_lacks_are_refused(chapters, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "05", "--fast"])
    assert ended.value.code == 2 and "--fast" in capsys.readouterr().err


def test_doctor_ends_with_the_number_that_make_sees(monkeypatch):
    doctor = import_module("labkit.doctor")
    monkeypatch.setattr(doctor, "CHECKS", ())
    monkeypatch.setattr(doctor, "network", lambda: doctor.Check("network", True, ""))
    assert cli.main(["doctor"]) == 0
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Check("disk", False, "", ""),))
    assert cli.main(["doctor"]) == 1


def test_the_rest_of_the_line_goes_to_a_module_of_its_own(monkeypatch):
    given = []
    monkeypatch.setattr(cli, "import_module", lambda name: given.append(name) or type("M", (), {"main": given.extend}))
    cli.main(["record", "05", "--path", "somewhere"])
    assert given == ["labkit.record", "05", "--path", "somewhere"]


def test_lab_starts_in_the_language_that_is_asked_for(chapters, monkeypatch):
    started = []
    monkeypatch.setattr(server.subprocess, "run", lambda command, env: started.append((command, env))
                        or subprocess.CompletedProcess(command, 0))
    assert cli.main(["lab", "--no-browser"]) == 0
    command, environment = started.pop()
    assert command[-1] == "--no-browser" and f"--ServerApp.root_dir={chapters.parent}" in command
    assert "--LabApp.default_url=/lab/tree/README.md" in command and environment["LABKIT_LANGUAGE"] == "en"

    built = []
    monkeypatch.setattr("labkit.translate.build", built.append)
    assert cli.main(["lab", "--language", "zh"]) == 0
    command, environment = started.pop()
    assert built == [chapters.parent / "build" / "zh"]
    assert "--LabApp.default_url=/lab/tree/build/zh" in command and environment["LABKIT_LANGUAGE"] == "zh"


@pytest.mark.parametrize("installed", [True, False])
def test_lab_in_chinese_says_when_its_menus_stay_english(installed, chapters, monkeypatch, capsys):
    environments = []
    monkeypatch.setattr(server.subprocess, "run", lambda command, env: environments.append(env)
                        or subprocess.CompletedProcess(command, 0))
    monkeypatch.setattr("labkit.translate.build", lambda folder: [])
    monkeypatch.setattr(server, "entry_points", lambda group: EntryPoints(
        [EntryPoint("zh_CN", "somewhere", group)] if installed else []))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/the/users/own")
    assert cli.main(["lab", "--language", "zh"]) == 0
    paths = environments[0]["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert paths[-1] == "/the/users/own" and len(paths) == 1 + installed
    assert ("jupyterlab-language-pack-zh-CN" in capsys.readouterr().out) != installed
    if installed:
        settings = json.loads(Path(paths[0], "labconfig", "default_setting_overrides.json").read_text())
        assert settings == {"@jupyterlab/translation-extension:plugin": {"locale": "zh_CN"}}
    assert cli.main(["lab"]) == 0
    assert environments[1]["JUPYTER_CONFIG_PATH"] == "/the/users/own" and capsys.readouterr().out == ""


def test_lab_outside_a_checkout_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(settings, "chapters_folder", lambda: tmp_path / "chapters")
    assert cli.main(["lab"]) == 2
    assert "a checkout of the course" in capsys.readouterr().err


def wait_for(port, seconds=10):
    """Wait until something listens; Jupyter prints its address a little earlier."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_jupyterlab_is_on_loopback_with_a_token_and_asks_nothing_outside(tmp_path):
    (tmp_path / "README.md").write_text("# Hello", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = f"--ServerApp.port={free.getsockname()[1]}"
    process = subprocess.Popen(server.command(*server.arguments(tmp_path), "--no-browser", port),
                               stderr=subprocess.PIPE, text=True)
    try:
        start = next(found for line in process.stderr if (found := re.search(r"http://\S+\?token=\w+", line)))[0]
        base, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/lab/tree/README\.md\?token=(\w{20,})", start).groups()

        def get(path):
            request = urllib.request.Request(base + path, headers={"Authorization": f"token {token}"})
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.read().decode()
        wait_for(int(base.rpartition(":")[2]))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{base}/api/contents", timeout=10)
        page = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', get("/lab"), re.S)[1])
        assert page["news"] == {"disabled": True}
        assert json.loads(get("/lab/api/update"))["notification"] is None

        def setting(plugin, name):
            return json.loads(get(f"/lab/api/settings/{plugin}"))["schema"]["properties"][name]["default"]
        assert setting("@jupyterlab/apputils-extension:notification", "fetchNews") == "false"
        assert setting("@jupyterlab/extensionmanager-extension:plugin", "enabled") is False
        assert setting("@jupyterlab/docmanager-extension:plugin", "defaultViewers") == {"markdown": "Markdown Preview"}
    finally:
        process.terminate()
        process.communicate(timeout=20)
