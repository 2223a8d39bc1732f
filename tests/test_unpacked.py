import json
import os
import re
import subprocess
import sys
from pathlib import Path

import hostile
import pytest

from labkit.checklist import faults


def everything(folder: Path) -> dict[str, bytes | None]:
    """Each path below the folder, and what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in folder.rglob("*")}


@pytest.mark.promise
@pytest.mark.skipif(sys.platform == "win32", reason="the peak of memory is asked of a module that Windows lacks")
def test_no_archive_writes_elsewhere_or_fills_the_memory(tmp_path, measured):
    given, work, words = tmp_path / "given", tmp_path / "a" / "b" / "work", {}
    given.mkdir()
    (work / "run").mkdir(parents=True)
    (tmp_path / "a" / "mine.txt").write_text("mine")
    (given / "films-000").write_bytes(hostile.films())      # sound files first: what they take is no growth
    (given / "zip-000").write_bytes(hostile.zipped([]))
    for kind, cases in hostile.CASES.items():
        for place, (name, (make, said)) in enumerate(cases.items(), 1):
            (given / f"{kind}-{place:03}").write_bytes(make())
            words[f"{kind}-{place:03}"] = name, said
    before = everything(tmp_path / "a")
    largest = max(path.stat().st_size for path in given.iterdir())
    child = subprocess.run([sys.executable, hostile.__file__, str(given)], cwd=work, capture_output=True, text=True,
                           env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, timeout=600)
    assert child.returncode == 0, child.stderr
    heard = {name: (said, peak) for name, said, peak in map(json.loads, child.stdout.splitlines())}
    assert heard.keys() == {path.name for path in given.iterdir()}
    for file, (name, said) in words.items():
        assert re.search(said or "^read$", heard[file][0]), f"{file} {name}: {heard[file][0]}"
    after = everything(tmp_path / "a")
    kept = {name: after.pop(name) for name in list(after) if name.startswith("b/work/run/given.")}
    assert after == before and set(kept) == {"b/work/run/given.zip"}
    assert not [path for path in ("/tmp/labkit-evil", "/tmp/labkit-evil.png") if os.path.exists(path)]
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = [peak * unit for _said, peak in heard.values()]
    grown = (peaks[-1] - peaks[0]) / 1e6
    assert grown < hostile.LARGE, f"{grown:.0f} MB more than for a sound file"
    refused = sum(said is not None for _name, said in words.values())
    measured(f"{len(words)} archives, the largest of {largest / 1e6:.1f} MB, bombs of {hostile.LARGE} MB and more: "
             f"{refused} refused, none wrote anything elsewhere, the peak of memory grew by {grown:.0f} MB")


def test_the_bombs_are_bombs():
    """Each would unpack to what it is named after, where nobody looks: those that say less, by any other reader."""
    import zipfile
    import zlib
    content = hostile.ZIPS["says less"][0]()
    at = content.find(b"class0/a.png") + len("class0/a.png")
    assert len(zlib.decompressobj(-15).decompress(content[at:])) == hostile.LARGE * 1_000_000
    with zipfile.ZipFile(hostile.io.BytesIO(hostile.overlapped(50))) as archive:
        assert sum(member.file_size for member in archive.infolist()) == 50_000_000
    assert len(hostile.overlapped(50)) < 20_000 and faults.folders()
