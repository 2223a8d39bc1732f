"""Nothing that is typed or loaded becomes more than text in the page, in JupyterLab and a real browser.

The texts, and the ways in which they reach the page, are in injections.py. Screenshots go to build/screenshots.
"""
import copy
import json
import re
import time

import numpy as np
import pytest
from browser import LOOPBACK, NEEDS_CHROMIUM, Notebook, assert_quiet, photograph, write_notebook
from injections import CALL, ELSEWHERE, FOUND, NAMES, PAYLOADS, SHOW, TOLD, TYPED, WAYS
from playwright.sync_api import expect
from promises import size

from labkit import data
from labkit.trends import fairness, model_card

pytestmark = NEEDS_CHROMIUM

BATCH = 5       # payloads that one run of a cell shows
TRUSTED = [payload for payload in PAYLOADS if not payload.startswith(("<meta", "<base"))]      # which end the page
HEAVY = ("figures", "live", "explorer", "film")       # which take a second or two for each payload
SHOWN = "way, payloads"


def jobs() -> list[tuple[str, list[str]]]:
    """The ways, with the payloads to go them: in the small form each goes one way, in full each goes every way."""
    ways = list(NAMES)
    light = [way for way in ways if way not in HEAVY]
    rest = PAYLOADS[len(HEAVY):]
    return size([*((way, [payload]) for way, payload in zip(HEAVY, PAYLOADS, strict=False)),
                 *((way, rest[place::len(light)]) for place, way in enumerate(light))],
                [(way, PAYLOADS[at:at + BATCH]) for at in range(0, len(PAYLOADS), BATCH) for way in ways])


@pytest.fixture(scope="module")
def notebook(context, jupyter, heard):
    """A notebook whose cell SHOW does the next of the jobs at each run, in a page whose dialogs are heard."""
    last = [("trusted", TRUSTED), ("printed", ["-"])]
    (jupyter.folder / "jobs.json").write_text(json.dumps([*jobs(), *last]), encoding="utf-8")
    page = context.new_page()
    page.on("dialog", lambda dialog: (heard["errors"].append(f"dialog: {dialog.message}"), dialog.dismiss()))
    notebook = Notebook(page, jupyter, write_notebook(jupyter, "injection.ipynb", WAYS, SHOW, TYPED, CALL))
    notebook.run_cell("import json")
    return notebook


def letters(text: str) -> str:
    """Without what pages and Python's repr show as they like: spaces, zeros, marks of direction."""
    return re.sub(r"\\x00|\\u202[ce]|[\s␣\0�\u2066-\u2069\u202a-\u202e]", "", text)


def formula(payload: str) -> bool:
    """Whether it holds mathematics, which JupyterLab sets in Markdown and data frames: without links or addresses."""
    return "$" in payload or "\\(" in payload


def rare(way: str, payloads: list[str], told: str) -> list[str]:
    """The payloads that are not told as often as the way shows them. A data frame's mathematics is set as such."""
    told = letters(told)
    return [payload for payload in payloads if told.count(letters(payload)) < NAMES[way]
            and not (way == "frames" and formula(payload))]


@pytest.fixture(scope="module")
def tried(notebook):
    """How many showings there were, and what was wrong with them."""
    output = notebook.cell(SHOWN).locator(".jp-Cell-outputArea")
    shown, wrong = 0, []
    for way, payloads in jobs():
        notebook.run_cell(SHOWN)
        end = time.monotonic() + 20
        while (left := rare(way, payloads, output.evaluate(TOLD))) and time.monotonic() < end:
            notebook.page.wait_for_timeout(100)
        wrong += [(way, "not shown", payload) for payload in left]
        wrong += [(way, found, payloads) for found in notebook.page.evaluate(FOUND)]
        shown += len(payloads)
        photograph(notebook.page, f"injection_{way}", output)
    return {"shown": shown, "wrong": wrong}


@pytest.fixture(scope="module")
def caught(notebook, heard, tried):
    """How many of the payloads the detector sees in outputs that trust them. What these call and break is forgotten."""
    before, asked, failed = copy.deepcopy(heard), [], []
    for event, urls in (("request", asked), ("requestfailed", failed)):
        notebook.page.on(event, lambda request, urls=urls: ELSEWHERE in request.url and urls.append(request.url))
    notebook.run_cell(SHOWN)
    notebook.page.wait_for_timeout(1000)
    ran = "a script ran" in notebook.page.evaluate(FOUND)       # which forgets it
    outputs = notebook.cell(SHOWN).locator(".jp-OutputArea-child").all()
    seen = sum(bool(output.evaluate(FOUND)) for output in outputs)
    notebook.run_cell(SHOWN)            # the outputs are gone
    called, end = heard["hosts"] - before["hosts"], time.monotonic() + 20
    while len(failed) < len(asked) and time.monotonic() < end:      # a busy computer takes a while to know no such name
        notebook.page.wait_for_timeout(100)
    notebook.page.wait_for_timeout(500)     # the console says so too, and that is to be forgotten
    assert sorted(failed) == sorted(asked)
    heard.update(before)
    return {"ran": ran, "seen": seen, "called": called}


@pytest.mark.promise
def test_what_is_typed_or_loaded_stays_text(tried, caught, measured):
    assert not tried["wrong"], "\n".join(map(str, tried["wrong"]))
    assert len(PAYLOADS) >= 40 and caught["ran"] and caught["seen"] >= 25, f"{caught}: where they are trusted"
    assert caught["called"] == {ELSEWHERE}
    measured(f"{len(PAYLOADS)} payloads by {len(NAMES)} ways in, {tried['shown']} showings: all text, 0 scripts, 0 "
             f"elements; where a page trusts them, {caught['seen']} of them were caught")


def test_text_typed_with_keys_stays_text(notebook):
    """What a learner types in: an attention map's sentence, the texts of an explorer and a lab, the name of a file."""
    notebook.run_cell("class Words")
    page, cell = notebook.page, notebook.cell("class Words")
    sentence, review = cell.get_by_label("Your own text"), cell.get_by_label("review")
    label = cell.get_by_label("name of the run")
    tokens, panel = cell.locator(".lk-by-query bdi"), cell.locator(".lk-explorer pre").first
    for payload in PAYLOADS[:size(3, len(PAYLOADS))]:
        keys = letters(payload) if "\0" in payload or "\u202e" in payload else payload
        for field in (sentence, review, label):
            field.fill("")
            field.press_sequentially(keys)
            field.press("Enter")
        expect(tokens).to_have_text(keys.split())
        expect(panel).to_have_text(keys)
        assert (sentence.input_value(), review.input_value(), label.input_value()) == (keys, keys, keys)
        name = keys.replace("/", "∕") + ".csv"
        cell.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": b"a,b\n1,x"})
        expect(cell.locator(".lk-upload [role=status]")).to_contain_text(name)
        assert page.evaluate(FOUND) == []
    photograph(page, "injection_typed", sentence)


def test_a_model_card_shows_the_letters_of_its_author(context, jupyter):
    loans = data.table("german-credit")
    bad = 1 - loans.frame["risk"].to_numpy()
    decisions = [fairness.Decisions(np.where(bad, 0.9, 0.1), np.full(len(bad), 0.5))]
    used = [payload for payload in PAYLOADS if "\0" not in payload]
    plain = [payload for payload in used if not formula(payload)]
    card = model_card.credit_card(loans, decisions, " ".join([*plain, *filter(formula, used)]))
    (jupyter.folder / "card.md").write_text(card, encoding="utf-8")
    page = context.new_page()
    page.goto(f"{jupyter.address}/lab/workspaces/card/tree/card.md?token={jupyter.token}")
    shown = page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
    expect(shown).to_contain_text("Intended use")
    page.wait_for_timeout(1000)     # mathematics is set later
    photograph(page, "injection_card", shown)
    assert not [found for found in page.evaluate(FOUND) if "MJX" not in found]
    assert [payload for payload in plain if letters(payload) not in letters(shown.inner_text())] == []
    page.close()


@pytest.mark.promise
def test_no_request_leaves_this_computer(notebook, tried, jupyter, heard, measured):
    called = jupyter.connections()
    assert heard["hosts"] and heard["hosts"] <= set(LOOPBACK), heard["hosts"]
    assert called["processes"] >= 2 and called["hosts"] <= {*LOOPBACK, "::1"}, called
    assert called["looked up"] <= {*LOOPBACK, "::1"}, called
    assert_quiet(jupyter, heard)

    requests = heard["requests"]
    before = copy.deepcopy(heard)       # and now what would be noticed: of the page, and of a kernel
    notebook.page.evaluate(f"""async () => {{
      await fetch("http://{ELSEWHERE}/").catch(() => null);
      await new Promise((done) => {{ new WebSocket("ws://socket.{ELSEWHERE}/").onerror = done; }});
    }}""")
    assert heard["hosts"] - before["hosts"] == {ELSEWHERE, f"socket.{ELSEWHERE}"}
    heard.update(before)
    notebook.run_cell("import socket")
    called = jupyter.connections()
    assert called["hosts"] - {*LOOPBACK, "::1"} == {"192.0.2.1"} and called["looked up"] >= {ELSEWHERE}
    measured(f"{requests} requests of the pages and the connections of {called['processes']} processes, all to "
             f"{' and '.join(sorted(before['hosts']))}; a call to elsewhere is noticed in 4 ways")
