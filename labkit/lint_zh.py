"""What the Chinese pages keep to: the listed terms, no spaces between the scripts, Chinese punctuation."""
import re
from dataclasses import dataclass
from pathlib import Path

from labkit.language import _

HAN = "[\u4e00-\u9fff]"
CODE = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
NUMBERED = re.compile(r"^#+ [\d.]+ ", re.MULTILINE)
SPACED = re.compile(rf"{HAN} +[A-Za-z0-9{{]|[A-Za-z0-9}}%] +{HAN}")
HALF_WIDTH = re.compile(rf"{HAN}[,;:!?()\"]|{HAN}\.(?!\w)|[,;:!?()\"]{HAN}", re.ASCII)


@dataclass(frozen=True)
class Term:
    """A row of terms.md: the English, the Chinese for it, and whether a chapter gives the English at first use."""
    english: str
    chinese: tuple[str, ...]
    introduced: bool


def terms(path: Path) -> list[Term]:
    """Read terms.md: rows `| English | Chinese, 、 between equals | yes, or nothing | note |`."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [Term(english, tuple(chinese.split("、")), first == "yes") for english, chinese, first, *_note in rows[2:]]


def prose(text: str) -> str:
    """The text with an X for each piece of code or formula, links as their words, and no comments."""
    return NUMBERED.sub("", LINK.sub(r"\1", CODE.sub("X", COMMENT.sub("", text))))


def style(chinese: str) -> list[str]:
    """Spaces between Chinese and Latin script, and half-width punctuation beside Chinese."""
    text = prose(chinese)
    return [*(_("space between the scripts: {text}").format(text=_around(text, found))
              for found in SPACED.finditer(text)),
            *(_("half-width punctuation: {text}").format(text=_around(text, found))
              for found in HALF_WIDTH.finditer(text))]


def findings(cells: dict[str, tuple[str, str]], listed: list[Term]) -> list[str]:
    """All that is wrong with the cells of a chapter, `{id: (English, Chinese)}` in its order."""
    found = [f"{cell}: {line}" for cell, (_english, chinese) in cells.items() for line in style(chinese)]
    for cell, (english, chinese) in cells.items():
        for term in listed:
            if re.search(rf"\b{re.escape(term.english)}(s|es)?\b", prose(english), re.IGNORECASE) \
                    and not any(word in chinese for word in term.chinese):
                found.append(_("{cell}: “{english}” should be {chinese}").format(
                    cell=cell, english=term.english, chinese="、".join(term.chinese)))
    return found + _first_uses(cells, listed)


def _first_uses(cells: dict[str, tuple[str, str]], listed: list[Term]) -> list[str]:
    """Terms that lack their English, as in 词元（token）, where a chapter's text first uses them."""
    text = "\n".join(line for _english, chinese in cells.values() for line in prose(chinese).splitlines()
                     if not line.startswith("#"))
    found = []
    # Longest first, and blanked once looked at: 全连接层 is no first use of 层.
    words = {word: term for term in listed for word in term.chinese}
    for word, term in sorted(words.items(), key=lambda pair: -len(pair[0])):
        first = text.find(word)
        if term.introduced and word == term.chinese[0] and first >= 0 \
                and not text[first + len(word):].lower().startswith(f"（{term.english.lower()}"):
            found.append(_("{chinese} lacks （{english}） at its first use: {text}").format(
                chinese=word, english=term.english, text=text[first:first + 20].replace("\n", " ")))
        text = text.replace(word, "□" * len(word))
    return found


def _around(text: str, found: re.Match) -> str:
    return text[max(0, found.start() - 6):found.end() + 6].replace("\n", " ")
