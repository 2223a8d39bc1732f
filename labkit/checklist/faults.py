"""Files that the intake refuses, small and made on the spot: for the page, where a learner tries them, and for tests.

`FAULTS` has a function for each, which returns an upload, the pair (name, bytes); `SOUND` has two that are taken.
`options` and `outcome` are for the page.
"""
import io
import stat
import tempfile
import zipfile

from PIL import Image

from labkit.checklist.intake import MAX_BYTES, intake
from labkit.language import _
from labkit.settings import SettingError


def picture(shade: int, size: tuple[int, int] = (10, 10)) -> bytes:
    """A grey PNG."""
    buffer = io.BytesIO()
    Image.new("L", size, shade).save(buffer, "png")
    return buffer.getvalue()


def packed(files: dict[str, bytes], link: str = "") -> bytes:
    """A zip of `files`; `link` is the name of one that is marked as a link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = ((stat.S_IFLNK if name == link else stat.S_IFREG) | 0o644) << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def folders(classes: int = 2, each: int = 6) -> dict[str, bytes]:
    """Pictures that all differ, in a folder for each class."""
    return {f"class{number}/{place}.png": picture(20 * number + place)
            for number in range(classes) for place in range(each)}


def table(header: str = "size,colour,kind", rows: int = 20) -> bytes:
    """A sound table with two classes."""
    lines = [f"{row}.5,{('red', 'blue')[row // 2 % 2]},{('cat', 'dog')[row % 2]}" for row in range(rows)]
    return "\n".join([header, *lines]).encode()


def _with(name: str, content: bytes, link: str = "") -> tuple[str, bytes]:
    return "pictures.zip", packed({**folders(), name: content}, link)


def _locked() -> tuple[str, bytes]:
    """The bit that says "encrypted", set in both headers of each file."""
    content = bytearray(packed(folders()))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    return "locked.zip", bytes(content)


def _huge() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (6000, 6000)).save(buffer, "png")
    return buffer.getvalue()


SOUND = {"a sound table": lambda: ("table.csv", table()), "a sound zip": lambda: ("pictures.zip", packed(folders()))}
FAULTS = {
    "path with ..": lambda: _with("class0/../../../evil.png", picture(9)),
    "too large": lambda: ("large.csv", bytes(MAX_BYTES + 1)),
    "empty": lambda: ("empty.csv", b"\xef\xbb\xbf\n"),
    "not text": lambda: ("table.csv", b"\x80\x04\x95\x00\x00cposix\nsystem\n"),       # as a pickle begins
    "another encoding": lambda: ("table.csv", "place,kind\ncafé,a\n".encode("latin-1")),
    "no header": lambda: ("table.csv", table("1.5,red,cat")),
    "no rows": lambda: ("table.csv", b"size,colour,kind\n"),
    "one column": lambda: ("table.csv", b"kind\ncat\ndog\n"),
    "two columns of one name": lambda: ("table.csv", table("size,size,kind")),
    "ragged rows": lambda: ("table.csv", table() + b"\n3.5,red,dog,4"),
    "10,000 columns": lambda: ("table.csv", b"\n".join([b",".join(b"c%d" % place for place in range(10_000)),
                                                        b",".join([b"1"] * 10_000)])),
    "quote never closed": lambda: ("table.csv", table() + b'\n3.5,"red,cat\n4.5,red,dog'),
    "target missing": lambda: ("table.csv", table() + b"\n3.5,red,NA"),
    "mostly missing": lambda: ("table.csv", table().replace(b",red,", b",,").replace(b"1.5,blue", b"1.5,")),
    "formula among numbers": lambda: ("table.csv", table() + b"\n=1+1,red,cat"),
    "one class only": lambda: ("table.csv", table().replace(b"dog", b"cat")),
    "rare class": lambda: ("table.csv", table() + b"\n3.5,red,lynx"),
    "identifier as target": lambda: ("table.csv", b"size,id\n" + b"\n".join(b"%d.5,%d" % (row % 7, row)
                                                                           for row in range(60))),
    "text called .png": lambda: _with("class0/a.png", b"not a picture"),
    "picture cut off": lambda: _with("class0/a.png", picture(9, (40, 40))[:60]),
    "huge picture": lambda: _with("class0/a.png", _huge()),
    "absolute path": lambda: _with("/tmp/evil.png", picture(9)),
    "drive letter": lambda: _with("C:/evil.png", picture(9)),
    "backslashes": lambda: _with("class0\\evil.png", picture(9)),
    "link": lambda: _with("class0/a.png", b"/etc/passwd", link="class0/a.png"),
    "bomb": lambda: _with("class0/a.png", bytes(3_000_000)),
    "zip in a zip": lambda: _with("class0/a.png", packed(folders())),
    "password": _locked,
    "damaged zip": lambda: ("pictures.zip", packed(folders())[:-30]),
    "spreadsheet": lambda: ("table.csv", packed({"[Content_Types].xml": b"<Types/>"})),
    "one folder only": lambda: ("pictures.zip", packed(folders(1))),
    "no folders": lambda: ("pictures.zip", packed({f"{shade}.png": picture(shade) for shade in range(9)})),
}


def options() -> dict:
    """All files by their names in the reader's language."""
    return {_(name): make for name, make in {**FAULTS, **SOUND}.items()}


def outcome(make) -> tuple[str, str]:
    """How the file begins, and what the intake says of it: what is wrong, or what it found."""
    name, content = make()
    begin = content[:160].decode("utf-8", "backslashreplace").replace("\x00", "·")
    with tempfile.TemporaryDirectory() as folder:       # a run of its own: the learner's keeps its file
        try:
            said = repr(intake((name, content), folder))
        except SettingError as error:
            said = str(error)
    return f"{name}, {len(content):,} B\n{begin}", said
