"""Files that a tool writes from others: written anew, or with `--check` only compared."""
from collections.abc import Mapping, Sequence
from pathlib import Path


def bring_up_to_date(texts: Mapping[Path, str], arguments: Sequence[str], command: str) -> int:
    """Write each text that a file does not have yet; with `--check` among `arguments`, name the file instead.

    `command` is what a reader has to run. Returns 1 if a file was named, else 0.
    """
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is not what it is written from: {command}")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    return 0
