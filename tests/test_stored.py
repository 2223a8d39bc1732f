"""`labkit notebooks` stores what a reader needs, and nothing of the machine or the moment."""
import base64
import io
import shutil

import nbformat
import notebooks
import numpy as np
import pytest
from PIL import Image

from labkit import stored, web

PATH_SHOWN = "cell 4 (id cell-4) shows a path of this machine"
WIDGET = "import ipywidgets\nipywidgets.IntSlider()"


def test_stored_notebooks_are_the_same_each_time(tmp_path, capsys):
    path = notebooks.write(tmp_path / "chapters" / "01_first.ipynb", "print('profile', profile)", WIDGET)
    path.write_text(path.read_text().replace('"metadata": {}', '"metadata": {"execution": {"shell": "now"}}', 1))
    assert stored.store(folder=path.parent) == 0
    first, alive = path.read_text(), web.file_of(path, "en").read_bytes()
    notebook = nbformat.read(path, as_version=4)
    assert [cell.id for cell in notebook.cells] == ["cell-1", "cell-2", "cell-3", "cell-4"]
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3]
    assert notebooks.printed(path) == "profile quick\n"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}
    assert [set(cell.metadata) for cell in notebook.cells] == [set(), {"tags"}, set(), set()]
    assert "widget-view" not in first and list(notebook.cells[3].outputs[0].data) == ["text/plain"]
    assert stored.store(["1"], path.parent) == 0
    assert path.read_text() == first and web.file_of(path, "en").read_bytes() == alive
    assert "01_first: stored" in capsys.readouterr().out
    assert sorted(path.parent.iterdir()) == [path, path.parent / "web"]
    assert [file.name for file in (path.parent / "web").iterdir()] == ["01.json.gz"]


@pytest.mark.parametrize("source, said", [
    ("1 / 0", "ZeroDivisionError"),
    ("import os; os._exit(1)", "Kernel died"),
    ("from pathlib import Path; print(Path('/home/somebody/data.txt'))", PATH_SHOWN),
    ("import os; print(os.getcwd())", PATH_SHOWN),
    ("import sys; print(sys.executable)", PATH_SHOWN),
    ("import warnings; warnings.warn('old')", "cell 4 (id cell-4) wrote to stderr; run it again, or mend it"),
])
def test_nothing_is_stored_of_a_chapter_that_fails_or_shows_a_path(tmp_path, capsys, source, said):
    bad = notebooks.write(tmp_path / "chapters" / "01_bad.ipynb", "print('fine')", source)
    good = notebooks.write(tmp_path / "chapters" / "02_good.ipynb", "print('fine')")
    before = bad.read_bytes()
    assert stored.store(folder=bad.parent) == 1
    complaint = capsys.readouterr().err
    assert "01_bad: not stored." in complaint and said in complaint
    assert bad.read_bytes() == before
    assert notebooks.printed(good) == "fine\n"


@pytest.mark.skipif(not shutil.which("chromium") and not shutil.which("google-chrome"),
                    reason="kaleido draws plotly's PNG with a Chromium, and there is none")
def test_a_plotly_figure_is_stored_with_its_picture(tmp_path):
    path = notebooks.write(tmp_path / "chapters" / "01_figure.ipynb",
                           "import plotly.graph_objects as go\ngo.Figure(go.Scatter(y=[1, 3, 2])).show()")
    assert stored.store(folder=path.parent) == 0
    bundle = nbformat.read(path, as_version=4).cells[2].outputs[0].data
    assert set(bundle) == {"application/vnd.plotly.v1+json", "image/png"}
    assert len(bundle["image/png"]) > 5000


def encoded(values: np.ndarray) -> str:
    png = io.BytesIO()
    Image.fromarray(values.astype("uint8")).save(png, "png")
    return base64.b64encode(png.getvalue()).decode()


def decoded(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)


def test_a_picture_is_stored_in_few_colours_that_look_the_same():
    y, x = np.mgrid[:300, :400]
    waves = np.sin(x / 37) * np.cos(y / 23), np.cos(x / 51) * np.sin(y / 33)
    many = np.stack([127 + 120 * waves[0], 127 - 60 * sum(waves), 127 + 120 * waves[1], np.full(x.shape, 255)], 2)
    many[:50] = 255
    png = encoded(many)
    small = stored.smaller(png)
    assert len(small) < len(png) / 3
    assert np.abs(decoded(small) - decoded(png)).max() < 16 and (decoded(small)[:50] == 255).all()
    few = encoded(np.stack([x % 16 * 10, y % 8 * 20, x * 0], 2))
    assert (decoded(stored.smaller(few)) == decoded(few)).all()
    many[0, 0, 3] = 0
    assert stored.smaller(encoded(many)) == encoded(many)
