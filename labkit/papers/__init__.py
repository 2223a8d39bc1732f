"""The papers of chapter 10 in miniature: `lk.papers.gan`. Each module is loaded when first used."""
from labkit.lazy import lazily

MODULES, __getattr__ = lazily(__name__, __path__)


def __dir__():
    return sorted([*globals(), *MODULES])
