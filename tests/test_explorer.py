import sys
import threading

import nbformat
import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from labkit.settings import SettingError
from labkit.widgets import panels
from labkit.widgets.controls import Float, Int, Matrix, Point, Text, Toggle
from labkit.widgets.explorer import Explorer
from labkit.widgets.printed import printed
from labkit.widgets.turn import Turn


def draw(p):
    return {"curve": panels.lines([0, 1], {"y": [9, p.slope]})}


def drawn(explorer: Explorer) -> float:
    """The slope that the picture shows."""
    return explorer.panels["curve"].floats(1)[1]


def ask(explorer: Explorer, **values) -> None:
    """What the page does: one message with the values and its count."""
    explorer.view.set_state({"values": {**explorer.view.values, **values}, "asked": explorer.view.asked + 1})


@pytest.fixture
def explorer():
    explorer = Explorer(draw, title="A line", slope=Float(0, 5, 1), words=Text("a $b$"),
                        kernel=Matrix([[0, 1], [2, 3]]))
    explorer.show()
    return explorer


def test_the_first_picture_is_there_when_the_cell_ends(explorer):
    assert drawn(explorer) == 1
    sent, = explorer.drawing.panels
    assert sent["name"] == "curve" and sent["description"]["title"] == "curve"
    assert explorer.drawing.summary == "A line · slope 1 · words a $b$ · kernel 0, 1; 2, 3"
    assert explorer.values == {"slope": 1, "words": "a $b$", "kernel": ((0, 1), (2, 3))}
    assert explorer._worker is None


def test_the_page_gets_an_answer_to_what_it_asked(explorer):
    ask(explorer, slope=2, kernel=[[1, 1], [1, 1]])
    explorer.wait()
    assert drawn(explorer) == 2
    assert explorer.drawing.answered == 1 == explorer.view.asked
    assert explorer.values["kernel"] == ((1, 1), (1, 1))


def test_controls_move_from_code_within_their_limits(explorer):
    explorer.set(slope=3, words="<b>")
    explorer.wait()
    assert drawn(explorer) == 3 and explorer.view.values["words"] == "<b>"
    with pytest.raises(SettingError, match="slope = 6 cannot"):
        explorer.set(slope=6)
    with pytest.raises(SettingError, match="control = 'slop' cannot"):
        explorer.set(slop=1)
    assert explorer.values["slope"] == 3


def test_what_the_page_sends_is_checked_and_answered_all_the_same(explorer):
    ask(explorer, words="x" * 201)
    with pytest.raises(SettingError, match="at most 200 characters"):
        explorer.wait()
    assert "at most 200 characters" in explorer.drawing.error and explorer.drawing.answered == 1
    ask(explorer, words="x")
    explorer.wait()
    assert explorer.drawing.error == "" and explorer.error is None


def test_only_the_latest_values_are_drawn():
    calls, entered, go_on = [], threading.Event(), threading.Event()

    def slow(p):
        calls.append((p.n, threading.current_thread() is threading.main_thread()))
        entered.set()
        assert len(calls) == 1 or go_on.wait(10)
        return {"n": panels.text(str(p.n))}
    explorer = Explorer(slow, n=Int(0, 9, 0))
    explorer.show()
    entered.clear()
    ask(explorer, n=1)
    assert entered.wait(10)
    for n in range(2, 8):
        ask(explorer, n=n)
    go_on.set()
    explorer.wait()
    assert calls == [(0, True), (1, False), (7, False)]
    assert explorer.drawing.answered == 7 and explorer.panels["n"].settings["text"] == "7"


def test_an_error_is_raised_by_show_and_by_wait_and_leaves_the_last_picture():
    def picky(p):
        if p.bad:
            raise ValueError("no <b>")
        return {"a": panels.text("fine")}
    explorer = Explorer(picky, bad=Toggle(True))
    with pytest.raises(ValueError, match="no <b>"):
        explorer.show()
    assert explorer.drawing.error == "ValueError: no <b>"
    explorer.set(bad=False)
    explorer.wait()
    assert explorer.drawing.error == "" and explorer.panels["a"].settings["text"] == "fine"
    ask(explorer, bad=True)
    with pytest.raises(ValueError):
        explorer.wait()
    assert explorer.panels["a"].settings["text"] == "fine" and explorer.drawing.answered == 1


def test_random_numbers_are_the_same_in_each_call_and_the_notebooks_own_stay():
    explorer = Explorer(lambda p: {"noise": panels.lines(range(5), {"y": p.scale * torch.randn(5)})},
                        scale=Int(1, 2, 1))
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = torch.rand(1)
    explorer.show()
    before = explorer.panels["noise"].floats(1)
    explorer.set(scale=2)
    explorer.wait()
    assert np.allclose(explorer.panels["noise"].floats(1), 2 * before)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_it_draws_only_in_its_turn():
    explorer = Explorer(draw, slope=Float(0, 5, 1))
    explorer.show()

    class Lab:
        stopped = False

        def stop(self):
            self.stopped = True
    lab = Lab()
    with Turn(lab, 0):
        explorer.set(slope=4)
        with pytest.raises(TimeoutError):
            explorer.wait(0.1)
        assert lab.stopped and drawn(explorer) == 1
    explorer.wait()
    assert drawn(explorer) == 4


@pytest.mark.parametrize("given, message", [
    (None, "draw = None"), ({}, "draw = {}"), ([1], "draw = "), ({"a": 1}, r"draw\['a'\] = 1"),
    (panels.text("a"), "draw = ")])
def test_what_is_no_picture_is_refused(given, message):
    with pytest.raises(SettingError, match=f"^{message}"):
        Explorer(lambda p: given).show()


def test_bad_controls_are_refused():
    with pytest.raises(SettingError, match="^slope = 3"):
        Explorer(draw, slope=3)
    with pytest.raises(SettingError, match="another panel"):
        Explorer(draw, a=Point((0, 0), panel="loss"), b=Point((0, 0), panel="loss"))


def test_a_figure_is_an_output_of_its_own_that_is_replaced(monkeypatch):
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype+json")
    shown, changes = [], []

    def publish(data, metadata=None, **kwargs):
        shown.append((data, kwargs.get("transient", {}).get("display_id"), kwargs.get("update", False)))
    monkeypatch.setattr("IPython.core.display_functions.publish_display_data", publish)
    explorer = Explorer(lambda p: {"f": go.Figure(go.Bar(y=[p.n])), "n": panels.text(p.n)}, n=Int(1, 9, 1))
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
    explorer.drawing.observe(lambda change: changes.append((change["name"], change["new"], len(shown))),
                             ["replacing", "answered"])
    explorer.show()
    explorer.set(n=2)
    explorer.wait()
    figures = [(data, place, update) for data, place, update in shown if "application/vnd.plotly.v1+json" in data]
    (first, place, update), (second, again, updated) = figures
    assert first.keys() == {"application/vnd.plotly.v1+json", "application/json"}    # what the session's renderer gives
    assert (update, updated) == (False, True) and place == again and place
    assert [f["application/json"]["data"][0]["y"] for f in (first, second)] == [[1], [2]]
    assert second["application/json"]["layout"]["uirevision"] == "explorer"
    assert changes[0][:2] == ("replacing", True) and changes[-1][:2] == ("replacing", False)
    assert changes[0][2] < shown.index(figures[1]) + 1 <= changes[-1][2]


def test_the_names_of_figures_stay():
    explorer = Explorer(lambda p: {"f" if p.a else "g": go.Figure()}, a=Toggle(True))
    explorer.show()
    explorer.set(a=False)
    with pytest.raises(SettingError, match="the figures of the first call: f"):
        explorer.wait()


def test_what_draw_prints_is_shown_in_the_page(capsys):
    def talkative(p):
        print("n is", p.n)
        return {"n": panels.text(p.n)}
    explorer = Explorer(talkative, n=Int(1, 9, 1))
    explorer.show()
    explorer.set(n=2)
    explorer.wait()
    assert explorer.drawing.printed == "n is 2\n"
    assert "n is" not in capsys.readouterr().out


def test_printed_keeps_one_threads_words_and_the_last_state_of_a_line(capsys):
    before = sys.stdout
    with printed() as text:
        print("10 %\r20 %\rdone\nafter", file=sys.stderr)
        other = threading.Thread(target=print, args=("from another thread",))
        other.start()
        other.join()
    assert text() == "done\nafter\n" and sys.stdout is before
    assert capsys.readouterr().out == "from another thread\n"


def test_a_stream_put_over_ours_and_taken_away_later_leaves_no_trace(capsys):
    with printed() as text:
        ours = sys.stdout
        sys.stdout = sys.__stdout__
    sys.stdout = ours
    print("heard")
    sys.stdout = ours._stream
    assert capsys.readouterr().out == "heard\n" and text() == ""


CELL = """
import labkit as lk, plotly.graph_objects as go
lk.setup("quick", 0)
explorer = lk.Explorer(lambda p: {"a": lk.panels.text(1 / p.n), "f": go.Figure(go.Bar(y=[p.n]))}, n=lk.Int(0, 9, %d))
explorer.show()
"""


def test_a_headless_run_stores_the_picture_and_a_mistake_fails_the_cell():
    sources = CELL % 2, "explorer.set(n=4); explorer.wait()", CELL % 0
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NotebookClient(notebook, timeout=60, store_widget_state=False).execute()
    cell = notebook.cells[0]
    kinds = [set(output.data) for output in cell.outputs]
    assert "application/vnd.jupyter.widget-view+json" in kinds[0]
    assert "application/vnd.plotly.v1+json" in kinds[1] and "image/png" in kinds[2]
    assert cell.outputs[1].data["application/vnd.plotly.v1+json"]["data"][0]["y"] == [4]
    assert cell.outputs[0].data["text/plain"] == "[explorer: run this cell to move its controls]"
    assert cell.outputs[2].data["text/plain"] == "still copy of the explorer above"
    assert cell.outputs[2].metadata["image/png"]["alt"] == "n 4"


def test_many_moves_end_with_the_last_one_and_leave_no_worker(explorer):
    for slope in range(50):
        ask(explorer, slope=slope / 10)
    explorer.wait()
    assert drawn(explorer) == pytest.approx(4.9) and explorer.drawing.answered == 50 and explorer._worker is None


def test_a_wait_does_not_last_as_long_as_the_rest_before_a_still_copy(explorer, monkeypatch):
    monkeypatch.setattr("labkit.widgets.explorer.REST", 30)
    explorer.set(slope=2)
    explorer.wait(20)
