"""The command line's own words in the learner's language: usage, headings, and what argparse says of a wrong line."""
import argparse

from labkit.language import _

WORDS = (   # of argparse, whose own catalogues Python does not bring
    "usage: ", "options", "positional arguments", "show this help message and exit", "%(prog)s: error: %(message)s\n",
    "argument %(argument_name)s: %(message)s", "the following arguments are required: %s", "unrecognized arguments: %s",
    "expected one argument", "expected at least one argument", "expected %s argument", "expected %s arguments",
    "invalid %(type)s value: %(value)r", "invalid choice: %(value)r (choose from %(choices)s)",
    "not allowed with argument %s", "ambiguous option: %(option)s could match %(matches)s")


def translate() -> None:
    """From now on argparse speaks the learner's language, in this process. It asks these two names for every word."""
    argparse._ = _
    argparse.ngettext = lambda one, several, count: _(one if count == 1 else several)
