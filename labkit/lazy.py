"""Packages whose modules are loaded when they are first used."""
import pkgutil
from collections.abc import Callable
from importlib import import_module


def lazily(package: str, path: list[str]) -> tuple[tuple[str, ...], Callable[[str], object]]:
    """The names of a package's modules, and its `__getattr__`, which imports one when it is asked for.

    Raises `AttributeError` for another name, and lists those that there are.
    """
    modules = tuple(module.name for module in pkgutil.iter_modules(path))

    def load(name: str):
        if name not in modules:
            raise AttributeError(f"{package} has no {name!r}; it offers {', '.join(modules)}")
        return import_module(f"{package}.{name}")
    return modules, load
