"""The outputs of a code cell as HTML for the web edition: figures, widgets that live, still copies of the others.

Pictures and the states of widgets are files of their own, read when the reader comes near them. The states are
scripts, since a page that was opened as a file may read scripts but no data.
"""
import base64
import hashlib
import html
import json
import re
import struct
from pathlib import Path

import nbformat

from book.tables import table
from book.words import WORDS
from labkit import web


class Outputs:
    """Turns the outputs of one chapter into HTML, and writes what they need into `folder`, `there` seen from a page.

    binder      the address that opens the chapter in Binder
    states      {cell's id: {place: widget}} of `labkit.web`
    """

    def __init__(self, language: str, chapter: str, binder: str, states: dict, folder: Path, there: str):
        self.words, self.chapter, self.binder, self.states = WORDS[language], chapter, binder, states
        self.folder, self.there = folder, there
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
        """The outputs of a cell that the page shows."""
        alive, shown, above, noted = self.states.get(cell.id, {}), [], "", False
        for place, output in enumerate(cell.outputs):
            data, copy = output.get("data", {}), web.mark(output, "copy")
            above = above if copy else str(place)
            if above in alive:
                if not copy:
                    shown.append(_html(self._widget(f"{cell.id}-{place}", alive[above])))
            elif web.mark(output, "widget"):
                if not noted:       # a lab is two widgets, its controls and its curves
                    shown.append(_html(self._note(any(web.mark(other, "copy") for other in cell.outputs[place:]))))
                noted = True
            elif web.PLOTLY in data:
                shown.append(_html(self._figure(data[web.PLOTLY])))
            elif "image/png" in data:
                shown.append(_html(self._picture(data["image/png"], output.metadata["image/png"]["alt"])))
            elif "text/html" in data:
                shown.append(_html(f'<div class="book-scroll book-html">{data["text/html"]}</div>'))
            else:
                shown.append(output)
        return shown

    def _widget(self, name: str, widget: dict) -> str:
        text = json.dumps(widget["models"], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        path = self._write(f"{name}.js", f"labkitBook.states[{json.dumps(name)}] = {text};\n".encode())
        return (f'<div class="book-widget" data-view="{widget["class"]}" data-name="{name}" data-state="{path}">'
                f'<noscript>{self.words["scripts"]}</noscript></div>')

    def _note(self, copied: bool) -> str:
        note = self.words["kernel" if copied else "kernel_only"]
        return (f'<p class="book-asleep">{note} <a class="book-button" href="{html.escape(self.binder)}">'
                f'{self.words["binder"]}</a></p>')

    def _figure(self, figure: dict) -> str:
        alt, height = html.escape(alt_text(figure, self.words)), figure["layout"].get("height", 450)
        width = figure["layout"].get("width")
        drawn = {"data": figure["data"], "layout": figure["layout"]}
        text = json.dumps(drawn, separators=(",", ":")).replace("</", r"<\/")
        fixed = f"width:{width}px;" if width else ""
        return (f'<figure class="book-figure"><div class="book-scroll">'
                f'<div class="book-graph" role="img" aria-label="{alt}" style="{fixed}height:{height}px"></div></div>'
                f'<script type="application/json">{text}</script>'
                f'<noscript>{self.words["scripts"]}</noscript>{table(figure, self.words)}</figure>')

    def _picture(self, png: str, alt: str) -> str:
        content = base64.b64decode(png)
        width, height = struct.unpack(">II", content[16:24])
        path = self._write(f"{hashlib.sha256(content).hexdigest()[:12]}.png", content)
        return (f'<figure class="book-figure"><div class="book-scroll"><img src="{path}" alt="{html.escape(alt)}" '
                f'width="{width}" height="{height}" loading="lazy"></div></figure>')

    def _write(self, name: str, content: bytes) -> str:
        name = f"{self.chapter}-{name}"
        (self.folder / name).write_bytes(content)
        return f"{self.there}/{name}"


def alt_text(figure: dict, words: dict) -> str:
    """What a plotly figure shows, in words: its kind, title, axes and series."""
    layout, traces = figure["layout"], figure["data"]
    kind = words["kinds"].get(traces[0].get("type", "scatter") if traces else "", words["figure"])
    legend = layout.get("legend", {}).get("title", {}).get("text")
    title = _plain(layout.get("title", {}).get("text") or legend or "")
    x, y = (_plain(layout.get(axis, {}).get("title", {}).get("text") or "") for axis in ("xaxis", "yaxis"))
    names = list(dict.fromkeys(_plain(trace["name"]) for trace in traces if trace.get("name")))
    said = f"{kind}: {title}" if title else kind
    said += words["end"]
    if x and y:
        said += words["axes"].format(x=x, y=y)
    if len(names) > 1:
        said += words["names"].format(names=words["and"].join(names))
    return said


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", text)).strip()


def _html(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("display_data", data={"text/html": text})
