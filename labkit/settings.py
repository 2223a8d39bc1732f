"""What the environment decides: folders, language, grading, cores, threads; and how a wrong value is refused.

Every variable is read when it is asked for, never at import, so a test or a notebook may change it.
"""
import math
import os
from pathlib import Path

from labkit.language import _

CORES_LIMIT = Path("/sys/fs/cgroup/cpu.max")    # microseconds of processor time in each so many, or the word max
LANGUAGES = ("en", "zh")
PROFILES = ("quick", "laptop", "gpu")
LARGEST_SEED = 2**31 - 1        # torch takes 64 bits, but NumPy's older generator, which scikit-learn uses, 32


class SettingError(ValueError):
    """A value that cannot be used: the message names the field, the value and what is allowed."""


def refuse(field: str, value, allowed: str, advice: str = "") -> SettingError:
    """Build the error for a wrong value, in the one form that all of labkit uses.

    >>> raise refuse("learning_rate", -1, "a number above 0")      # doctest: +SKIP
    SettingError: learning_rate = -1 cannot be used. Allowed: a number above 0.
    """
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    text = _("{field} = {value} cannot be used. Allowed: {allowed}.").format(
        field=field, value=shown, allowed=allowed)
    return SettingError(f"{text} {advice}".rstrip())


def choose(field: str, value, allowed) -> object:
    """Return `value` if it is one of `allowed`, else refuse it and list them."""
    if value not in allowed:
        raise refuse(field, value, ", ".join(map(str, allowed)))
    return value


def seed(value) -> int:
    """Return `value` if every source of random numbers of a chapter takes it, and a few above it."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SEED:
        raise refuse("seed", value, _("a whole number from 0 to {largest}").format(largest=LARGEST_SEED))
    return value


def price(value: float) -> float:
    """Return `value` if every chapter can calculate with it: some divide by what a run costs."""
    if not value > 0:
        raise refuse("price_per_hour", value, _("a number above 0"))
    return value


def chapters_folder() -> Path:
    """The folder of the notebooks, in the checkout that labkit is installed from (editable)."""
    return Path(__file__).resolve().parent.parent / "chapters"


def data_folder() -> Path:
    """Where downloads are kept: LABKIT_DATA, or the user's cache folder. It is not created here."""
    named = os.environ.get("LABKIT_DATA")
    if not named:
        import pooch
        try:
            named = pooch.os_cache("labkit")
        except RuntimeError:        # newer platformdirs where there is no home folder; older ones leave the ~
            named = "~/.cache/labkit"
    return _of_the_user("LABKIT_DATA", named)


def state_folder() -> Path:
    """Where a learner's progress is kept: LABKIT_STATE, or a folder in the home folder."""
    return _of_the_user("LABKIT_STATE", os.environ.get("LABKIT_STATE") or "~/.labkit")


def _of_the_user(variable: str, folder: str | Path) -> Path:
    """`folder` with the home folder in place of ~; asks for `variable` where there is no home folder."""
    found = os.path.expanduser(folder)
    if found.startswith("~"):       # and no folder of that name is to appear beside the notebook
        raise refuse(variable, os.environ.get(variable, ""), _("a folder that can be written, since {folder} has no "
                                                              "home folder to stand in").format(folder=found))
    return Path(found)


def path_of(value) -> Path:
    """What the user gave as `path`, with the home folder in place of ~."""
    try:
        return Path(os.path.expanduser(value))
    except TypeError:
        raise refuse("path", value, _("the name of a file or folder, as text or as a Path")) from None


def core_count() -> int:
    """The cores this process may run on, or so many as a container has time on, rounded up, where those are fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed, _space, period = CORES_LIMIT.read_text().partition(" ") if CORES_LIMIT.exists() else ("max", "", "")
    return cores if allowed == "max" else min(cores, math.ceil(int(allowed) / int(period)))


def threads() -> int | None:
    """The fixed number of torch threads (LABKIT_THREADS), or None when a run may choose it by timing."""
    text = os.environ.get("LABKIT_THREADS", "")
    if not text:
        return None
    if not text.isdigit() or int(text) < 1:
        raise refuse("LABKIT_THREADS", text, _("a whole number of at least 1"))
    return int(text)


def grading() -> bool:
    """Whether an untouched exercise counts as a failure: LABKIT_GRADING=1, or nbgrader executes the notebook."""
    return os.environ.get("LABKIT_GRADING", "") == "1" or "NBGRADER_EXECUTION" in os.environ
