"""What to load late, or not at all, since a learner waits for it."""
import contextlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

# jsonschema's grammar of addresses: nbformat, and plotly with it, loads it for a second, and nothing here asks for it.
ADDRESSES = "rfc3987_syntax"


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


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """Imports in here go without an optional `module`, as if it were not installed, unless it is loaded already."""
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = None
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]
