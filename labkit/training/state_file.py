"""Reading a checkpoint's state.pt, which a stranger may have made: what it may name, and how large it may become.

`torch.load(weights_only=True)` runs no code, but a small file may still ask it for any amount of memory (a record that
unpacks to gigabytes, a bytearray of any length) or end the process (a key that is a tuple in a tuple, a million times).
What labkit saves is a zip whose records are not packed, and it names tensors, their storages and ordered dicts.
"""
import pickletools
import re
import zipfile
from pathlib import Path
from pickle import UnpicklingError

import torch

from labkit.language import _

NAMED = re.compile(r"torch \w+Storage|torch\._utils _rebuild_tensor_v2|collections OrderedDict")
MOST_TUPLES = 20_000        # a tensor has four


def load(path: Path) -> dict:
    """What `torch.save` wrote to `path`. Raises `UnpicklingError` for what labkit does not save, or as `torch.load`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            packed = [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]
            if packed or sum(member.file_size for member in members) > Path(path).stat().st_size:
                raise UnpicklingError(_("its records say that they unpack to more than the file holds"))
            for member in members:
                if member.filename.endswith(".pkl"):
                    _check(archive.read(member))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UnpicklingError(_("it is no zip as torch.save writes it")) from error
    return torch.load(path, weights_only=True)


def _check(content: bytes) -> None:
    tuples = 0
    for code, argument, _place in pickletools.genops(content):
        if code.name in ("GLOBAL", "INST", "STACK_GLOBAL") and not NAMED.fullmatch(str(argument)):
            raise UnpicklingError(_("it names {name}, which is no part of a tensor: it may be harmful").format(
                name=str(argument or code.name)[:100]))
        tuples += "TUPLE" in code.name
    if tuples > MOST_TUPLES:
        raise UnpicklingError(_("it has {count:,} tuples, and {most:,} at most are read").format(
            count=tuples, most=MOST_TUPLES))
