"""The numbers of a plotly figure as a table, for readers who cannot hover: by keyboard, by ear, or without a script."""
import base64
import html

import numpy as np

MOST = 40       # rows of one series


def numbers(values) -> list:
    """The values of a trace's axis; plotly stores long ones as bytes in base64."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return list(values)


def table(figure: dict, words: dict) -> str:
    """A folded table of the lines, points and bars of a figure; nothing for one that has none.

    Where all series have the same x, each is a column; else each has rows of its own. A long one keeps rows that are
    evenly apart, and its last.
    """
    series = [(_plain(trace.get("name") or ""), numbers(trace["x"]), numbers(trace["y"])) for trace in figure["data"]
              if trace.get("type", "scatter") in ("scatter", "bar") and len(trace.get("x", ())) and "y" in trace]
    series = [(name, xs, ys) for name, xs, ys in series if len(xs) == len(ys)]
    if not series:
        return ""
    layout = figure["layout"]
    x, y = (_plain(layout.get(axis, {}).get("title", {}).get("text") or axis[0]) for axis in ("xaxis", "yaxis"))
    ticks = layout.get("xaxis", {})
    named = dict(zip(numbers(ticks.get("tickvals", [])), ticks.get("ticktext", []), strict=False))
    if all(xs == series[0][1] for _name, xs, _ys in series):
        head = [x, *(name or y for name, _xs, _ys in series)]
        rows = list(zip(series[0][1], *(ys for _name, _xs, ys in series), strict=True))
        rows = [[named.get(row[0], row[0]), *row[1:]] for row in _thinned(rows)]
    else:
        head = [words["series"], x, y]
        rows = [[name, named.get(at, at), value] for name, xs, ys in series
                for at, value in _thinned(list(zip(xs, ys, strict=True)))]
    lines = "".join(f"<tr>{''.join(f'<td>{_shown(value)}</td>' for value in row)}</tr>" for row in rows)
    heads = "".join(f'<th scope="col">{_shown(name)}</th>' for name in head)
    return (f'<details class="book-table"><summary>{words["table"]}</summary><div class="book-scroll"><table>'
            f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div></details>")


def _thinned(rows: list) -> list:
    step = max(1, -(-len(rows) // MOST))
    return rows[(len(rows) - 1) % step::step]


def _shown(value) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    return html.escape(_plain(str(value))) if value is not None else "–"


def _plain(text: str) -> str:
    return " ".join(html.unescape(text.replace("<br>", " ").replace("<b>", "").replace("</b>", "")).split())
