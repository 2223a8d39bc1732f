"""Write python-docs.json.xz, the bundled text, from the help topics of the Python that runs this.

    python3.11 make_python_docs.py

`pydoc_data.topics` differs by version, so the bundled file is made once, from Python 3.11: 79 topics. The topics are
JSON, sorted by name, compressed with LZMA (97 kB).
"""
import hashlib
import json
import lzma
import sys
from pathlib import Path


def build(topics: dict[str, str], target: Path) -> None:
    """Write `target` from the topics, name to text."""
    content = json.dumps(topics, sort_keys=True, ensure_ascii=False, indent=0).encode()
    target.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    if sys.version_info[:2] != (3, 11) or len(sys.argv) != 1:
        sys.exit(__doc__)
    from pydoc_data.topics import topics
    bundled = Path(__file__).with_name("python-docs.json.xz")
    build(topics, bundled)
    content = bundled.read_bytes()
    print(f"{bundled}: {len(topics)} topics, {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
