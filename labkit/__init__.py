"""labkit: the library behind the notebooks in chapters/.

`import labkit as lk` loads next to nothing; each name below is imported when it is first used.
Imports run one way: widgets know runs, runs know models and data, and all stand on settings and device.
"""
import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_MODULES = ("applications", "attention", "augment", "checklist", "claims", "data", "device", "economics", "evaluation",
            "figures", "models", "papers", "questions", "recipes", "resources", "summary", "tokenise", "training",
            "trends", "venture")
_NAMES = {  # public name -> the module that defines it
    "Recipe": "training", "Run": "training", "History": "training",
    "LiveLab": "widgets", "Log": "widgets", "Int": "widgets", "Choice": "widgets", "Toggle": "widgets",
    "Float": "widgets", "Matrix": "widgets", "Point": "widgets", "Text": "widgets",
    "AttentionMap": "widgets", "AugmentationPreview": "widgets", "Explorer": "widgets", "Film": "widgets",
    "Steps": "widgets", "SelfTest": "widgets", "Upload": "widgets", "guess": "widgets",
    "Augmentation": "augment",
    "setup": "chapter", "doctor": "doctor", "progress": "progress", "report": "reported",
}
_ALIASES = {"check": "checks", "panels": "widgets.panels", "snapshots": "widgets.snapshots"}

__all__ = [*_MODULES, *_NAMES, *_ALIASES]


def __getattr__(name: str):
    if name in _NAMES:
        value = getattr(import_module(f"labkit.{_NAMES[name]}"), name)
    elif name in _MODULES or name in _ALIASES:
        value = import_module(f"labkit.{_ALIASES.get(name, name)}")
    else:
        raise AttributeError(f"labkit has no {name!r}; it offers {', '.join(sorted(__all__))}")
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])


class _Package(ModuleType):
    def __setattr__(self, name: str, value) -> None:
        # Importing labkit.doctor would put that module where lk.doctor, the function, belongs.
        if not (name in _NAMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
