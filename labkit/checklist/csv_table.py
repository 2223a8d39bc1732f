"""A table from the bytes of a CSV file. Cells are numbers or text and nothing else: no formula is worked out."""
import csv
import io
import math

import numpy as np
import pandas as pd

from labkit.checklist import labels
from labkit.checklist.report import Collected, listed
from labkit.language import _
from labkit.settings import refuse

MAX_ROWS = 100_000
MAX_COLUMNS = 500
MAX_NAME = 200      # letters of a column's name
LARGEST = float(np.finfo("float32").max)        # a network's numbers have 32 bits
ENCODINGS = (("utf-8-sig", "UTF-8"), ("gb18030", "GB18030"))    # the first also reads UTF-8 without a mark
MISSING = {"", "na", "n/a", "nan", "null", "?"}                 # in lower case, without blanks around it
MOST_MISSING = 0.5      # of a column: above it, most of what a model would see would be our filling
NEARLY = 0.9            # share of numbers from which a word in a column is a mistake rather than a kind


def read(content: bytes, name: str, target: str | None, sha256: str) -> Collected:
    """The table in `content`; `target` is the column to predict, or None for the last one.

    Raises `SettingError`, which says what is wrong, in which line, and what to do.
    """
    text, encoding = _decoded(content)
    header, records, delimiter = _records(text)
    given = target
    target = header[-1] if target is None else target
    if target not in header:
        raise refuse("target", target, listed(header, 20), _("These are the columns of the table."))
    place = header.index(target)
    answers = [record[place].strip() for _line, record in records]
    lines = [line for line, _record in records]
    empty = [line for line, answer in zip(lines, answers, strict=True) if answer.lower() in MISSING]
    if empty:
        raise refuse(_("empty cells in the target {column}").format(column=target), len(empty), "0",
                     _("The first is in line {line}. An example without an answer teaches nothing: fill it in, or "
                       "leave the line out.").format(line=empty[0]))
    numbers, class_names = labels.numbered(answers, target)
    columns = {column: _column(column, [record[at] for _line, record in records], lines, delimiter)
               for at, column in enumerate(header) if at != place}
    frame = pd.DataFrame(columns)
    missing = frame.isna().sum()
    missing = missing[missing > 0]
    words = [column for column in frame if not pd.api.types.is_numeric_dtype(frame[column])]
    found = [(_("encoding"), encoding), (_("separator"), repr(delimiter)),
             (_("columns"), _("{numbers} of numbers, {words} of words").format(
                 numbers=len(frame.columns) - len(words), words=len(words))),
             (_("target"), target if given else _("{column}, the last column, since none was named").format(
                 column=target)),
             (_("missing values"), listed(f"{column} ({count:,})" for column, count in missing.items()) or _("none"))]
    return Collected(name, "table", numbers, class_names, sha256, tuple(found), frame=frame)


def _decoded(content: bytes) -> tuple[str, str]:
    """The text and the name of its encoding."""
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        raise refuse(_("file"), _("empty"), _("a line with the names of the columns, and a line for each example"))
    if b"\x00" in content:
        raise refuse(_("file"), content[:8], _("a CSV table (plain text), or a zip of a folder of pictures"),
                     _("It holds zero bytes, so it is not text in UTF-8. Save the table as CSV in UTF-8."))
    for encoding, shown in ENCODINGS:
        try:
            return content.decode(encoding), shown
        except UnicodeDecodeError as error:
            where = error.start     # of GB18030, in the end
    raise refuse(_("byte {place}").format(place=where), content[where:where + 4], _("text in UTF-8 or GB18030"),
                 _("Save the table again, and choose UTF-8."))


def _records(text: str) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    """The header, and each record with the line that it ends in; and what separates the cells."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header, records = None, []
    try:
        for record in reader:
            if not any(cell.strip() for cell in record):
                continue
            if header is None:
                header = _header(record)
            elif len(record) != len(header):
                raise refuse(_("cells in line {line}").format(line=reader.line_num), len(record), str(len(header)),
                             _("Every line must have as many cells as the first. Is there a separator ({separator}) "
                               "inside a cell without quotes?").format(separator=delimiter))
            elif len(records) == MAX_ROWS:
                raise refuse(_("rows"), _("more than {most:,}").format(most=MAX_ROWS),
                             _("at most {most:,}").format(most=MAX_ROWS), _("Give a sample drawn by chance."))
            else:
                records.append((reader.line_num, record))
    except csv.Error as error:
        raise refuse(_("line {line}").format(line=reader.line_num), str(error), _("a CSV table"),
                     _("Is a quote opened there that is never closed?")) from error
    if not records:
        raise refuse(_("rows"), 0, _("a line for each example, below the header"))
    return header, records, delimiter


def _header(record: list[str]) -> list[str]:
    header = [cell.strip() for cell in record]
    if len(header) > MAX_COLUMNS:
        raise refuse(_("columns"), len(header), _("at most {most}").format(most=MAX_COLUMNS),
                     _("Leave out what a prediction does not need."))
    if len(header) == 1:
        raise refuse(_("columns"), 1, _("two or more: inputs, and the target"),
                     _("Cells are separated by a comma, a semicolon or a tab."))
    figures = [cell for cell in header if _number(cell, ",") is not None]
    if figures:
        raise refuse(_("first line"), listed(header), _("the names of the columns"),
                     _("{value} looks like a value: put a header above it.").format(value=listed(figures[:1])))
    unnamed = [place for place, cell in enumerate(header, 1) if not cell]
    if unnamed:
        raise refuse(_("name of column {place}").format(place=unnamed[0]), "", _("a word"),
                     _("From pandas, save with index=False."))
    long = [place for place, cell in enumerate(header, 1) if len(cell) > MAX_NAME]
    if long:
        raise refuse(_("name of column {place}").format(place=long[0]), header[long[0] - 1],
                     _("at most {most} letters").format(most=MAX_NAME))
    twice = [cell for cell in dict.fromkeys(header) if header.count(cell) > 1]
    if twice:
        raise refuse(_("columns named {column}").format(column=twice[0]), header.count(twice[0]), "1")
    return header


def _column(name: str, cells: list[str], lines: list[int], delimiter: str) -> np.ndarray:
    """float64 with NaN if every cell is a number or missing, else text with None, as an array of objects."""
    cells = [cell.strip() for cell in cells]
    missing = np.array([cell.lower() in MISSING for cell in cells])
    if missing.mean() > MOST_MISSING:
        raise refuse(_("missing values in {column}").format(column=name), f"{missing.mean():.0%}",
                     _("at most {most:.0%}").format(most=MOST_MISSING), _("Leave the column out."))
    values = [math.nan if gone else _number(cell, delimiter) for cell, gone in zip(cells, missing, strict=True)]
    wrong = [place for place, value in enumerate(values) if value is None or abs(value) > LARGEST]
    if not wrong:
        return np.array(values, dtype="float64")
    if len(wrong) <= (1 - NEARLY) * (~missing).sum() or any(values[place] is not None for place in wrong):
        raise refuse(_("{column}, line {line}").format(column=name, line=lines[wrong[0]]), cells[wrong[0]],
                     _("a finite number below 3.4e38, as in most cells of this column"),
                     _("Correct it, or leave the cell empty. A formula is text here: save its value."))
    return np.array([None if gone else cell for cell, gone in zip(cells, missing, strict=True)], dtype=object)


def _number(cell: str, delimiter: str) -> float | None:
    """The number that the cell is, infinite if it is far too large; None for text. With semicolons, 1,5 is 1.5."""
    if "_" in cell or cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):      # which Python would read
        return None
    try:
        return float(cell.replace(",", ".") if delimiter == ";" else cell)
    except ValueError:
        return None
