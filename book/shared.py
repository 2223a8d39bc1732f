"""What the pages of both languages load: plotly's script, the scripts and styles of the widgets that live."""
import json
import shutil
from pathlib import Path

import plotly

from labkit.web import widget_class

VIEWS = ("labkit.widgets.attention.AttentionMap", "labkit.widgets.film.FilmView", "labkit.widgets.guesses.Guess",
         "labkit.widgets.self_test.SelfTestView", "labkit.widgets.steps.StepsView")
EXPORT = "export default live(render);"


def write(folder: Path) -> None:
    """Write plotly.min.js, widgets.js and widgets.css into `folder`.

    A page that was opened as a file may not import modules, so each module becomes a function of an ordinary script.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder)
    (folder / "widgets.js").write_text("".join(map(script, VIEWS)), encoding="utf-8")
    styles = dict.fromkeys(widget_class(view)._css for view in VIEWS)
    (folder / "widgets.css").write_text("\n".join(styles), encoding="utf-8")


def script(view: str) -> str:
    """The module of a view as an entry of `labkitBook.views`."""
    module = widget_class(view)._esm
    if module.count(EXPORT) != 1:
        raise ValueError(f"{view}: its module has no line {EXPORT!r}")
    return f"labkitBook.views[{json.dumps(view)}] = (() => {{\n{module.replace(EXPORT, 'return live(render);')}}})();\n"
