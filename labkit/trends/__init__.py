"""Experiments behind the trends and challenges of chapter 8: `lk.trends.pruning`. Each is loaded when first used."""
from labkit.lazy import lazily

MODULES, __getattr__ = lazily(__name__, __path__)


def __dir__():
    return sorted([*globals(), *MODULES])
