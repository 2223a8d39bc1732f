"""What Sphinx lacks for this book: formulas as MathML, a search that finds Chinese, docstrings as ours are written."""
import re

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx
from sphinx.search import SearchLanguage
from sphinx.search.zh import SearchChinese as Words

from book import api

# MathML sets the size of brackets by what they hold, as \left and \right do.
OPENING, CLOSING = (re.compile(rf"\\[bB]igg?[lrm]?(?=[{marks}])") for marks in (r"(\[", r")\]"))
HAN = r"[\u3400-\u9fff]"


def mathml(formula: str, block: bool) -> str:
    """A formula in LaTeX as MathML, which browsers draw and read aloud without a script."""
    return latex2mathml.tex2mathml(CLOSING.sub(r"\\right", OPENING.sub(r"\\left", formula)), as_block=block)


def _formula(writer, node: nodes.Element) -> None:
    text = mathml(node.astext(), isinstance(node, nodes.math_block))
    block = isinstance(node, nodes.math_block)
    writer.body.append(f'<div class="book-scroll book-formula">{text}</div>' if block else text)
    raise nodes.SkipNode


class SearchChinese(SearchLanguage):
    """Latin words as Sphinx takes them, and every two Chinese characters that follow each other.

    Sphinx's own search asks for the package jieba, and finds no Chinese word without it; a word's pairs of characters
    need no dictionary.
    """
    lang, language_name = "zh", "English"       # the name is that of the stemmer, which is for Latin words
    js_stemmer_rawcode = Words.js_stemmer_rawcode
    stopwords = Words.stopwords
    js_splitter_code = """
function splitQuery(query) {
  const words = query.match(/[a-zA-Z0-9_]+/g) ?? [];
  for (const run of query.match(/[\\u3400-\\u9fff]+/g) ?? []) {
    if (run.length === 1) words.push(run);
    for (let i = 0; i + 1 < run.length; i++) words.push(run.slice(i, i + 2));
  }
  return words;
}
"""

    def __init__(self, options: dict[str, str]) -> None:
        super().__init__(options)
        self._latin = Words(options)

    def split(self, input: str) -> list[str]:
        pairs = re.findall(f"(?=({HAN}{HAN}))", input)
        return pairs + self._latin.split(input)

    def stem(self, word: str) -> str:
        return self._latin.stem(word)

    def word_filter(self, word: str) -> bool:
        return len(word) > 1 and super().word_filter(word)


def _docstring(app, what, name, thing, options, lines: list[str]) -> None:
    # Sphinx takes away an indentation that all lines but the first have, in a module's too, where it means code.
    lines[:] = api.restructured(thing.__doc__.splitlines() if what == "module" and thing.__doc__ else lines)


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.add_search_language(SearchChinese)
    app.connect("autodoc-process-docstring", _docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
