"""Messages in the learner's language, through gettext.

English is the source language. `locale/zh/LC_MESSAGES/labkit.po` holds the Chinese; it is read as it is,
so a translator edits one text file and compiles nothing.
"""
import functools
import gettext
import io
import os
from pathlib import Path

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
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(message: str) -> str:
    """Return `message` in the learner's language, or as it is where no translation exists."""
    # gettext keeps the catalogue's own header under the empty message.
    return message if language() == "en" or not message else _catalogue(language()).gettext(message)
