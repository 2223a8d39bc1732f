"""A world in which `labkit.data` is called as a learner calls it, and what a fault in it is made of."""
import dataclasses
import functools
import hashlib
import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import archives
import torch
from faulty_server import Server, good

from labkit import data, settings
from labkit.data import download, registry

ratings = import_module("labkit.data.ratings")      # labkit.data.ratings is the function of that name
STALL = 1.5            # seconds, where a learner waits 30; a busy computer may take one to answer
CIFAR10, MOVIELENS = "cifar10", "movielens-100k"
FILES = {CIFAR10: archives.ARCHIVE, MOVIELENS: ratings.ARCHIVE}
OF_THE_FILE = ("sha256", "note", "source")          # what a data set says of where it comes from


RATED = "".join(f"{row % 7 + 1}\t{row % 5 + 1}\t{row % 4 + 1}\t{row}\n" for row in range(40))


def rated(ratings: str = RATED, **more) -> bytes:
    """A small archive in the form of MovieLens-100k."""
    return archives.movielens(io.BytesIO(), ratings, ("Alpha", "Beta", "Beta", "Gamma", "Delta"), **more).getvalue()


BATCHES = archives.batches(per_batch=10, test=10)
GOOD = {CIFAR10: archives.packed(BATCHES), MOVIELENS: rated()}


def load(name: str, path=None):
    """The set as a chapter asks for it."""
    if name in data.NAMES:
        return data.load(name, path=path)
    return data.ratings(name, path) if name == MOVIELENS else data.table(name)


def fingerprint(found) -> str:
    """SHA-256 of what a data set holds: every tensor with its type and shape, and every name."""
    digest = hashlib.sha256()

    def add(value):
        if isinstance(value, torch.Tensor):
            digest.update(f"{value.dtype} {tuple(value.shape)}".encode() + value.numpy().tobytes())
        elif dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                if field.name not in OF_THE_FILE:
                    add(getattr(value, field.name))
        else:
            digest.update(repr(value).encode())
    add(found)
    return digest.hexdigest()


class World:
    """A home folder with an empty cache, a server that is well, and a call that is to be made.

    name    the set that is asked for, `path` what is given as its path, and `right` the fingerprint of the right set
    target  where the fetched archive `good` belongs, and `part` where it grows
    address where it is fetched from
    """

    def __init__(self, folder: Path, patch, name: str = CIFAR10):
        self.folder, self.home, self.patch, self.name, self.path = folder, folder / "home", patch, name, None
        self.good, self.server, self.undo = GOOD.get(name, b""), None, []
        self.home.mkdir(parents=True)
        for variable in ("LABKIT_DATA", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
            patch.delenv(variable, raising=False)
            patch.delenv(variable.lower(), raising=False)
        for variable, value in environment(self.home).items():
            patch.setenv(variable, value)
        if sys.platform == "win32":         # which asks no variable for the user's cache
            patch.setattr("pooch.os_cache", lambda project: self.home / "cache" / project)
        self.target = settings.data_folder() / FILES.get(name, "none")
        self.part = self.target.with_name(f"{self.target.name}.part")
        patch.setitem(download.fetch.__kwdefaults__, "stall", STALL)
        self.serve(good)
        self.right = _right(name)

    def serve(self, *behaviours, address: str = "{url}") -> None:
        """Have the archive fetched from a server that answers as `behaviours` say, or from another `address`."""
        self.server = Server(*behaviours or [good], content=self.good)
        self.undo.append(self.server.close)
        self.address = address.format(url=self.server.url, port=self.server.server_address[1])
        _published(self.address, self.name, self.good, self.patch.setitem, self.patch.setattr)

    def put(self, content: bytes, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def give(self, content: bytes) -> None:
        """Have the learner name a file with `content`."""
        self.path = self.put(content, self.folder / FILES[self.name])

    def mount(self, *options: str) -> None:
        """Give the cache a file system of its own, until the end. Mounted again, it keeps its files."""
        again = self.target.parent.is_mount()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(["remount"] * again + list(options)), "tmpfs",
                        self.target.parent], check=True)
        if not again:
            self.undo.append(lambda: subprocess.run(["umount", self.target.parent], check=True))

    def elsewhere(self, stall: float = 30):
        """Another process that makes the same call. Its exit code is 0 for the right set."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["labkit.data", "filelock", "pooch", "requests"])     # once, not in each process
        process = context.Process(target=_call, args=(self.address, self.name, self.good, self.home, self.right, stall))
        process.start()
        self.undo.append(process.kill)
        return process

    def call(self) -> tuple[bool, Exception | None]:
        """Whether the call returns the right set, and what it raises."""
        try:
            return fingerprint(load(self.name, self.path)) == self.right, None
        except Exception as error:  # noqa: BLE001 - which errors may end a call is what the tests ask
            return False, error

    def close(self) -> None:
        for undo in reversed(self.undo):
            undo()


@functools.cache
def _right(name: str) -> str:
    """The fingerprint of a set as it is where nothing has gone wrong."""
    if name not in GOOD:
        return fingerprint(load(name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILES[name]
        path.write_bytes(GOOD[name])
        return fingerprint(load(name, path))


def environment(home: Path) -> dict[str, str]:
    """Of one who has nothing but a home folder."""
    return {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "NO_PROXY": "127.0.0.1", "LABKIT_LANGUAGE": "en"}


def _published(address: str, name: str, content: bytes, set_item, set_attribute) -> None:
    """Have labkit take `content` at `address` for the official archive of a set."""
    sha256 = hashlib.sha256(content).hexdigest()
    if name == CIFAR10:
        set_item(registry.SOURCES, name, dataclasses.replace(
            registry.SOURCES[name], source=address, sha256=sha256, size=len(content)))
    elif name == MOVIELENS:
        for variable, value in (("URL", address), ("SHA256", sha256), ("SIZE", len(content))):
            set_attribute(ratings, variable, value)


def _call(address: str, name: str, content: bytes, home: Path, right: str, stall: float) -> None:
    os.environ.pop("LABKIT_DATA", None)
    os.environ.update(environment(home))
    _published(address, name, content, dict.__setitem__, setattr)
    download.fetch.__kwdefaults__["stall"] = stall
    sys.exit(0 if fingerprint(load(name)) == right else 1)


@dataclass(frozen=True)
class Fault:
    """What breaks a world, and what the message then says; where it says nothing, the call ends in the right set.

    says    what is wrong, and last what to do; may hold {host}, {target}, {part}, {path}, {folder} and {file}
    of      the set that is asked for
    again   once the server is well, the same call ends in the right set
    here    whether this system can have such a fault
    """
    name: str
    make: Callable[[World], object]
    says: tuple[str, ...] = ()
    of: str = CIFAR10
    again: bool = False
    here: bool = True


@dataclass(frozen=True)
class End:
    """How a call ended: in the `right` set, in another, or with `error`, whose message should hold `says`.

    `kept`: at the target lies the right archive, or what lay there before the call.
    """
    right: bool
    error: Exception | None
    says: tuple[str, ...]
    kept: bool
    again: bool


def end_of(fault: Fault, folder: Path, patch) -> End:
    """Break a world of its own, and make the call in it."""
    world = World(folder, patch, fault.of)
    try:
        fault.make(world)
        before = _content(world.target)
        right, error = world.call()
        after = _content(world.target)
        says = tuple(words.format(host=world.address.split("/")[2], target=world.target, part=world.part,
                                  path=world.path, folder=world.target.parent, file=FILES.get(fault.of))
                     for words in fault.says)
        again = fault.again and (world.serve() or world.call()[0])
        return End(right, error, says, after in (before, world.good), again)
    finally:
        world.close()


def _content(path: Path) -> object:
    """What lies at `path`, or the number of the error that says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        return error.errno
