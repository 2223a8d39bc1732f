"""The one error for data that is missing, damaged, or not what its name says."""
from contextlib import contextmanager

from labkit.language import _


class DataError(RuntimeError):
    """A data set that cannot be had: the message names the file, what is wrong with it, and what to do."""


@contextmanager
def from_official(url: str):
    """Where what is read here is not data, the `DataError` says where the official archive is."""
    try:
        yield
    except DataError as error:
        raise DataError(_("{problem} Take the official archive: {url}").format(problem=error, url=url)) from error


@contextmanager
def readable(name: str):
    """What the system says against reading the files of `name` becomes a `DataError`."""
    try:
        yield
    except OSError as error:
        raise DataError(_("{name} cannot be read: {error}. Give a path, or set LABKIT_DATA to a folder, that you may "
                          "read.").format(name=name, error=error)) from error
