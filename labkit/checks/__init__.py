"""Checks of the exercises, one module for each chapter: `lk.check.ch05.conv_parameters(my_function)`."""
import pkgutil
from importlib import import_module

CHAPTERS = tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("ch"))


def exercises() -> dict:
    """Every exercise of every chapter by its number, such as `5.1`, in the order of the course."""
    from labkit.checks.framework import Exercise
    found = [value for chapter in CHAPTERS for value in vars(import_module(f"{__name__}.{chapter}")).values()
             if isinstance(value, Exercise)]
    found.sort(key=lambda exercise: [int(part) for part in exercise.number.split(".")])
    return {exercise.number: exercise for exercise in found}


def __getattr__(name: str):
    if name not in CHAPTERS:
        raise AttributeError(f"labkit.checks has no {name!r}; it offers {', '.join(CHAPTERS)}")
    return import_module(f"{__name__}.{name}")


def __dir__():
    return sorted([*globals(), *CHAPTERS])
