"""Answers to the exercises of chapter 8, a module for each lab."""
import pkgutil
from importlib import import_module
from pathlib import Path

_TABLES = [import_module(module.name) for module in pkgutil.iter_modules([str(Path(__file__).parent)])
           if module.name.startswith("answers_ch08_")]
RIGHT = {number: answers for table in _TABLES for number, answers in table.RIGHT.items()}
WRONG = {number: answers for table in _TABLES for number, answers in table.WRONG.items()}
