"""Write requirements.lock: the exact versions that pip finds today for the ranges in pyproject.toml.

    make lock
    python tools/lock.py --check        # says which ranges the lock does not fit, and installs nothing

A fresh environment in build/lock gets every dependency, those of maintainers too, with torch held at one
version. What is written fits any platform: no local versions (`+cpu`), no hashes, no CUDA parts, which the
torch build of a machine with a GPU brings by itself.
"""
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from setup_env import ROOT, index_options

TORCH = "torch==2.13.0"
CUDA_PARTS = re.compile(r"(nvidia|cuda|triton)\b")
HEADER = "# Exact versions for `make`; written by `make lock` from the ranges in pyproject.toml.\n"


def requirements(pyproject: Path) -> list[str]:
    """Every range in pyproject.toml, the optional ones included."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    return sum(project["optional-dependencies"].values(), project["dependencies"])


def lock_lines(frozen: str) -> list[str]:
    """Lines of the lock from the output of `pip freeze --all`; refuses one that is not `name==version`."""
    lines = []
    for line in frozen.splitlines():
        line = line.split(" --hash=")[0].strip()
        name, separator, version = line.partition("==")
        if not separator:
            raise SystemExit(f"pip freeze says {line!r}; the lock takes name==version only")
        if name != "pip" and not CUDA_PARTS.match(name):
            lines.append(f"{name}=={version.split('+')[0]}")
    return sorted(lines, key=str.lower)


def unmet(pyproject: Path, lock: Path) -> list[str]:
    """The ranges of pyproject.toml that the lock has no version for, or one outside."""
    # These are not in the Python that make calls this file with.
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    lines = [line.split("==") for line in lock.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    versions = {canonicalize_name(name): version for name, version in lines}

    def met(wanted: Requirement) -> bool:
        version = versions.get(canonicalize_name(wanted.name))
        return version is not None and wanted.specifier.contains(version, prereleases=True)
    return [line for line in requirements(pyproject) if not met(Requirement(line))]


def check() -> int:
    """Print each range that the lock does not fit; 1 if there is one."""
    found = unmet(ROOT / "pyproject.toml", ROOT / "requirements.lock")
    for line in found:
        print(f"requirements.lock has nothing for {line}: make lock")
    return 1 if found else 0


def main() -> None:
    venv = ROOT / "build" / "lock"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    wanted = [TORCH, *requirements(ROOT / "pyproject.toml")]
    subprocess.run([*pip, "install", *index_options(), *wanted], check=True)
    frozen = subprocess.run([*pip, "freeze", "--all"], check=True, text=True, stdout=subprocess.PIPE).stdout
    lines = lock_lines(frozen)
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"requirements.lock: {len(lines)} packages")


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else main())
