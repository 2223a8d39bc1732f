"""A film without a browser: which moments it keeps, what it refuses, and what it sends."""
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import labkit as lk
from labkit.settings import SettingError
from labkit.widgets import film as module


def curve(step: int):
    return lk.panels.lines([0, step], {"a": [0, step]})


def recorded(total: int, steps, **options) -> lk.Film:
    film = lk.Film(total, **options)
    for step in steps:
        if film.wants(step):
            film.add(step, a=curve(step))
    return film


def test_the_wanted_moments_are_spread_over_the_training():
    film = recorded(400, range(1, 401), moments=5)
    assert film.steps == [1, 100, 200, 300, 400]
    assert [moment["a"] for moment in film.moments] == [curve(step) for step in film.steps]
    assert recorded(10, range(11), moments=60).steps == list(range(11))
    assert recorded(400, range(0, 401, 7), moments=5).steps == [0, 105, 203, 301]       # the first after each


def test_a_logarithmic_film_looks_closely_at_the_start():
    steps = recorded(1000, range(1, 1001), moments=13, spacing="log").steps
    assert steps[:4] == [1, 2, 3, 6] and steps[-1] == 1000 and len(steps) == 13
    assert len(recorded(1000, range(1001), moments=40, spacing="log").steps) <= 40


@pytest.mark.parametrize("spacing, place", [("linear", np.asarray), ("log", lambda steps: np.log1p(steps))])
def test_too_many_moments_are_thinned_evenly_and_both_ends_stay(spacing, place):
    film = lk.Film(5000, moments=60, spacing=spacing)
    for step in range(5000):
        film.add(step, a=curve(step))
    assert len(film.steps) == len(film.moments) == 60 and (film.steps[0], film.steps[-1]) == (0, 4999)
    assert film.moments[30]["a"] == curve(film.steps[30])
    gaps = np.diff(place(film.steps))
    assert gaps[np.diff(film.steps) > 1].max() < 3 * np.median(gaps)


def test_wrong_moments_are_refused_and_leave_the_film_as_it_was():
    film = lk.Film(10)
    with pytest.raises(SettingError, match="^film.moments = "):
        film.show()
    film.add(3, a=curve(3), b=lk.panels.image([[1, 2]]))
    for step, panels in ((3, film.moments[0]), (2, film.moments[0]), (11, film.moments[0]), (-1, film.moments[0])):
        with pytest.raises(SettingError, match="^step = "):
            film.add(step, **panels)
    image, line = lk.panels.image([[1, 2]]), curve(4)
    for panels in ({}, {"a": line}, {"a": line, "c": image}, {"a": image, "b": image}, {"a": 1, "b": image},
                   {"a": line, "b": lk.panels.image([[1], [2]])}, {"a": lk.panels.lines([1], {"b": [1]}), "b": image}):
        with pytest.raises(SettingError, match="^panels = "):
            film.add(4, **panels)
    assert film.steps == [3] and len(film.moments) == 1
    film.add(4, b=image, a=line)
    assert film.steps == [3, 4]


@pytest.mark.parametrize("options", [{"total": 0}, {"total": 2.5}, {"moments": 1}, {"moments": 61},
                                     {"spacing": "even"}])
def test_wrong_arguments_are_refused(options):
    with pytest.raises(SettingError, match=f"^{next(iter(options))} = "):
        lk.Film(**{"total": 10, **options})


@pytest.fixture
def shown(monkeypatch):
    """What `show` hands to the page."""
    outputs = []
    monkeypatch.setattr(module, "display", outputs.append)
    monkeypatch.setattr(module.StillCopy, "show", lambda _self, png, alt: outputs.append((png, alt)))
    return outputs


def test_what_is_sent_has_one_range_for_all_moments_and_each_bytes_once(shown):
    film = lk.Film(9, title="a film")
    for step in (1, 5, 9):
        film.add(step, growing=curve(step), same=lk.panels.image([[0.5, 2]]),
                 words=lk.panels.text(str(step), title="said"))
    film.show()
    view, (png, alt) = shown
    assert view.captions == ["step 1 of 9", "step 5 of 9", "step 9 of 9"] and view.labels["title"] == "a film"
    assert [[entry["name"] for entry in moment] for moment in view.moments] == [["growing", "same", "words"]] * 3
    descriptions = [[entry["description"] for entry in moment] for moment in view.moments]
    assert {tuple(moment[0]["y_range"]) for moment in descriptions} == {(0, 9.45)}
    assert [moment[0]["title"] for moment in descriptions] == ["growing"] * 3 and descriptions[0][2]["title"] == "said"
    assert len(set(view.buffers)) == len(view.buffers)
    for moment, packed in zip(film.moments, view.moments, strict=True):
        for panel, entry in zip(moment.values(), packed, strict=True):
            assert [view.buffers[place] for place in entry["buffers"]] == list(panel.buffers)
    assert len({tuple(moment[1]["buffers"]) for moment in view.moments}) == 1
    assert png.startswith(b"\x89PNG") and alt == "a film: step 1 of 9, step 5 of 9, step 9 of 9"


def test_sixty_boundaries_are_small(shown):
    film = lk.Film(60, moments=60)
    for step in range(60):
        film.add(step, a=lk.panels.image(np.random.default_rng(step).random((64, 64))))
    film.show()
    assert sum(map(len, shown[0].buffers)) == 60 * 64 * 64


def test_a_film_of_one_moment_can_be_shown(shown):
    recorded(5, [5]).show()
    assert shown[0].captions == ["step 5 of 5"]


def test_headless_both_outputs_are_stored():
    """A real kernel without a browser: the view's constant text, and the picture."""
    code = """
import labkit as lk
film = lk.Film(2)
for step in (1, 2):
    film.add(step, a=lk.panels.image([[0, step]]))
film.show()"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    view, still = notebook.cells[0].outputs
    assert view["data"]["text/plain"] == "[film: run this cell to scrub through it]"
    assert still["data"]["text/plain"] == "still copy of the film above" and "image/png" in still["data"]
    assert len(str(notebook)) < 100_000
