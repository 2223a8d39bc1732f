"""Checks of chapter 10, a module for each lab: the exercises of all of them are names of this package."""
import pkgutil
from importlib import import_module

from labkit.checks.framework import Exercise

for _module in pkgutil.iter_modules(__path__):
    for _name, _value in vars(import_module(f"{__name__}.{_module.name}")).items():
        if isinstance(_value, Exercise):
            globals()[_name] = _value
