"""Fetch one large file over HTTP so that what lies at its target is whole, or is not there."""
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from labkit.data.errors import DataError
from labkit.language import _

CHUNK = 1 << 16                 # bytes
STALL = 30.0                    # seconds without a byte, after which a connection is given up
SLOWEST = 1000                  # bytes a second: less than that on average for so long is given up too
SHOWN_EVERY = 0.2               # seconds between two lines of progress
PAGE = (b"<!doctype html", b"<html")        # how a web page begins


def fetch(url: str, target: Path, *, sha256: str, size: int, stall: float = STALL, advice: str = "") -> Path:
    """Return `target`, fetched from `url` unless it is there already with the right SHA-256.

    `size` is in bytes, `stall` in seconds. The bytes go to `target` + ".part", which a later call resumes,
    and get their name only when size and SHA-256 are right. A connection that breaks or all but stops, and a file
    that is wrong, are tried once more; after that, and where the server's answer settles it, `DataError` says why and
    ends with `advice`. A second process that wants the same file waits for the first.
    """
    import filelock
    import pooch

    def is_whole(path: Path) -> bool:
        return path.is_file() and path.stat().st_size == size and pooch.file_hash(path) == sha256

    part = target.with_name(target.name + ".part")
    try:
        if is_whole(target):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(filelock.FileLock(target.with_name(target.name + ".lock")), target):
            if is_whole(target):
                return target
            if target.exists():
                target.unlink()
                _say(_("{file} was damaged (wrong size or SHA-256) and has been removed.").format(file=target))
            for last in (False, True):
                problem = _receive(url, part, size, stall)
                if not problem:
                    digest = pooch.file_hash(part)
                    if digest == sha256:
                        os.replace(part, target)
                        return target
                    part.unlink()
                    problem = _("{file} came with the wrong content and has been removed: its SHA-256 is "
                                "{digest}, not {sha256}.").format(file=part, digest=digest, sha256=sha256)
                if not last:
                    _say(f"{problem} " + _("Fetching again."))
            raise DataError(problem)
    except DataError as error:
        raise DataError(_("{url} could not be fetched. {problem} {advice}").format(
            url=url, problem=error, advice=advice).rstrip()) from error.__cause__
    except OSError as error:
        raise DataError(_("{url} could not be kept in {folder}: {error}. Free some room there, or set "
                          "LABKIT_DATA to a folder that can be written.").format(
                              url=url, folder=target.parent, error=error)) from error


def _say(text: str) -> None:
    """Print `text`, even with the name of a folder that is not valid UTF-8 in it."""
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _only_one(lock, target: Path):
    """The acquired lock, which the system frees when its process dies; says so where it must wait for it."""
    import filelock
    try:
        return lock.acquire(blocking=False)
    except filelock.Timeout:
        _say(_("Another process is fetching {file}: waiting for it.").format(file=target))
        return lock.acquire()


def _receive(url: str, part: Path, size: int, stall: float) -> str:
    """Bring `part` to `size` bytes over one connection. Returns "", or why it is not complete.

    Raises `DataError` where the answer says that asking again is of no use.
    """
    have = part.stat().st_size if part.exists() else 0
    if have == size:
        return ""
    with _ask(url, have if have < size else 0, stall) as answer:
        if answer.status_code == 416:               # the part is not of this file
            part.unlink(missing_ok=True)
            return _("The server could not go on from byte {have}.").format(have=have)
        if answer.status_code not in (200, 206):
            raise DataError(_("The server answered {status} {reason}.").format(
                status=answer.status_code, reason=answer.reason))
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise _web_page(answer.url)
        if answer.status_code == 200:               # the whole file, whatever was asked for
            have = 0
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise DataError(_("The server sent another part of the file than it was asked for."))
        announced = answer.headers.get("Content-Length")
        if announced and announced != str(size - have):
            raise DataError(_("The server announces {announced} bytes, not {size}.").format(
                announced=announced, size=size - have))
        have, problem = _keep(answer, part, have, size, stall)
    if have > size:
        part.unlink()
        return _("{file} was removed: the server sent more than its {size} bytes.").format(
            file=part, size=size)
    if have < size:
        return _("{file} has {have} of {size} bytes, and the next try goes on from there. {problem}").format(
            file=part, have=have, size=size, problem=problem).rstrip()
    return ""


def _ask(url: str, start: int, stall: float):
    """The server's answer, of which only the head has been read, to a request for the bytes from `start` on."""
    import requests
    headers = {"Accept-Encoding": "identity"}       # the size and the checksum are those of the file as it is
    if start:
        headers["Range"] = f"bytes={start}-"
    host = urlsplit(url).netloc
    try:
        return requests.get(url, stream=True, timeout=stall, headers=headers)
    except requests.Timeout as error:
        raise DataError(_("No answer from {host} within {seconds:g} seconds.").format(
            host=host, seconds=stall)) from error
    except (requests.TooManyRedirects, ValueError) as error:        # an address that is none is a ValueError
        raise DataError(_("{host} leads on to where there is no file ({error}).").format(
            host=host, error=error)) from error
    except OSError as error:                        # those of requests are too, and it lets through some of others
        raise DataError(_("No connection to {host} ({error}).").format(
            host=host, error=f"{type(error).__name__}: {_first(error)}")) from error


def _first(error: BaseException) -> str:
    """What went wrong first, where libraries have wrapped one error into another."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return f"{type(error).__name__}: {error}"


def _keep(answer, part: Path, have: int, size: int, stall: float) -> tuple[int, str]:
    """Write what comes behind the `have` bytes of `part`. Returns how many it has then, and what broke it off, if any.

    It ends soon after `size` bytes, whatever else comes.
    """
    import urllib3
    shown = _Progress(part.stem, size, have)
    since, had, begin = time.monotonic(), have, b"" if have == 0 else None
    with part.open("ab" if have else "wb") as file:
        try:
            while have <= size and (chunk := answer.raw.read1(CHUNK, decode_content=False)):
                if begin is not None and len(begin) < len(PAGE[0]):
                    begin = (begin + chunk).lstrip()[:len(PAGE[0])]
                    if begin.lower().startswith(PAGE):
                        raise _web_page(answer.url)
                file.write(chunk)
                have += len(chunk)
                shown.update(have)
                if time.monotonic() - since > stall:
                    if have - had < SLOWEST * stall:
                        return have, _("Only {count} bytes came in {seconds:g} seconds.").format(
                            count=have - had, seconds=stall)
                    since, had = time.monotonic(), have
        except urllib3.exceptions.ReadTimeoutError:
            return have, _("Nothing came for {seconds:g} seconds.").format(seconds=stall)
        except urllib3.exceptions.HTTPError as error:
            return have, _("The connection broke ({error}).").format(error=type(error).__name__)
        finally:
            shown.end(have)
    return have, ""


def _web_page(url: str) -> DataError:
    return DataError(_("A web page came from {host} in place of the file, perhaps the login page of the "
                       "network: open it in a browser, log in, and try again.").format(
                           host=urlsplit(url).netloc))


class _Progress:
    """One line on stdout that is written over, at most five times a second."""

    def __init__(self, name: str, size: int, have: int):
        self._name, self._size, self._first = name, size, have
        self._start = time.monotonic()
        self._next = self._start + SHOWN_EVERY

    def update(self, have: int) -> None:
        if time.monotonic() >= self._next:
            self._show(have)
            self._next = time.monotonic() + SHOWN_EVERY

    def end(self, have: int) -> None:
        self._show(have)
        print()

    def _show(self, have: int) -> None:
        speed = (have - self._first) / max(time.monotonic() - self._start, 1e-3)
        line = _("{name}: {have:.1f} of {size:.1f} MB, {speed:.1f} MB/s").format(
            name=self._name, have=have / 1e6, size=self._size / 1e6, speed=speed / 1e6)
        print(f"\r{line:<79}", end="", flush=True)
