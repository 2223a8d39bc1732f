"""`labkit lab`: JupyterLab on this computer alone, and never without a token, whatever options and files ask for."""
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from promises import size

from labkit import server, settings

HIDDEN = "c.IdentityProvider.token = ''\nc.ServerApp.identity_provider_class = 'jupyter_server.auth.identity."\
    "PasswordIdentityProvider'\nc.ServerApp.ip = '0.0.0.0'\n"

# How a token is taken away: options, variables, and configuration files with their contents.
WITHOUT = [
    (["--IdentityProvider.token="], {}, {}),
    (["--ServerApp.password=", "--ServerApp.token="], {}, {}),
    ([], {"JUPYTER_TOKEN_FILE": "blank"}, {"blank": " \n"}),
    ([], {}, {"jupyter_lab_config.py": HIDDEN}),
    (["--PasswordIdentityProvider.token="], {}, {}),
    (["--TokenNeeded.token=''"], {}, {}),
    (["--NotebookApp.token=''"], {}, {}),
    (["--LabApp.token="], {}, {}),
    (["--ServerApp.token=", "--ip=0.0.0.0"], {}, {}),
    (["--ServerApp.token=", "--ServerApp.ip=*"], {}, {}),
    (["--config=other.py"], {}, {"other.py": HIDDEN}),
    ([], {}, {"jupyter_server_config.py": HIDDEN}),
    ([], {}, {"jupyter_server_config.json": json.dumps({"ServerApp": {"token": ""}})}),
    ([], {}, {"jupyter_notebook_config.py": "c.NotebookApp.token = ''"}),
    ([], {}, {"jupyter_config.py": HIDDEN}),
]


@contextlib.contextmanager
def lab(folder: Path, *options: str, variables=(), files=()):
    """`labkit lab` as from a terminal, with every folder of its own, and lines of its standard error as they come."""
    config = folder / "config"
    config.mkdir()
    for name, text in dict(files).items():
        (config / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(config), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                   "JUPYTER_DATA_DIR": str(folder / "data"), **dict(variables)}
    process = subprocess.Popen([sys.executable, "-m", "labkit.cli", "lab", "--no-browser", *options], env=environment,
                               cwd=config, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):     # the server is a child of the command
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
        process.terminate()
        process.communicate(timeout=20)


def answer(address: str, **headers) -> int:
    """The number that a server answers with."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def started(process) -> tuple[str, str]:
    """The address of a started server, and its token. Jupyter prints them a little before it listens."""
    found = next((found for line in process.stderr if (found := re.search(r"(http://[^/]+)/\S+\?token=(\w+)", line))),
                 None)
    assert found, "JupyterLab did not start"
    address, token = found.groups()
    for _attempt in range(200):
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(address).port)).close()
            break
        time.sleep(0.1)
    return address, token


def listening(process) -> set[str]:
    """The addresses on which a command and all that it started listen."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    found = set()
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):     # JupyterLab starts some that soon end
            found |= {each.laddr.ip for each in one.net_connections() if each.status == psutil.CONN_LISTEN}
    return found


@pytest.mark.promise
def test_jupyterlab_refuses_to_run_without_a_token(tmp_path, measured):
    ways = WITHOUT[:size(4, len(WITHOUT))]
    for number, (options, variables, files) in enumerate(ways):
        (folder := tmp_path / str(number)).mkdir()
        with lab(folder, *options, variables=variables, files=files) as process:
            errors = process.communicate(timeout=60)[1]
        assert process.returncode == 2, (options, variables, files, errors)
        assert re.search(r"labkit lab: IdentityProvider.token = .* cannot be used\. Allowed: a token that is not empty"
                         r".*Without a token, everyone", errors), errors
        assert "is running at" not in errors

    # What took the token away above does not count where one is given; and an empty variable is none.
    (folder := tmp_path / "with").mkdir()
    files = {"jupyter_lab_config.py": HIDDEN.partition("\n")[2]}
    with lab(folder, "--port=0", variables={"JUPYTER_TOKEN": ""}, files=files) as process:
        address, token = started(process)
        assert len(token) >= 40
        assert answer(f"{address}/api/contents") == answer(f"{address}/api/contents", Authorization="token x") == 403
        assert answer(f"{address}/api/contents", Authorization=f"token {token}") == 200
        assert (heard := listening(process)) == {"127.0.0.1"}
        commands = []
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):     # JupyterLab starts some that soon end
                commands.append(" ".join(child.cmdline()))
        assert commands and not any(token in command for command in commands), "other users would see it in `ps`"
    measured(f"{len(ways)} ways to take the token away, all refused with the reason; with it, 403 for a stranger, 200 "
             f"for its owner, and {len(heard)} address listened on, {heard.pop()}")


def test_a_page_of_another_site_gets_nothing_and_a_password_leaves_the_token(tmp_path):
    """The defaults of Jupyter: no other origin, no write without the page's own mark; terminals ask for the token."""
    (folder := tmp_path / "lab").mkdir()
    files = {"jupyter_server_config.py": "c.PasswordIdentityProvider.hashed_password = 'argon2:x'"}
    with lab(folder, "--port=0", files=files) as process:
        address, token = started(process)
        owner = {"Authorization": f"token {token}"}

        def ask(data=None, **headers):
            return urllib.request.urlopen(urllib.request.Request(f"{address}/api/contents", data, headers), timeout=10)
        with ask(**owner) as reply:
            cookie = "; ".join(each.partition(";")[0] for each in reply.headers.get_all("Set-Cookie"))
        with ask(Cookie=cookie, Origin=address) as reply:
            assert reply.status == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):      # a script of another site
            ask(Cookie=cookie, Origin="http://other.invalid")
        with pytest.raises(urllib.error.HTTPError, match="403"):      # as a form of another site would: cookie, no mark
            ask(b"{}", Cookie=cookie)
        assert answer(f"{address}/api/terminals") == 403
        assert answer(f"{address}/api/terminals", **owner) == 200


def test_options_of_the_learner_replace_ours(tmp_path):
    ours = server.arguments(tmp_path)
    command = server.instead(ours, ["--ip=localhost", "--ServerApp.root_dir", "/elsewhere", "--no-browser"])
    assert [option for option in command if ".ip" in option or "root_dir" in option] == ["--ServerApp.root_dir"]
    assert command[-4:] == ["--ip=localhost", "--ServerApp.root_dir", "/elsewhere", "--no-browser"]
    assert f"{server.IDENTITY}=labkit.identity.TokenNeeded" in command
    with pytest.raises(settings.SettingError, match=r"identity_provider_class = .*elsewhere.* cannot be used"):
        server.instead(ours, [f"{server.IDENTITY}=elsewhere.Nobody"])


def test_an_address_for_other_computers_is_told_of_and_has_the_token(tmp_path):
    (folder := tmp_path / "lab").mkdir()
    with lab(folder, "--port=0", "--ip=0.0.0.0") as process:
        warned = next(line for line in process.stderr if "listens on 0.0.0.0" in line)
        assert "other computers can reach it" in warned
        address, _token = started(process)
        port = address.rpartition(":")[2]
        assert listening(process) == {"0.0.0.0"} and answer(f"http://127.0.0.1:{port}/api/contents") == 403
