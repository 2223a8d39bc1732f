"""Make .venv from requirements.lock, with labkit itself editable. Does nothing where that is already done.

make runs this before every target, with the Python it finds, so it needs the standard library alone and
keeps to syntax that an old Python can at least read before it is told that it is too old.
"""
import hashlib
import http.client
import importlib.util
import platform
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "set-up"
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def version(numbers):
    return ".".join(str(number) for number in numbers[:2])


def complaint(python=sys.version_info, modules=("venv", "ensurepip")):
    """What is wrong with this Python, and what to do; an empty string if nothing is."""
    if tuple(python[:2]) < OLDEST:
        return (f"Python {version(OLDEST)} or newer is needed; {sys.executable} is {version(python)}.\n"
                "Install one and name it: make PYTHON=python3.12 test")
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        return (f"Python's module {missing[0]} is missing, so no virtual environment can be made.\n"
                f"On Debian and Ubuntu: sudo apt-get install python{version(python)}-venv")
    return ""


def fingerprint():
    """Changes when the lock, pyproject.toml, the Python version or this folder's place changes."""
    digest = hashlib.sha256(f"{version(sys.version_info)} {ROOT}".encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def answers(url, seconds):
    """Whether `url` gives a page within `seconds`, its name's look-up included, which has no limit itself."""
    found = []

    def ask():
        try:
            with urllib.request.urlopen(url, timeout=seconds) as reply:
                found.append(reply.status == 200)
        except (OSError, http.client.HTTPException):
            found.append(False)
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return found == [True]


def index_options(index=CPU_INDEX, seconds=5):
    """Options for pip: on Linux without an NVIDIA driver, PyTorch's index of CPU builds, if it answers.

    The default wheel for Linux brings gigabytes of CUDA. The index is an extra one, so that a mirror which
    the user has configured still serves the rest; pip prefers `2.13.0+cpu` to `2.13.0`.
    """
    if platform.system() != "Linux" or shutil.which("nvidia-smi"):
        return []
    if answers(index + "/torch/", seconds):
        return ["--extra-index-url", index]
    print(f"{index} does not answer; taking torch from the default index, which may be gigabytes", flush=True)
    return []


def set_up():
    python = VENV / "bin" / "python"
    here = Path(sys.prefix).resolve() == VENV.resolve()     # make was called with .venv activated
    library = VENV / "lib" / ("python" + version(sys.version_info))
    other_python = library.parent.is_dir() and not library.is_dir()
    if not here and (other_python or not STAMP.exists()):
        # Without --clear an environment that was left half made is completed, and what else is in it stays.
        subprocess.run([sys.executable, "-m", "venv", *["--clear"] * other_python, str(VENV)], check=True)
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    subprocess.run([*install, *index_options(), "-r", str(ROOT / "requirements.lock")], check=True)
    # The lock has setuptools, so the build needs no environment of its own and no network.
    subprocess.run([*install, "--quiet", "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)
    STAMP.write_text(fingerprint())


def main():
    problem = complaint()
    if problem:
        sys.exit(problem)
    if STAMP.exists() and STAMP.read_text() == fingerprint():
        return
    print(f"Setting up {VENV.name} from requirements.lock (once, some minutes) ...", flush=True)
    try:
        set_up()
    except subprocess.CalledProcessError as error:
        sys.exit(f"Set-up stopped: {' '.join(error.cmd[:4])} ... failed with code {error.returncode}; "
                 "what it said is above. The next make goes on from here.")


if __name__ == "__main__":
    main()
