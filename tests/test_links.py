"""Links against a server on loopback that answers as the web does."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from labkit import cli, links
from labkit.resources import catalogue
from labkit.settings import SettingError


class Pages(BaseHTTPRequestHandler):
    def do_HEAD(self):
        page = self.path.strip("/")
        if page == "stall":
            self.server.over.wait(10)
        if page in ("301", "302"):
            self.send_response(int(page))
            self.send_header("Location", "/200")
        elif page == "get-only":
            self.send_response(200 if self.command == "GET" else 405)
        else:
            self.send_response(int(page) if page.isdigit() else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *arguments):
        """The test's output stays its own."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.over = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("page, state", [
    ("200", "there"), ("get-only", "there"), ("302", "there"), ("301", "moved"), ("403", "closed"), ("429", "closed"),
    ("404", "gone"), ("410", "gone"), ("503", "gone"), ("stall", "silent")])
def test_each_answer(server, page, state):
    answer = links.ask(server + page, seconds=0.4)
    assert answer.state == state and (answer.detail != "") == (state != "there")


def test_nobody_at_the_address(server):
    assert links.ask("http://127.0.0.1:9/", seconds=2).state == "silent"
    assert links.ask("http://", seconds=2).state == "silent"


def test_the_report_names_what_failed_and_counts(server, capsys):
    pages = ("200", "301", "404", "stall")
    assert links.report([server + page for page in pages], seconds=0.4) is False
    text = capsys.readouterr().out
    assert f"{server}404  answers 404" in text and f"{server}301  has moved to {server}200" in text
    assert "no answer within 0.4 seconds" in text and f"{server}200  " not in text
    assert text.endswith("4 addresses: 1 there, 1 moved, 0 closed to programs, 1 gone, 1 without an answer.\n")


def test_moved_and_closed_are_no_failures(server):
    assert links.report([server + "200", server + "301", server + "403"]) is True


def test_without_a_network_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(links, "ask", lambda link, seconds: links.Answer(link, "silent", "no connection"))
    assert cli.main(["links", "--seconds", "1"]) == 1
    assert "seems to have no network" in capsys.readouterr().out


def test_the_command_asks_the_catalogue(monkeypatch, capsys):
    asked = []

    def ask(link, seconds):
        asked.append((link, seconds))
        return links.Answer(link, "there")
    monkeypatch.setattr(links, "ask", ask)
    assert cli.main(["links"]) == 0
    assert sorted(asked) == sorted((link, 10.0) for link in catalogue.entries().link if link)
    assert capsys.readouterr().out.startswith(f"{len(asked)} addresses: {len(asked)} there")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_that_is_none_is_refused(seconds, capsys):
    assert cli.main(["links", "--seconds", seconds]) == 2
    assert "seconds = " in capsys.readouterr().err
    with pytest.raises(SettingError):
        links.report([], float(seconds))
