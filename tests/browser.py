"""JupyterLab as learners get it, on loopback, and a notebook in Chromium, for the browser tests."""
import contextlib
import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect

from labkit import server, settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDS_CHROMIUM = [pytest.mark.browser, pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome here")]
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-domain-reliability", "--no-first-run", "--no-pings"]

ROOT = settings.chapters_folder().parent
SCREENSHOTS = ROOT / "build" / "screenshots"
LOOPBACK = ("127.0.0.1", "localhost")

# What JupyterLab itself writes to the console as an error although nothing is wrong, and why.
HARMLESS = {
    "widget model not found": "ipywidgets, in a notebook whose kernel is gone: what the still copies are for",
    r"\[anywidget\] Failed to initialize model": "anywidget, 2 s without a module: still.py sends it nothing",
}

# Python imports a module of this name when it starts: here, to write down whom the server and the kernels call.
RECORD_SOCKETS = """
import os, sys
def _write(*words):
    with open(os.environ["LABKIT_SOCKETS"], "a") as file:
        print(*words, file=file)
def _record(event, arguments):
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        _write("host", arguments[1][0])
    if event in ("socket.getaddrinfo", "socket.gethostbyname") and arguments[0]:
        _write("lookup", arguments[0])
_write("process", os.getpid())
sys.addaudithook(_record)
"""


class Server:
    """`jupyter lab` with the course's own options, on a free port, with every folder of its own."""

    def __init__(self, folder: Path, home: Path, language: str = "en"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder, self.address, self.token = folder, f"http://127.0.0.1:{port}", secrets.token_hex(16)
        self.sockets = home / "sockets.txt"
        (home / "python").mkdir(parents=True)
        (home / "python" / "sitecustomize.py").write_text(RECORD_SOCKETS)
        environment = {
            **server.environment(language),
            "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "IPYTHONDIR": str(home / "ipython"),
            "LABKIT_STATE": str(home / "state"), "LABKIT_DATA": str(home / "downloads"), "LABKIT_THREADS": "1",
            "LABKIT_GRADING": "", "PYTHONPATH": str(home / "python"), "LABKIT_SOCKETS": str(self.sockets)}
        with open(home / "server.log", "w") as log:
            self.process = subprocess.Popen(
                server.command(*server.arguments(folder), "--no-browser", f"--ServerApp.port={port}",
                               "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"),
                env=environment, stdout=log, stderr=log)
        try:
            self._wait_until_it_answers(home / "server.log")
        except BaseException:
            self.close()
            raise

    def _wait_until_it_answers(self, log: Path) -> None:
        for _attempt in range(300):
            with contextlib.suppress(urllib.error.URLError):
                self.api("status")
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")

    def api(self, path: str, method: str = "GET"):
        """The answer of the server's own interface, such as `api("kernels")`."""
        request = urllib.request.Request(f"{self.address}/api/{path}", method=method,
                                         headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def end_kernels(self) -> None:
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")

    def connections(self) -> dict:
        """How many Python processes (the server, its kernels) there were, and which hosts they called or looked up."""
        lines = [line.split(maxsplit=1) for line in self.sockets.read_text().splitlines()]
        return {"processes": sum(kind == "process" for kind, _ in lines),
                "hosts": {host for kind, host in lines if kind == "host"},
                "looked up": {host for kind, host in lines if kind == "lookup"}}

    def close(self) -> None:
        """End the server, which ends its kernels; what is left of them after 10 s is killed."""
        family = [self.process, *psutil.Process(self.process.pid).children(recursive=True)] \
            if self.process.poll() is None else []
        if family:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
        self.process.wait(10)


class Notebook:
    """A notebook that is open in a page of JupyterLab."""

    def __init__(self, page, jupyter: Server, name: str):
        self.page, self.jupyter, self.name, self.path = page, jupyter, name, jupyter.folder / name
        # A workspace of its own: in a shared one JupyterLab opens again what an earlier page had open.
        workspace = secrets.token_hex(4)
        page.goto(f"{jupyter.address}/lab/workspaces/{workspace}/tree/{name}?token={jupyter.token}")
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        # Before the page is connected to its kernel, JupyterLab would ask which one to run with.
        for _attempt in range(600):
            with contextlib.suppress(urllib.error.HTTPError):       # it answers 500 while a kernel starts
                kernels = [session["kernel"] for session in self.jupyter.api("sessions")
                           if session["path"] == self.name]
                if kernels and kernels[0]["execution_state"] == "idle" and kernels[0]["connections"]:
                    break
            self.page.wait_for_timeout(100)
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)

    def menu(self, *names: str) -> None:
        """Choose from the menu bar: `menu("Run", "Run All Cells")`."""
        self.page.get_by_role("menubar").get_by_role("menuitem", name=names[0], exact=True).click()
        for name in names[1:]:
            self.page.locator(".lm-Menu-itemLabel", has_text=name).get_by_text(name, exact=True).click()

    def run_all(self, seconds: float = 180) -> None:
        self.menu("Edit", "Clear Outputs of All Cells")     # and the numbers of an earlier run
        self.menu("Run", "Run All Cells")
        self.wait_until_done(seconds)

    def wait_until_done(self, seconds: float = 180) -> None:
        """Wait until every code cell has run, or one has failed and the rest was given up."""
        self.page.wait_for_function(
            """() => {
              const prompts = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputPrompt")];
              return prompts.some((p) => /\\d/.test(p.textContent))
                && !prompts.some((p) => p.textContent.includes("*"));
            }""", timeout=1000 * seconds)

    def cell(self, text: str):
        """The code cell whose source begins with, or holds, `text`."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").filter(
            has=self.page.locator(".jp-InputArea", has_text=text)).first

    def run_cell(self, text: str, seconds: float = 180) -> None:
        prompt = self.cell(text).locator(".jp-InputPrompt")
        before = prompt.text_content()
        self.cell(text).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before)
        self.wait_until_done(seconds)

    def save(self) -> dict:
        """Save with the keyboard; returns the notebook as it is on disk."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        for _attempt in range(300):
            if self.path.stat().st_mtime_ns != before:
                with contextlib.suppress(json.JSONDecodeError):     # half of it is written
                    return json.loads(self.path.read_text(encoding="utf-8"))
            time.sleep(0.1)
        raise TimeoutError(f"{self.path} was not saved")


def write_notebook(jupyter: Server, name: str, *sources: str) -> str:
    """Write a notebook with a code cell for each of `sources` into the server's folder; returns `name`."""
    nbformat.write(nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}),
        jupyter.folder / name)
    return name


def photograph(page, name: str, place=None) -> None:
    """Keep a picture of the page in build/screenshots, with `place` scrolled into view."""
    for _twice in range(2 if place else 0):     # the cells that come into view are drawn, and move the place
        place.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def at_rest(place, expression: str):
    """What the JavaScript function `expression` gives of `place` as soon as three readings 0.2 s apart agree."""
    return place.page.wait_for_function(f"""([place, seen]) => {{
      seen.push(JSON.stringify(({expression})(place)));
      const [now, ...others] = seen.slice(-3);
      return others.length === 2 && others.every((other) => other === now) && [JSON.parse(now)];
    }}""", arg=place.page.evaluate_handle("(place) => [place, []]", place.element_handle()),
        polling=200).json_value()[0]


def assert_loaded(picture) -> None:
    """The image element `picture` is shown and decoded, and is more than an icon."""
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 300


def assert_quiet(jupyter: Server, heard: dict) -> None:
    """No page reported an error, and neither the pages nor the kernels called another computer."""
    assert not [error for error in heard["errors"] if not any(re.search(known, error) for known in HARMLESS)]
    assert heard["hosts"] and heard["hosts"] <= set(LOOPBACK)
    called = jupyter.connections()
    assert called["processes"] >= 2, "the server and a kernel should have been listened to"
    assert called["hosts"] <= {*LOOPBACK, "::1"}


# For each text in an element: its first words, and the contrast with its ground.
CONTRASTS = """(root) => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const ground = (e) => {
    if (!e) return [255, 255, 255];
    const colour = parse(getComputedStyle(e).backgroundColor);
    return colour[3] === 0 ? ground(e.parentElement) : over(colour, ground(e.parentElement));
  };
  const light = (c) => c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const ofText = (e) => contrast(over(parse(getComputedStyle(e).color), ground(e)), ground(e));
  return [...root.querySelectorAll("*")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((e) => [e.textContent.trim().slice(0, 40), ofText(e)]);
}"""


def weak_words(place) -> list:
    """Texts in `place` whose contrast is below 4.5, and stays so: another theme's colours take a moment to arrive."""
    with contextlib.suppress(Late):
        place.page.wait_for_function(f"(place) => ({CONTRASTS})(place).every(([words, contrast]) => contrast >= 4.5)",
                                     arg=place.element_handle(), timeout=5000)
    return [pair for pair in place.evaluate(CONTRASTS) if pair[1] < 4.5]


# Every change of the curve's words, with the time at which it was shown; and the last input event of each kind.
RECORD = """(curve) => {
  window.lab = { seen: [], events: {} };
  const note = ({ type }) => { window.lab.events[type] = performance.now(); };
  ["change", "click"].forEach((type) => document.addEventListener(type, note, true));
  new MutationObserver(() => {
    const words = curve.querySelector(".lk-legend:not(.lk-key) li:last-child")?.textContent ?? "";
    window.lab.seen.push({
      at: performance.now(), state: curve.dataset.state, run: Number(words.match(/#(\\d+)/)?.[1] ?? 0),
      step: Number(curve.querySelector(".lk-status").textContent.match(/step (\\d+)/)?.[1] ?? 0),
    });
  }).observe(curve, { subtree: true, childList: true, attributes: true });
}"""


class Lab:
    """The live lab that a cell shows, as its page shows it."""

    def __init__(self, cell):
        self.page = page = cell.page
        self.controls, self.curve = cell.locator(".lk-controls"), cell.locator(".lk-curve")
        self.legend = self.curve.locator(".lk-legend:not(.lk-key) li")
        self.ghosts = self.curve.locator(".lk-legend .lk-ghost")
        if not page.evaluate("() => Boolean(window.lab)"):
            self.curve.evaluate(RECORD)

    def button(self, name: str):
        return self.controls.get_by_role("button", name=name, exact=True)

    @property
    def state(self) -> str:
        return self.curve.get_attribute("data-state")

    @property
    def step(self) -> int:
        words = self.curve.locator(".lk-status").text_content()
        return int(re.search(r"step (\d+)|$", words)[1] or 0)

    @property
    def share(self) -> float:
        """How much of the run in hand is done."""
        words = re.search(r"step (\d+) of (\d+)", self.curve.locator(".lk-status").text_content())
        return int(words[1]) / int(words[2]) if words else 0

    @property
    def run(self) -> int:
        return int(re.search(r"#(\d+)", self.legend.last.text_content())[1])

    def wait_for(self, condition, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.curve.inner_text()
            self.page.wait_for_timeout(50)

    def new_run_after(self, event: str, act) -> float:
        """Do `act`, and wait for a run's first points; seconds from the page's event to the drawn curve.

        A run left in its first twentieth is not kept, and the next has its number: so wait for more first.
        """
        self.wait_for(lambda: self.share > 1 / 20)
        return self._after(event, act, f"seen.run > {self.run} && seen.step > 0")

    def paused_after(self, act) -> float:
        """Click with `act`; seconds from the click until the page says that training rests."""
        return self._after("click", act, "seen.state === 'paused'")

    def _after(self, event: str, act, condition: str) -> float:
        self.page.evaluate("() => { window.lab.seen = []; }")
        act()
        milliseconds = self.page.wait_for_function(f"""() => {{
          const found = window.lab.seen.find((seen) => {condition});
          return found && found.at - window.lab.events["{event}"];
        }}""", timeout=60_000).json_value()
        return milliseconds / 1000
