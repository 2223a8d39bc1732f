"""What answers the questions of chapter 9: `lk.venture.unit_economics`. Each module is loaded when first used."""
import pkgutil
from importlib import import_module

MODULES = tuple(module.name for module in pkgutil.iter_modules(__path__))


def __getattr__(name: str):
    if name not in MODULES:
        raise AttributeError(f"{__name__} has no {name!r}; it offers {', '.join(MODULES)}")
    return import_module(f"{__name__}.{name}")


def __dir__():
    return sorted([*globals(), *MODULES])
