"""Miniature products of chapter 6, a module each: `lk.applications.credit`. Each is loaded when first used."""
from labkit.lazy import lazily

MODULES, __getattr__ = lazily(__name__, __path__)


def __dir__():
    return sorted([*globals(), *MODULES])
