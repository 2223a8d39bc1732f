"""Settings of Sphinx for both languages; LABKIT_LANGUAGE says which."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from book.words import WORDS
from labkit.language import language as spoken

words = WORDS[spoken()]
other = WORDS["zh" if spoken() == "en" else "en"]
language = words["language"]
project = html_title = words["title"]
html_short_title = words["title"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "book.extension"]
exclude_patterns = ["images"]
nb_execution_mode = "off"
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
autodoc_typehints = "signature"
autodoc_use_type_comments = False
toc_object_entries = False         # thousands of names in the side bar of each page
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_search_language = language.split("_")[0]

html_theme = "furo"
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"font-stack": "system-ui, sans-serif", "font-stack--monospace": "ui-monospace, monospace"},
}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = html_domain_indices = False
html_context = {"words": words, "other_words": other, "other_language": "zh" if spoken() == "en" else "en"}
