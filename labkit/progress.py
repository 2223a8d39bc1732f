"""Which exercises a learner has solved: one small JSON file in the state folder, on this computer only."""
import contextlib
import datetime
import functools
import json
import os

from labkit.language import _
from labkit.settings import state_folder

FILE = "progress.json"


def solved() -> dict[str, str]:
    """Number of each solved exercise, such as `5.1`, and the day on which it was first solved."""
    path = state_folder() / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(number): str(day) for number, day in found["solved"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError):     # cut short or edited: kept for its owner
        broken = path.with_suffix(".broken.json")
        path.replace(broken)
        print(_("The file of your progress could not be read. It was kept as {path}.").format(path=broken))
        return {}


def done(number: str) -> None:
    """Record that exercise `number` is solved. Where nothing can be written, say so once and go on."""
    try:
        if number not in solved():
            with _alone():      # between being read and being written, another notebook's exercise would be lost
                _write({number: datetime.date.today().isoformat(), **solved()})
    except OSError as error:
        _not_kept(str(state_folder()), error.strerror or str(error))


def progress() -> None:
    """Print how many exercises of each chapter are solved, and which."""
    from labkit.checks import exercises
    have = {}
    try:
        have = solved()
    except OSError as error:
        _not_kept(str(state_folder()), error.strerror or str(error))
    chapters: dict[str, list[str]] = {}
    for number in exercises():
        chapters.setdefault(number.split(".")[0], []).append(number)
    for chapter, numbers in chapters.items():
        marks = "   ".join(f"{number} {'✓' if number in have else '·'}" for number in numbers)
        count = sum(number in have for number in numbers)
        print(_("Chapter {chapter}: {count} of {total} solved").format(
            chapter=chapter, count=count, total=len(numbers)) + f"   {marks}")


def _alone() -> contextlib.AbstractContextManager:
    """The folder of the file while no other notebook writes to it."""
    import filelock
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(folder / f"{FILE}.lock", timeout=10)


def _write(solved: dict[str, str]) -> None:
    folder = state_folder()
    part = folder / f"{FILE}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps({"solved": solved}, indent=1), encoding="utf-8")
        part.replace(folder / FILE)
    finally:
        part.unlink(missing_ok=True)


@functools.cache
def _not_kept(folder: str, reason: str) -> None:
    """Cached, so that it is said once for each folder, not after every exercise."""
    print(_("Your progress is not kept: {folder} cannot be used ({reason}). "
            "Set LABKIT_STATE to another folder.").format(folder=folder, reason=reason))
