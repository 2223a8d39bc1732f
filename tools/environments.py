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
# Binder has no GPU: its torch is the build for CPUs, tens of MB where the one for CUDA is hundreds.
BINDER_NAMES = {**CONDA_NAMES, "torch": "pytorch-cpu"}
# What pip has to add to the conda environment: conda-forge is some versions behind with the first two (captum 0.7.0,
# kornia 0.8.2 in July 2026), and the third is for JupyterLab's menus alone.
FROM_PIP = ("captum", "kornia", "jupyterlab-language-pack-zh-CN")

FILES = {   # name: what the comment says of labkit itself, names, and what stands before a version of Python
    "environment.yml": ("goes in last: pip install --no-deps --no-build-isolation -e .", CONDA_NAMES, ">="),
    # repo2docker starts from an environment of one Python version, which it looks for in a line with `=`.
    "binder/environment.yml": ("is installed by postBuild.", BINDER_NAMES, "="),
}


def split(requirement: str) -> tuple[str, str]:
    """The name and the ranges of a line of pyproject.toml."""
    return re.fullmatch(r"([\w.-]+)(.*)", requirement).groups()


def environment(pyproject: str, comment: str, names: dict[str, str], python: str) -> str:
    """The text of an environment file for the contents of a pyproject.toml: its needs, and those of `make lab`.

    setuptools is there because labkit is installed with what the environment has, without a network.
    """
    contents = tomllib.loads(pyproject)
    project = contents["project"]
    wanted = [*contents["build-system"]["requires"], *project["dependencies"], *project["optional-dependencies"]["zh"]]
    conda = ["python " + project["requires-python"].replace(">=", python), "pip",
             *(" ".join([names.get(name, name), ranges]) for name, ranges in map(split, wanted)
               if name not in FROM_PIP)]
    return ("# Written by `make lock` from pyproject.toml, where the ranges are kept.\n"
            f"# labkit itself {comment}\n"
            "name: labkit\nchannels:\n  - conda-forge\ndependencies:\n"
            + "".join(f"  - {line}\n" for line in conda) + "  - pip:\n"
            + "".join(f"    - {line}\n" for line in wanted if split(line)[0] in FROM_PIP))


def main(arguments: Sequence[str] = ()) -> int:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    texts = {ROOT / name: environment(pyproject, *how) for name, how in FILES.items()}
    return bring_up_to_date(texts, arguments, "python tools/environments.py")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
