"""The one error for data that is missing, damaged, or not what its name says."""


class DataError(RuntimeError):
    """A data set that cannot be had: the message names the file, what is wrong with it, and what to do."""
