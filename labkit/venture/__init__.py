"""What answers the questions of chapter 9: `lk.venture.unit_economics`. Each module is loaded when first used."""
from labkit.lazy import lazily

MODULES, __getattr__ = lazily(__name__, __path__)


def __dir__():
    return sorted([*globals(), *MODULES])
