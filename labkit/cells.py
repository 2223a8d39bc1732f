"""What a cell shows by itself, in the learner's language: data frames, series, printed sentences.

Figures and widgets take their words from the catalogue when they are made. A table does so only as it is shown, since
the code of chapters takes its columns and rows by their English names.
"""
import builtins

from labkit.language import _, language


def show_in_words() -> None:
    """From now on IPython shows tables translated, and `print` in a cell translates. Nothing in English."""
    from IPython import get_ipython
    shell = get_ipython()
    if shell is None or language() == "en":
        return
    import pandas
    formatters = shell.display_formatter.formatters
    for kind in (pandas.DataFrame, pandas.Series):
        formatters["text/plain"].for_type(kind, lambda table, printer, cycle: printer.text(written(table)))
    formatters["text/html"].for_type(pandas.DataFrame, lambda table: translated(table)._repr_html_())
    shell.user_ns["print"] = say


def say(*values, sep: str | None = " ", **options) -> None:
    """`print`, with sentences and tables in the learner's language; single words stay as they are."""
    builtins.print(*map(_said, values), sep=sep, **options)


def written(value) -> str:
    """`repr` of a value; a data frame or series in the learner's language, without pandas' own words below it."""
    if language() == "en" or not _is_table(value):
        return repr(value)
    import pandas
    table = translated(value)
    if table.ndim == 1:
        table = table.to_frame("" if table.name is None else table.name)
    with pandas.option_context("display.unicode.east_asian_width", True, "display.show_dimensions", False):
        return repr(table)


def translated(table):
    """A copy of a data frame or series to be read: its labels, the names of its axes and its cells of words."""
    table = table.rename_axis(index=_word)
    if table.ndim == 1:
        return _cells(table.rename(index=_word)).rename(_word(table.name))
    table = table.rename(index=_word, columns=_word).rename_axis(columns=_word)
    return table.apply(_cells) if len(table) else table


def _cells(column):
    return column.map(_word) if any(isinstance(value, str) for value in column) else column


def _word(value):
    return _(value) if isinstance(value, str) else value


def _said(value):
    if isinstance(value, str):
        return _(value) if " " in value else value
    return written(value) if _is_table(value) else value


def _is_table(value) -> bool:
    return type(value).__module__.startswith("pandas") and hasattr(value, "rename_axis")
