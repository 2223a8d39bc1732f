"""Write environment.yml and binder/environment.yml: conda and Binder get the ranges of pyproject.toml.

    python tools/environments.py [--check]

Part of `make lock`; with `--check` it says which file differs from what it would write, and writes nothing.
"""
import re
import sys
import tomllib
from collections.abc import Sequence

from setup_env import ROOT
from written import bring_up_to_date

# Where conda-forge calls a package something else. matplotlib-base is matplotlib without a desktop toolkit.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
FILES = {"environment.yml": "# labkit itself goes in last: pip install --no-deps -e .\n",
         "binder/environment.yml": "# labkit itself is installed by postBuild.\n"}


def conda(requirement: str) -> str:
    """A line of pyproject.toml as conda writes it: `torch>=2.9` becomes `pytorch >=2.9`."""
    name, ranges = re.fullmatch(r"([\w.-]+)(.*)", requirement).groups()
    return f"{CONDA_NAMES.get(name, name)} {ranges}"


def environment(pyproject: str, comment: str) -> str:
    """The text of an environment file for the contents of a pyproject.toml."""
    project = tomllib.loads(pyproject)["project"]
    lines = ["python " + project["requires-python"], "pip", *map(conda, project["dependencies"])]
    return ("# Written by `make lock` from pyproject.toml, where the ranges are kept.\n" + comment
            + "name: labkit\nchannels:\n  - conda-forge\ndependencies:\n"
            + "".join(f"  - {line}\n" for line in lines))


def main(arguments: Sequence[str] = ()) -> int:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    texts = {ROOT / name: environment(pyproject, comment) for name, comment in FILES.items()}
    return bring_up_to_date(texts, arguments, "python tools/environments.py")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
