"""`labkit export`: write chapters for a grader, each as an assignment of its own."""
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import nbformat

from labkit import settings
from labkit.headless import find
from labkit.instructors import release
from labkit.language import _
from labkit.settings import choose, refuse

TOOLS = ("nbgrader", "otter")


def export(tool: str, folder: str | Path, names: Sequence[str] = (), language: str = "en",
           chapters: Path | None = None) -> list[Path]:
    """Write the named chapters, or all, into `folder` for `tool`; returns the notebooks' paths.

    `names` and `chapters` as in `headless.find`. Nothing is executed, and nothing that is there is overwritten:
    raises `SettingError` for a chapter that the folder has, before anything is written.
    """
    layout = import_module(f"labkit.instructors.{choose('tool', tool, TOOLS)}")
    choose("language", language, settings.LANGUAGES)
    folder = Path(folder).expanduser().resolve()
    found = {layout.place(folder, path.stem): release.read(path, language) for path in find(names, chapters)}
    for place in found:
        if place.exists():
            raise refuse("FOLDER", str(folder), _("a folder without {path}").format(path=place.relative_to(folder)))
    for place, chapter in found.items():
        source = layout.notebook(chapter)
        nbformat.validate(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        for name, path in chapter.files.items():
            (place.parent / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place.parent / name)
        nbformat.write(source, place)
        print(place)
    layout.settle(folder)
    print(_("Next: {command}").format(command=layout.next_step(folder, next(iter(found)).stem)))
    return list(found)
