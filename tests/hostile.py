"""Archives that try to write elsewhere, or to grow beyond measure: zips of pictures, zips of films, tars of CIFAR-10.

`ZIPS`, `FILMS` and `TARS` have a pair for each: the function that makes its bytes, and words of the refusal, or None
where the archive may be read, since nothing is written. Run as a program, it gives them all to their readers.
"""
import gzip
import io
import json
import stat
import struct
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import archives
from promises import size

from labkit.checklist import faults, intake
from labkit.data import DataError, load
from labkit.data.ratings import read_movielens
from labkit.settings import SettingError

LARGE = size(70, 400)       # MB that a bomb unpacks to: more than any one file may have


def zipped(extra, mode: int = stat.S_IFREG, method: int = zipfile.ZIP_DEFLATED, sound=None) -> bytes:
    """A zip of sound files and, after them, the pairs of name and content in `extra`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of a name that is there twice
        for name, content in (faults.folders() if sound is None else sound).items():
            archive.writestr(name, content)
        for name, content in extra:
            member = zipfile.ZipInfo("x")
            member.filename, member.compress_type = name, method       # the constructor would cut it at a zero
            member.external_attr = (mode | 0o644) << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def saying(content: bytes, name: str, length: int) -> bytes:
    """The zip, whose lists say that the file `name` has `length` bytes."""
    content, name = bytearray(content), name.encode()
    for mark, place, where in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = content.find(mark)
        while content[at + where:at + where + len(name)] != name:
            at = content.find(mark, at + 4)
        content[at + place:at + place + 4] = struct.pack("<I", length)
    return bytes(content)


def overlapped(count: int = 5_000) -> bytes:
    """Many files that all are the same bytes of the zip, as in David Fifield's "A better zip bomb" (2019)."""
    kernel = zipped([], sound={"class0/a.png": bytes(1_000_000)})
    at, end = kernel.find(b"PK\x01\x02"), kernel.find(b"PK\x05\x06")
    entry = kernel[at:end]
    listed = b"".join(entry.replace(b"class0/a.png", b"class0/%05d" % place) for place in range(count))
    return kernel[:at] + listed + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(listed), at, 0)


def _name(name: str, words: str | None):
    return lambda: zipped([(name, faults.picture(9))]), words


def _bomb(method: int, says: int):
    return lambda: saying(zipped([("class0/a.png", bytes(LARGE * 1_000_000))], method=method), "class0/a.png", says)


def _quine() -> bytes:
    """Zips in zips in zips, the innermost of which is large: 42.zip in small."""
    content = zipped([], sound={"0.dat": bytes(5_000_000)})
    for _depth in range(4):
        content = zipped([], sound={f"lib{place}.zip": content for place in range(4)})
    return zipped([("class0/a.png", content)], method=zipfile.ZIP_STORED)


ZIPS = {
    "..": _name("../../evil.png", "leads out of the folder"),
    ".. inside": _name("class0/../../../evil.png", "leads out of the folder"),
    ".. at the end": _name("class0/..", "leads out of the folder"),
    "absolute": _name("/tmp/labkit-evil.png", "root or a drive"),
    "drive": _name("C:/evil.png", "root or a drive"), "drive without a slash": _name("C:evil.png", "root or a drive"),
    "share": _name("\\\\server\\share\\evil.png", "root or a drive"),
    "backslashes": _name("class0\\..\\..\\evil.png", "leads out of the folder"),
    "zero": _name("class0/evil.png\0.txt", "control characters"), "newline": _name("class0/a\nb.png", "control char"),
    "5,000 letters": _name("class0/" + "x" * 5_000 + ".png", None),
    "deep": _name("class0/" + "d/" * 2_000 + "evil.png", None),
    "link": (lambda: zipped([("class0/evil.png", b"/etc/passwd")], stat.S_IFLNK), "no link or device"),
    "link to a folder, and through it": (lambda: zipped(
        [("class0/out", b"../../.."), ("class0/out/evil.png", faults.picture(9))], stat.S_IFLNK), "no link or device"),
    **{kind: (lambda mode=mode: zipped([("class0/evil.png", b"")], mode), "no link or device") for kind, mode in {
        "fifo": stat.S_IFIFO, "device": stat.S_IFCHR, "disk": stat.S_IFBLK, "socket": stat.S_IFSOCK}.items()},
    "twice": (lambda: zipped([("class0/1.png", faults.picture(9))]), "each name once"),
    "zips in a zip": (_quine, "another archive"),
    "overlapping": (overlapped, "at most 500,000,000 bytes"),
    "ratio": (_bomb(zipfile.ZIP_DEFLATED, LARGE * 1_000_000), "at most "),
    "says less": (_bomb(zipfile.ZIP_DEFLATED, 1_000), "a file that unpacks"),
    "says less, bzip2": (_bomb(zipfile.ZIP_BZIP2, 1_000), "packed by deflate"),
    "says less, lzma": (_bomb(zipfile.ZIP_LZMA, 1_000), "packed by deflate"),
    "says 4 GB": (_bomb(zipfile.ZIP_DEFLATED, 2**32 - 2), "at most 500,000,000 bytes"),
    "many files": (lambda: zipped([], sound={f"class0/{place}": b"" for place in range(20_001)}), "at most 20,000"),
}


def films(extra=(), method: int = zipfile.ZIP_DEFLATED, data: bytes = b"1\t1\t5\t0\n") -> bytes:
    sound = {"ml-100k/u.item": b"1|A|||x|1\n", "ml-100k/u.genre": b"war|0\n"}
    return zipped([("ml-100k/u.data", data), *extra], method=method, sound=sound)


def _film_bomb(method: int):
    return lambda: saying(films(method=method, data=bytes(LARGE * 1_000_000)), "ml-100k/u.data", 1_000)


FILMS = {
    **{name: (lambda name=name: films([(name, b"x")]), "not a file of MovieLens") for name in (
        "../evil", "ml-100k/../../evil", "/tmp/labkit-evil", "C:/evil", "ml-100k/a\nb", "ml-100k\\evil")},
    "large": (lambda: films(data=bytes(LARGE * 1_000_000)), "more than any file"),
    "says less": (_film_bomb(zipfile.ZIP_DEFLATED), "cannot be read"),
    "says less, bzip2": (_film_bomb(zipfile.ZIP_BZIP2), "unusual way"),
}


def tar(name: str = "x", kind: bytes = tarfile.REGTYPE, link: str = "", holds: int = 0, says: int | None = None,
        count: int = 1) -> bytes:
    """An archive with `count` members called so, each of `holds` zero bytes, or of `says` if its header is believed."""
    buffer, member = io.BytesIO(), tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, holds if says is None else says
    with gzip.open(buffer, "wb", compresslevel=1) as stream:
        for _copy in range(count):
            stream.write(member.tobuf(tarfile.PAX_FORMAT))
            for _megabyte in range(holds // 1_000_000):
                stream.write(bytes(1_000_000))
            stream.write(bytes(holds % 1_000_000 + -holds % 512))
        stream.write(bytes(1024))
    return buffer.getvalue()


WANTED = f"{archives.FOLDER}/test_batch"
TARS = {
    **{name[:20]: (lambda name=name: tar(name), "has no data_batch_1") for name in (
        "../../evil", "/tmp/labkit-evil", "C:/evil", f"{archives.FOLDER}/../../evil", "a\nb", "x" * 5_000,
        "d/" * 2_000)},
    "link": (lambda: tar(WANTED, tarfile.SYMTYPE, "/etc/passwd"), "not a plain file"),
    "hard link": (lambda: tar(WANTED, tarfile.LNKTYPE, "../../../etc/passwd"), "not a plain file"),
    "folder that is a link": (lambda: tar(archives.FOLDER, tarfile.SYMTYPE, ".."), "has no data_batch_1"),
    "device": (lambda: tar(WANTED, tarfile.CHRTYPE), "not a plain file"),
    "fifo": (lambda: tar(WANTED, tarfile.FIFOTYPE), "not a plain file"),
    "twice": (lambda: tar(WANTED, holds=600, count=3), "is damaged|is no data"),
    "says a terabyte": (lambda: tar(WANTED, says=2**40), "no file of CIFAR-10 has over"),
    "another's terabyte": (lambda: tar("other", says=2**40), "more than 536,870,912 bytes"),
    "large": (lambda: tar(WANTED, holds=LARGE * 1_000_000), "no file of CIFAR-10 has over"),
    "many bytes": (lambda: tar("other", holds=LARGE * 1_000_000, count=9), "more than 536,870,912 bytes"),
    "long name": (lambda: tar("other", tarfile.GNUTYPE_LONGNAME, holds=LARGE * 1_000_000),
                  "more than 67,108,864 bytes"),
    "long note": (lambda: tar("other", tarfile.XHDTYPE, holds=LARGE * 1_000_000), "more than 67,108,864 bytes"),
    "sparse": (lambda: tar(WANTED, tarfile.GNUTYPE_SPARSE, says=2**40), "no file of CIFAR-10 has over"),
    "many members": (lambda: tar("other", count=2_000), "more than 1,000 members"),
}


READERS = {
    "zip": lambda path: intake((path.name, path.read_bytes()), "run"),
    "films": read_movielens,
    "tar": lambda path: load("cifar10", path=path),
}
CASES = {"zip": ZIPS, "films": FILMS, "tar": TARS}


def main(folder: str) -> None:
    """Give each file of `folder` to the reader that it is named after; print what it said, and the peak of memory."""
    import resource  # not on Windows
    for path in sorted(Path(folder).iterdir()):
        try:
            READERS[path.name.split("-")[0]](path)
            said = "read"
        except (SettingError, DataError) as error:
            said = str(error)
        print(json.dumps((path.name, said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)))


if __name__ == "__main__":
    main(sys.argv[1])
