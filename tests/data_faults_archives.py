"""Faults of archives and folders that a learner names as `path`, for CIFAR-10 and MovieLens-100k."""
import gzip
import io
import os
import pickle
import struct
import tarfile
import zlib

import numpy as np
from archives import FOLDER, packed, python2, python3
from data_world import BATCHES, CIFAR10, GOOD, MOVIELENS, Fault, rated

POSIX = os.name == "posix"
OFFICIAL = "Take the official archive: "
WANTED = "the file {file}, or a folder that holds it"
WHOLE, ZIP = GOOD[CIFAR10], GOOD[MOVIELENS]
PAGE = b"<!DOCTYPE html><html><body>Log in to the network</body></html>"


class Harmful:
    """A pickle of it would remove a file."""

    def __reduce__(self):
        return os.remove, ("/none",)


def given(content: bytes):
    return lambda world: world.give(content)


def path(value: str):
    """`value` as the path, where {folder} is an empty folder."""
    def make(world):
        world.path = value.format(folder=world.folder / "empty") if isinstance(value, str) else value
        (world.folder / "empty").mkdir()
        world.patch.chdir(world.folder / "empty")
    return make


def extracted(**changes):
    """The archive's folder, with other contents of some files, or without those that are None."""
    def make(world):
        world.path = world.folder / FOLDER
        for name, content in {**BATCHES, **changes}.items():
            if content is not None:
                world.put(content if isinstance(content, bytes) else python3(content), world.path / name)
    return make


def pipe(world):
    world.path = world.folder / "pipe"
    os.mkfifo(world.path)


def of_a_broken_disk(world):
    """A file whose reading the system refuses with an error of input and output, even to root."""
    world.path = world.folder / "archive"
    world.path.symlink_to("/proc/self/mem")


def changed(name: str, **fields) -> dict:
    """The batches, with other fields in one of them."""
    return {**BATCHES, name: {**BATCHES[name], **{field.encode(): value for field, value in fields.items()}}}


def without(name: str) -> dict:
    return {other: content for other, content in BATCHES.items() if other != name}


def stored(flip=None) -> bytes:
    """The archive in a gzip that does not compress, in which a flipped bit changes a pixel and nothing else."""
    archive = bytearray(packed(BATCHES, mode="w:"))
    checked = struct.pack("<II", zlib.crc32(archive), len(archive))
    if flip is not None:
        archive[flip] ^= 1
    compress = zlib.compressobj(0, wbits=-15)
    return gzip.compress(b"", mtime=0)[:10] + compress.compress(bytes(archive)) + compress.flush() + checked


def linked() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"{FOLDER}/data_batch_1")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


def encrypted() -> bytes:
    """The archive, with the mark of encryption at each of its files."""
    content = bytearray(ZIP)
    for start, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = content.find(start)
        while place >= 0:
            content[place + flags] |= 1
            place = content.find(start, place + 1)
    return bytes(content)


def cifar10(name, content, *says, here=True):
    """A file in place of CIFAR-10's archive."""
    return Fault(name, given(content), ("{path}", *says, OFFICIAL) if says else (), here=here)


def batch(name, *says, of="data_batch_2", **fields):
    """CIFAR-10's archive, well packed, with something else in one of its files."""
    return cifar10(name, packed(changed(of, **fields), python2), of, *says)


def movielens(name, content, *says):
    """A file in place of MovieLens-100k's archive."""
    return Fault(name, given(content), ("{path}", *says, OFFICIAL) if says else (), MOVIELENS)


DAMAGED = "damaged or not what its name says"
RATED = "1\t1\t5\t0\n2\t1\t4\t0\n"
PIXELS = len(packed(BATCHES, mode="w:")) // 2       # somewhere among them
UNREADABLE = ("cifar10 cannot be read", "Give a path", "that you may read")
NAMED = [
    cifar10("cut inside a batch", WHOLE[:len(WHOLE) // 2], DAMAGED),
    cifar10("cut inside the first header", WHOLE[:20], DAMAGED),
    cifar10("cut before the checksum", stored()[:-8], DAMAGED),
    cifar10("an empty archive", b"", DAMAGED),
    cifar10("a web page for an archive", PAGE, DAMAGED),
    cifar10("one byte flipped", WHOLE[:-5000] + bytes([WHOLE[-5000] ^ 0xFF]) + WHOLE[-4999:], DAMAGED),
    cifar10("gzip that does not compress", stored()),
    cifar10("one pixel flipped that gzip lets pass until its end", stored(flip=PIXELS), DAMAGED, "CRC"),
    cifar10("tar that is not gzip", packed(BATCHES, mode="w:"), DAMAGED),
    cifar10("tar in xz", packed(BATCHES, mode="w:xz"), DAMAGED),
    cifar10("gzip that is not tar", gzip.compress(b"x" * 5000), DAMAGED),
    cifar10("zip in place of tar", ZIP, DAMAGED),
    cifar10("no third batch", packed(without("data_batch_3")), "has no data_batch_3"),
    cifar10("no class names", packed(without("batches.meta")), "has no batches.meta"),
    cifar10("a batch twice", packed([*BATCHES.items(), ("data_batch_1", BATCHES["data_batch_2"])]),
            "holds data_batch_1 twice"),
    cifar10("a link in place of a batch", linked(), "is not a plain file"),
    cifar10("another file whose name is not UTF-8", packed({**BATCHES, "caf\udce9": b"x"})),
    cifar10("a file that wants to lie elsewhere", packed({**BATCHES, "../../outside": b"x"})),
    cifar10("a batch that is no pickle", packed({**BATCHES, "data_batch_4": b"x"}), "data_batch_4 is damaged"),
    cifar10("a batch that is cut", packed({**BATCHES, "data_batch_4": python3(BATCHES["data_batch_4"])[:-9000]}),
            "data_batch_4 is damaged"),
    cifar10("a batch that would run a program", packed({**BATCHES, "test_batch": pickle.dumps(Harmful())}),
            "asks for", "may be harmful"),
    cifar10("a batch that is a list", packed({**BATCHES, "test_batch": [1, 2]}), "test_batch has no field data"),
    batch("images of another shape", "data must be images", data=np.zeros((10, 3071), np.uint8)),
    batch("images of another type", "not float32", data=np.zeros((10, 3072), np.float32)),
    batch("no images", "data must be images", data=np.zeros((0, 3072), np.uint8), labels=[]),
    batch("images that are text", "not bytes", data=b"pixels"),
    batch("a label of 10", "labels must be 0 to 9, but 10 is", labels=[0] * 9 + [10]),
    batch("a label of -1", "labels must be 0 to 9, but -1 is", labels=[0] * 9 + [-1]),
    batch("a label too few", "labels must be 10 whole numbers", labels=[0] * 9),
    batch("labels that are not whole", "labels must be 10 whole numbers", labels=[0.5] * 10),
    batch("nine classes", "label_names must be ten names", of="batches.meta", label_names=[b"cat"] * 9),
    batch("a class whose name is not UTF-8", "label_names must be ten names", of="batches.meta",
          label_names=[b"caf\xe9"] * 10),
    Fault("a folder without a batch", extracted(data_batch_5=None), ("{path} has no data_batch_5", OFFICIAL)),
    Fault("a folder with an empty batch", extracted(data_batch_5=b""), ("data_batch_5 is damaged", OFFICIAL)),
    Fault("a folder with something else in it", extracted(**{".DS_Store": b"x"})),
    Fault("a path of no length", path(""), ("path = ''", WANTED)),
    Fault("a path to nothing", path("{folder}/none"), ("path = ", "none", WANTED)),
    Fault("a path to an empty folder", path("{folder}"), ("path = ", "empty", WANTED)),
    Fault("a path to an unknown user", path("~nobody-of-this-name/data"), ("path = '~nobody-of-this-name", WANTED)),
    Fault("a path that is a number", path(3), ("path = 3", "the name of a file or folder")),
    Fault("a path that holds a zero", path("a\0b"), (r"path = 'a\x00b'", WANTED)),
    Fault("a path too long", path("{folder}/" + "x" * 300), UNREADABLE, here=POSIX),
    Fault("a pipe for an archive", pipe, ("path = ", "pipe", WANTED), here=POSIX),
    Fault("a file that the disk does not give", of_a_broken_disk, UNREADABLE, here=os.path.exists("/proc/self/mem")),
    movielens("MovieLens, cut", ZIP[:200], "cannot be read"),
    movielens("MovieLens, an empty file", b"", "cannot be read"),
    movielens("MovieLens, a web page", PAGE, "cannot be read"),
    movielens("MovieLens, a bit flipped", ZIP.replace(b"1-Jan-95", b"2-Jan-95", 1), "cannot be read", "CRC"),
    movielens("MovieLens, encrypted", encrypted(), "cannot be read", "encrypted"),
    movielens("MovieLens, no genres", rated(**{"ml-100k/u.genre": None}), "not a whole MovieLens-100k", "u.genre"),
    movielens("MovieLens, empty genres", rated(**{"ml-100k/u.genre": "\n"}), "columns are not those"),
    movielens("MovieLens, a column too few", rated("1\t1\t5\n"), "columns are not those"),
    movielens("MovieLens, rows of two lengths", rated("1\t1\t5\t0\n1\t1\t5\n"), "cannot be read"),
    movielens("MovieLens, commas", rated("1,1,5,0\n"), "cannot be read"),
    movielens("MovieLens, no ratings", rated(""), "columns are not those"),
    movielens("MovieLens, a rating of 6", rated("1\t1\t6\t0\n"), "a rating outside 1 to 5"),
    movielens("MovieLens, a film of no title", rated("1\t9\t5\t0\n"), "an item that has no title"),
    movielens("MovieLens, a user beyond all", rated("4000000000\t1\t5\t0\n"), "a user's number"),
    movielens("MovieLens, a number beyond all", rated(f"{2**70}\t1\t5\t0\n"), "cannot be read"),
    movielens("MovieLens, a genre that is no number", rated(RATED, **{"ml-100k/u.item": "1|A|d||u|nan|1\n"}),
              "neither 0 nor 1"),
    movielens("MovieLens, a file twice", rated(**{"ml-100k/v.data": RATED}).replace(b"v.data", b"u.data"),
              "holds ml-100k/u.data twice"),
    movielens("MovieLens, another file in it", rated(**{"caf\xe9": "x"}), "not a file of MovieLens-100k"),
    Fault("MovieLens, a path to nothing", path("{folder}"), ("path = ", WANTED), MOVIELENS),
]
