"""Messages in the learner's language, through gettext.

English is the source language. `locale/zh/LC_MESSAGES/labkit.po` holds the Chinese; it is read as it is,
so a translator edits one text file and compiles nothing. An entry with numbered places, `{0} heads`, translates every
text that an f-string of a cell makes in that form; a place with a format, `{0:.1%}`, takes a number only.
"""
import functools
import gettext
import io
import os
import re
from pathlib import Path

PLACE = re.compile(r"\{\d(:[^{}]*)?\}")
NUMBER = r"([-+]?\d[\d,.]*(?:e[-+]?\d+)?%?)"
LOCALE = Path(__file__).parent / "locale"


def language() -> str:
    """The language of messages: LABKIT_LANGUAGE, `en` unless it says `zh`."""
    return "zh" if os.environ.get("LABKIT_LANGUAGE", "en").lower().startswith("zh") else "en"


@functools.cache
def _catalogue(code: str) -> gettext.NullTranslations:
    path = LOCALE / code / "LC_MESSAGES" / "labkit.po"
    if not path.exists():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    compiled = io.BytesIO()
    with path.open(encoding="utf-8") as file:
        entries = read_po(file)
    write_mo(compiled, entries)
    compiled.seek(0)
    catalogue = gettext.GNUTranslations(compiled)
    catalogue.add_fallback(_Forms({entry.id: entry.string for entry in entries if entry.string}))
    return catalogue


class _Forms(gettext.NullTranslations):
    """Translates what has the form of an entry with `{0}`, `{1}` and so on: `4 heads` by that of `{0} heads`.

    What stands in a place is translated too, where the catalogue has it. Of several forms that fit, the one with the
    most words of its own is taken.
    """

    def __init__(self, entries: dict[str, str]):
        super().__init__()
        self._forms = []
        own = {form: sum(map(len, PLACE.split(form)[::2])) for form in entries if PLACE.search(form)}
        for form in sorted(own, key=own.get, reverse=True):
            parts = PLACE.split(form)       # by turns: words, and the format of a place or None
            parts[::2] = map(re.escape, parts[::2])
            parts[1::2] = [NUMBER if place else "(.+?)" for place in parts[1::2]]
            self._forms.append((re.compile("".join(parts), re.DOTALL), entries[form]))

    def gettext(self, message: str) -> str:
        for form, translation in self._forms:
            if found := form.fullmatch(message):
                return PLACE.sub(lambda place, found=found: _(found[int(place[0][1]) + 1]), translation)
        return message


def _(message: str) -> str:
    """Return `message` in the learner's language, or as it is where no translation exists."""
    # gettext keeps the catalogue's own header under the empty message.
    return message if language() == "en" or not message else _catalogue(language()).gettext(message)


def everywhere(message: str) -> tuple[str, ...]:
    """`message` in English and in each language that has a catalogue."""
    return message, *(_catalogue(path.parent.parent.name).gettext(message) for path in LOCALE.glob("*/*/labkit.po"))
