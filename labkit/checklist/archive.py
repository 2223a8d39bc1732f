"""The files of a zip, read in memory and never unpacked: what could be written elsewhere is refused all the same.

A zip is a list of claims. A name may lead out of the folder (`..`, an absolute path, a drive, a link), and a small file
may claim, or turn out, to be huge. Nothing in here writes; a later program that unpacks the same file would.
"""
import contextlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator

from labkit.checklist.entry import Entry
from labkit.language import _
from labkit.settings import refuse

MAX_FILES = 20_000
MAX_UNPACKED = 500_000_000      # bytes of all files together
MAX_RATIO = 100                 # times smaller than what it holds: photographs shrink by a few per cent
RATIO_FROM = 1_000_000          # bytes unpacked, below which a ratio says little
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)      # zipfile unpacks others without a limit of memory
ENCRYPTED, UTF8 = 0x1, 0x800     # bits of a member's flags


def entries(content: bytes) -> list[Entry]:
    """The files in the zip `content`. Raises `SettingError` for a zip that is damaged or could do harm."""
    listed = content.count(b"PK\x01\x02")       # before zipfile keeps some 700 bytes of memory for each
    if listed > MAX_FILES:
        raise refuse(_("files in the zip"), listed, _("at most {most:,}").format(most=MAX_FILES))
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, LookupError, OverflowError,
            struct.error) as error:
        raise refuse(_("file"), str(error), _("a zip that opens"), _("Pack the folder again.")) from error
    members = archive.infolist()
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise refuse(_("file"), _("an office document"), _("a CSV table, or a zip of a folder of pictures"),
                     _("Save the sheet as CSV in UTF-8."))
    names = _names(members)
    for name, member in zip(names, members, strict=True):
        _check(name, member)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise refuse(_("files of one name in the zip"), twice[0], _("each name once"))
    files = {name: member for name, member in zip(names, members, strict=True) if not member.is_dir()}
    _check_size(files.values(), len(content))
    found = [Entry(tuple(part for part in name.split("/") if part not in ("", ".")), member.file_size,
                   _reader(archive, member)) for name, member in files.items()]
    return [entry for entry in found if entry.parts]


def _names(members: list[zipfile.ZipInfo]) -> list[str]:
    """The paths as they were meant: older programs pack Chinese names in GBK, or in UTF-8, and do not say so.

    All names of a zip are read alike, since a short one in GBK may happen to be UTF-8 as well.
    """
    names = [member.orig_filename for member in members]
    unsaid = {place for place, member in enumerate(members)
              if not (member.flag_bits & UTF8 or names[place].isascii())}
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeError):
            return [name.encode("cp437").decode(encoding) if place in unsaid else name
                    for place, name in enumerate(names)]
    return names


def _check(name: str, member: zipfile.ZipInfo) -> None:
    """Refuse a member whose name or kind could lead out of a folder."""
    mode = member.external_attr >> 16
    parts = re.split(r"[/\\]", name)
    allowed = _("a path inside the folder, such as cats/1.png")
    advice = _("Nothing was unpacked. Do not unpack this zip with another program either.")
    if ".." in parts:
        raise refuse(_("path in the zip"), name, allowed, _("It has '..' and leads out of the folder.") + " " + advice)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        raise refuse(_("path in the zip"), name, allowed, _("It starts at the root or a drive.") + " " + advice)
    if "\\" in name or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise refuse(_("path in the zip"), name, _("a name without backslashes and control characters"))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refuse(_("file in the zip"), name, _("an ordinary file, no link or device"), advice)
    if member.flag_bits & ENCRYPTED:
        raise refuse(_("file in the zip"), name, _("a file without a password"))
    if member.compress_type not in PACKED:
        raise refuse(_("file in the zip"), name, _("a file packed by deflate, as zips usually are"),
                     _("Pack the folder again with the program of the operating system."))


def _check_size(files: Collection[zipfile.ZipInfo], packed: int) -> None:
    """Refuse what says that it grows beyond measure, before anything is unpacked."""
    unpacked = sum(member.file_size for member in files)
    if unpacked > MAX_UNPACKED:
        raise refuse(_("size of the unpacked files"), _("{size:,} bytes").format(size=unpacked),
                     _("at most {most:,} bytes").format(most=MAX_UNPACKED), _("Nothing was unpacked."))
    if unpacked > RATIO_FROM and unpacked > MAX_RATIO * packed:
        raise refuse(_("unpacked size, as a multiple of the zip"), round(unpacked / packed),
                     _("at most {most:,}").format(most=MAX_RATIO),
                     _("Pictures do not shrink like that: it may be a bomb. Nothing was unpacked."))


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo):
    def read() -> bytes:
        try:
            with archive.open(member) as stream:
                content = stream.read(member.file_size + 1)     # no more than it said
                stream.read(1)                                  # the end, where the checksum is compared
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
                ValueError) as error:
            raise refuse(_("file in the zip"), member.filename, _("a file that unpacks"),
                         f"({str(error)[:200]}) " + _("Pack the folder again.")) from error
        if content.startswith(ARCHIVES):
            raise refuse(_("file in the zip"), member.filename, _("a picture, not another archive"),
                         _("Pack the pictures themselves."))
        return content
    return read


def is_zip(content: bytes) -> bool:
    """Whether the bytes begin as a zip does, whatever the file is called."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def ours(files: list[Entry]) -> Iterator[Entry]:
    """The files without those that an operating system adds."""
    for entry in files:
        if not any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in entry.parts):
            yield entry
