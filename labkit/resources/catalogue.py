"""Books, courses, sites, frameworks, tools and papers, each with what was found when it was looked up.

    lk.resources.catalogue.entries()                                   # all, as a data frame
    lk.resources.catalogue.find("transformer", kind="paper", level="advanced")

A row is `confirmed` only where somebody read its title, its authors and its address; `source` is the page on which the
facts were read, `checked_on` the day. The statuses belong to that day: `labkit links` asks the addresses again.
"""
import datetime
from pathlib import Path

from labkit.language import _
from labkit.settings import choose, refuse

FILE = Path(__file__).parent.parent / "data" / "bundled" / "resources.csv"
COLUMNS = ("title", "authors", "kind", "level", "language", "link", "status", "source", "checked_on", "note")
KINDS = ("book", "course", "site", "framework", "data tool", "version control", "paper")
LEVELS = ("beginner", "intermediate", "advanced")
LANGUAGES = ("English", "Chinese", "both")
STATUSES = ("confirmed", "out of date", "could not be confirmed")
NAMED = {  # by section of the document, in its order
    "7.1": ("Deep Learning", "Deep Learning with Python", "《深度学习图模型》",
            "Deep Learning Specialization (Coursera)", "Deep Learning (edX)", "Fast.ai", "Distill", "arXiv"),
    "7.2": ("TensorFlow", "PyTorch", "Keras on TensorFlow and Theano", "pandas", "NumPy", "scikit-learn", "Git",
            "GitHub"),
    "7.3": ("Attention Is All You Need",
            "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
            "Generative Adversarial Networks"),
}
PATHS = {  # papers in an order in which each needs only those before it
    "language": ("Attention Is All You Need",
                 "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
                 "Language Models are Few-Shot Learners",
                 "Training language models to follow instructions with human feedback",
                 "DeepSeek-R1: Incentivizing Reasoning Capability in LLMs via Reinforcement Learning"),
    "pictures": ("Deep Residual Learning for Image Recognition", "Generative Adversarial Networks",
                 "Denoising Diffusion Probabilistic Models", "Attention Is All You Need",
                 "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale"),
    "graphs": ("Attention Is All You Need", "A Generalization of Transformer Networks to Graphs"),
    "training": ("Adam: A Method for Stochastic Optimization", "Deep Residual Learning for Image Recognition",
                 "Training Compute-Optimal Large Language Models",
                 "LoRA: Low-Rank Adaptation of Large Language Models"),
    "answering": ("Attention Is All You Need", "Language Models are Few-Shot Learners",
                  "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness",
                  "LoRA: Low-Rank Adaptation of Large Language Models"),
}


def entries(path: Path = FILE):
    """A data frame with the columns `COLUMNS`, a row for each entry, all of them text, empty where nothing is known.

    The notes are in the learner's language.

    Raises `SettingError` that names the row for a value that is not allowed, an address that does not begin with
    https://, a day that is none or lies before 2020, a confirmed entry without source, day or link, an entry that is
    not confirmed and does not say why, and a title or a link that stands there twice.
    """
    import pandas
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    if tuple(table.columns) != COLUMNS:
        raise refuse("columns", list(table.columns), ", ".join(COLUMNS))
    for number, row in enumerate(table.to_dict("records"), start=2):      # as an editor numbers the lines
        _check(number, row)
    for column in ("title", "link"):
        known = table[table[column] != ""]
        again = known[known[column].duplicated()]
        if len(again):
            raise refuse(_("{column} of row {number}").format(column=column, number=again.index[0] + 2),
                         again[column].iloc[0], _("one row for each"))
    return table.assign(note=table.note.map(_))


def find(words: str = "", kind: str | None = None, level: str | None = None, language: str | None = None,
         status: str | None = None):
    """The entries that hold each of `words` in title, authors or note, in any case, and have the values that are given.

    A language finds the entries that are in both, too. Raises `SettingError` for a value that no entry may have.
    """
    table = entries()
    text = (table.title + " " + table.authors + " " + table.note).str.casefold()
    for word in words.casefold().split():
        table = table[text.str.contains(word, regex=False)]
        text = text[table.index]
    for column, value, allowed in (("kind", kind, KINDS), ("level", level, LEVELS), ("language", language, LANGUAGES),
                                   ("status", status, STATUSES)):
        if value is not None:
            choose(column, value, allowed)
            table = table[(table[column] == value) | ((column == "language") & (table[column] == "both"))]
    return table.reset_index(drop=True)


def reading_path(goal: str, level: str = "advanced"):
    """The papers of one of `PATHS` in reading order, up to a level; the columns are those of `entries`."""
    titles = PATHS[choose("goal", goal, PATHS)]
    up_to = LEVELS[:LEVELS.index(choose("level", level, LEVELS)) + 1]
    table = entries().set_index("title").loc[list(titles)].reset_index()
    return table[table.level.isin(up_to)].reset_index(drop=True)


def named_by_the_document():
    """The entries that the document names, in its order, with their section: section, title, kind, status, note."""
    table = entries().set_index("title")
    rows = [(section, title) for section, titles in NAMED.items() for title in titles]
    named = table.loc[[title for _section, title in rows]].reset_index()
    named.insert(0, "section", [section for section, _title in rows])
    return named[["section", "title", "kind", "status", "note"]]


def _check(number: int, row: dict) -> None:
    """Raise `SettingError` if a row is not as `entries` says."""
    def wrong(column, allowed):
        return refuse(_("{column} of row {number}").format(column=column, number=number), row[column], allowed)

    for column, allowed in (("kind", KINDS), ("level", LEVELS), ("language", LANGUAGES), ("status", STATUSES)):
        if row[column] not in allowed:
            raise wrong(column, ", ".join(allowed))
    for column in ("title", "authors"):
        if not row[column].strip():
            raise wrong(column, _("some text"))
    confirmed = row["status"] == "confirmed"
    if not row["link"].startswith("https://") and (row["link"] or confirmed):
        raise wrong("link", _("an address that begins with https://"))
    if not row["source"].startswith(("https://", "http://")) and (row["source"] or confirmed):
        raise wrong("source", _("the address of the page on which the facts were read"))
    if not is_day(row["checked_on"]) and (row["checked_on"] or row["status"] != "could not be confirmed"):
        raise wrong("checked_on", _("a day such as 2026-11-25"))
    if not confirmed and not row["note"].strip():
        raise wrong("note", _("the reason why it is not confirmed"))


def is_day(text: str) -> bool:
    """Whether `text` is a day from 2020 on, written as 2026-11-25."""
    try:
        return datetime.date.fromisoformat(text).year >= 2020 and len(text) == 10
    except ValueError:
        return False
