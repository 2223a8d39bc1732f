"""What every test gets: one torch thread, English, folders of its own; and what a module of browser tests shares."""
import shutil
import time
from urllib.parse import urlsplit

import pytest


def surround(monkeypatch, folder):
    monkeypatch.setenv("LABKIT_THREADS", "1")
    monkeypatch.setenv("LABKIT_LANGUAGE", "en")
    monkeypatch.setenv("LABKIT_STATE", str(folder / "state"))
    monkeypatch.setenv("LABKIT_DATA", str(folder / "data"))
    monkeypatch.delenv("LABKIT_GRADING", raising=False)


@pytest.fixture(scope="session", autouse=True)
def shared_surroundings(tmp_path_factory):
    """The same for what a module's tests share: pytest builds that before any fixture of a single test."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        surround(monkeypatch, tmp_path_factory.mktemp("labkit"))
        yield


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path_factory, monkeypatch):
    """No test reads or writes what the user keeps, and none depends on how many cores are free."""
    surround(monkeypatch, tmp_path_factory.mktemp("labkit"))


@pytest.fixture(scope="module")
def one_thread():
    """Tensors of a toy's size gain nothing from a second thread, and lose much where cores are busy."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def same_numbers():
    """torch's random numbers from the same seed in each test."""
    import torch
    torch.manual_seed(0)


@pytest.fixture
def measured(request):
    """For a test marked `promise`: `measured("200 kills")` keeps what the page of promises is to say of this run."""
    import promises
    began = time.perf_counter()

    def write(sentence):
        promises.keep(f"{request.path.name}::{request.node.originalname}", sentence, time.perf_counter() - began)
    return write


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A server of JupyterLab on a copy of the chapters."""
    from browser import ROOT, Server
    folder = tmp_path_factory.mktemp("jupyter")
    shutil.copytree(ROOT / "chapters", folder / "course" / "chapters")     # so that nothing in the checkout changes
    server = Server(folder / "course", folder / "home")
    yield server
    server.close()


@pytest.fixture(scope="session")
def left_on_binder(tmp_path_factory):
    """The bytes of Binder's 2 GB that JupyterLab, when nothing is open in it, leaves for a chapter."""
    import psutil
    from browser import Server
    folder = tmp_path_factory.mktemp("idle")
    (folder / "course").mkdir()
    server = Server(folder / "course", folder / "home")
    try:
        process = psutil.Process(server.process.pid)
        return int(2e9) - sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])
    finally:
        server.close()


@pytest.fixture(scope="module")
def heard():
    """What the pages said and whom they called."""
    return {"errors": [], "hosts": set(), "requests": 0}


@pytest.fixture(scope="module")
def context(heard):
    """A Chromium whose pages are listened to."""
    from browser import CHROMIUM, QUIET, SCREENSHOTS
    from playwright.sync_api import expect, sync_playwright
    expect.set_options(timeout=30_000)      # ms: a busy computer may take its time
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = chromium.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(30_000)

        def host(url):
            if urlsplit(url).scheme not in ("data", "blob"):
                heard["requests"] += 1
                heard["hosts"].add(urlsplit(url).hostname)

        def listen(page):
            page.on("websocket", lambda socket: host(socket.url))
            page.on("pageerror", lambda error: heard["errors"].append(str(error)))
            page.on("console", lambda message: message.type == "error" and heard["errors"].append(
                f"{message.text} ({message.location['url']})"))
        context.on("request", lambda request: host(request.url))
        context.on("page", listen)
        yield context
        chromium.close()
