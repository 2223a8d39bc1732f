"""What chapter 7 uses, a module each: `lk.resources.catalogue`. Each is loaded when first used."""
from labkit.lazy import lazily

MODULES, __getattr__ = lazily(__name__, __path__)


def __dir__():
    return sorted([*globals(), *MODULES])
