"""`fetch` against a loopback server that misbehaves: it ends in a good file or a clear message."""
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from faulty_server import (
    CONTENT,
    SHA256,
    SIZE,
    Server,
    corrupted,
    good,
    longer_file_without_length,
    page,
    page_without_type,
    redirect,
    shorter_file,
    silence,
    stall,
    status,
    truncated,
    truncated_without_length,
    without_range,
    wrong_range,
)

from labkit.data import DataError, download
from labkit.data.download import CHUNK, fetch


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers = []

    def start(*behaviours):
        servers.append(Server(*behaviours))
        return servers[-1]
    yield start
    for server in servers:
        server.close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "folder" / "data.bin"


def get(server, target, **options):
    return fetch(server.url, target, **{"sha256": SHA256, "size": SIZE, "stall": 0.3, **options})


def test_a_good_file_is_kept_and_not_fetched_again(serve, target, capfd):
    server = serve(good)
    assert get(server, target) == target
    assert target.read_bytes() == CONTENT
    assert not target.with_name("data.bin.part").exists()
    get(server, target)
    assert server.requests == [None]
    printed = capfd.readouterr()
    assert "data.bin: 1.0 of 1.0 MB" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize("broken", [truncated, truncated_without_length, stall])
def test_a_broken_connection_is_resumed(serve, target, broken, capfd):
    server = serve(broken, good)
    get(server, target)
    assert target.read_bytes() == CONTENT
    have = int(re.search(rf"(\d+) of {SIZE} bytes", capfd.readouterr().out)[1])
    assert server.requests == [None, f"bytes={have}-"]
    assert SIZE // 2 - CHUNK < have <= SIZE // 2        # a chunk that stalls half-way is asked for again


def test_a_later_call_resumes_where_an_earlier_one_gave_up(serve, target):
    server = serve(truncated, stall, good)
    with pytest.raises(DataError, match=f"of {SIZE} bytes.*goes on from there.*Nothing came") as raised:
        get(server, target)
    have = int(re.search(rf"(\d+) of {SIZE} bytes", str(raised.value))[1])
    assert have > SIZE // 2
    assert not target.exists()
    get(server, target)
    assert target.read_bytes() == CONTENT
    assert server.requests == [None, f"bytes={SIZE // 2}-", f"bytes={have}-"]


def test_a_server_that_ignores_range_sends_the_whole(serve, target):
    server = serve(truncated, without_range)
    get(server, target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_range_that_cannot_be_served_starts_over(serve, target):
    server = serve(truncated, status(416), good)
    with pytest.raises(DataError, match=f"could not go on from byte {SIZE // 2}"):
        get(server, target)
    get(server, target)
    assert target.read_bytes() == CONTENT


def test_another_range_than_asked_for_is_refused(serve, target):
    with pytest.raises(DataError, match="another part of the file"):
        get(serve(truncated, wrong_range), target)
    assert not target.exists()


@pytest.mark.parametrize("broken", [corrupted, longer_file_without_length])
def test_wrong_content_is_named_removed_and_fetched_again(serve, target, broken, capfd):
    server = serve(broken, good)
    get(server, target)
    assert target.read_bytes() == CONTENT
    assert server.requests == [None, None]
    assert re.search(r"data\.bin\.part .*removed", capfd.readouterr().out)


@pytest.mark.parametrize("broken", [corrupted, longer_file_without_length])
def test_wrong_content_twice_is_an_error(serve, target, broken):
    with pytest.raises(DataError, match="removed"):
        get(serve(broken), target)
    assert [path.name for path in target.parent.iterdir()] == ["data.bin.lock"]


def test_a_part_of_another_file_is_found_out(serve, target):
    target.parent.mkdir()
    target.with_name("data.bin.part").write_bytes(b"x" * (SIZE - 10))
    get(serve(good), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour, message", [
    (status(404), "answered 404 Not Found"),
    (status(500), "answered 500 Internal Server Error"),
    (shorter_file, f"announces {SIZE // 2} bytes, not {SIZE}"),
    (page, "web page came from 127.0.0.1.*log in"),
    (page_without_type, "web page came from 127.0.0.1.*log in"),
    (redirect, "web page came from 127.0.0.1.*log in"),
    (silence, "No answer from 127.0.0.1:.* within 0.3 seconds"),
])
def test_an_answer_that_settles_it_is_an_error_at_once(serve, target, behaviour, message):
    server = serve(behaviour)
    with pytest.raises(DataError, match=f"could not be fetched.*{message}.*Look in the cupboard"):
        get(server, target, advice="Look in the cupboard.")
    assert len(server.requests) == (2 if behaviour is redirect else 1)
    assert not target.exists()


def test_no_server_is_named(serve, target):
    server = serve(good)
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match=f"No connection to 127.0.0.1:{server.server_address[1]}"):
        get(server, target)


def test_a_damaged_target_is_named_removed_and_fetched_again(serve, target, capfd):
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1] + b"?")
    get(serve(good), target)
    assert target.read_bytes() == CONTENT
    assert f"{target} was damaged" in capfd.readouterr().out


def test_a_folder_that_cannot_be_written_is_named(serve, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="could not be kept in .*file.*LABKIT_DATA"):
        get(serve(good), tmp_path / "file" / "data.bin")


def test_two_at_once_fetch_once(serve, target, capfd):
    def slow(handler):
        time.sleep(0.3)
        good(handler)
    server = serve(slow)
    fetchers = [threading.Thread(target=get, args=(server, target), kwargs={"stall": 5}) for _ in range(2)]
    for fetcher in fetchers:
        fetcher.start()
    for fetcher in fetchers:
        fetcher.join()
    assert target.read_bytes() == CONTENT
    assert server.requests == [None]
    assert "waiting" in capfd.readouterr().out


def test_a_killed_process_leaves_no_lock_and_a_part_to_resume(serve, target):
    server = serve(stall, good)
    call = f"fetch({server.url!r}, Path({str(target)!r}), sha256={SHA256!r}, size={SIZE}, stall=30)"
    child = subprocess.Popen([sys.executable, "-c", "from pathlib import Path\n"
                              f"from labkit.data.download import fetch\n{call}"], stdout=subprocess.DEVNULL)
    part = target.with_name("data.bin.part")
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > SIZE // 4):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    have = part.stat().st_size
    get(server, target)
    assert target.read_bytes() == CONTENT
    assert server.requests[-1] == f"bytes={have}-"


def test_progress_is_one_line_and_at_most_five_a_second(monkeypatch, capfd):
    now = [0.0]
    monkeypatch.setattr(download.time, "monotonic", lambda: now[0])
    shown = download._Progress("data.bin", 10_000_000, 0)
    for step in range(1, 101):              # two seconds, an update each 20 ms
        now[0] = step * 0.02
        shown.update(step * 100_000)
    lines = capfd.readouterr().out.split("\r")[1:]
    assert 5 <= len(lines) <= 10
    assert all("\n" not in line and len(line) == 79 for line in lines)
    shown.end(10_000_000)
    assert re.search(r"10\.0 of 10\.0 MB, 5\.0 MB/s *\n$", capfd.readouterr().out)
