"""Checks of the computer that the course runs on, each with what to do: `labkit doctor`, or `lk.doctor()`."""
import importlib.metadata
import os
import platform
import shutil
import socket
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labkit import settings
from labkit.language import _, language

OLDEST_PYTHON = (3, 11)
MEMORY = 2e9            # bytes: what a chapter may take in the quick profile
DISK = 1e9              # bytes: CIFAR-10's archive (170 MB), unpacked, with room for checkpoints
LAB_PACKAGES = ("jupyterlab", "ipywidgets", "anywidget", "ipykernel")
DOWNLOADS = ("www.cs.toronto.edu", 443)     # serves CIFAR-10
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Check:
    """What one check found; `advice` says what to do where it is not `ok`."""
    name: str
    ok: bool
    detail: str
    advice: str = ""


def python() -> Check:
    """Python is new enough."""
    return Check("Python", sys.version_info[:2] >= OLDEST_PYTHON,
                 _("{version} on {system}").format(version=platform.python_version(), system=platform.system()),
                 _("Install Python {version} or newer, remove the folder .venv and run make again.").format(
                     version=".".join(map(str, OLDEST_PYTHON))))


def torch_and_device() -> Check:
    """torch loads, and the device that training would choose really computes."""
    name = _("torch and device")
    try:
        import torch

        from labkit.device import choose, describe
        device = choose()
        total = float(torch.ones(8, 8, device=device).matmul(torch.ones(8, 8, device=device)).sum())
    except (ImportError, OSError, RuntimeError) as error:
        return Check(name, False, f"{type(error).__name__}: {error}",
                     _("Remove the folder .venv and run make again. If it is the GPU that fails, update its driver."))
    detail = f"torch {torch.__version__}, {_(describe(device))}"
    if device.type == "cpu" and shutil.which("nvidia-smi"):
        detail += _(" (there is an NVIDIA GPU, but this torch cannot use it; see pytorch.org for one that can)")
    return Check(name, total == 512, detail, _("The device computes wrong sums: use another one, device=\"cpu\"."))


def memory_limit() -> float:
    """Bytes that a container allows, which the machine's own figures do not show; infinite where none is set."""
    text = CGROUP_LIMIT.read_text().strip() if CGROUP_LIMIT.exists() else "max"
    return float("inf") if text == "max" else int(text)


def cores_and_memory() -> Check:
    """There is as much free memory as a chapter may take."""
    import psutil
    memory = psutil.virtual_memory()
    free, total = min(memory.available, memory_limit()), min(memory.total, memory_limit())
    return Check(_("cores and memory"), free >= MEMORY,
                 _("{cores} cores, {free:.1f} of {total:.1f} GB free").format(
                     cores=settings.core_count(), free=free / 1e9, total=total / 1e9),
                 _("A chapter may need {need:.0f} GB: close other programs, or shut down other kernels.").format(
                     need=MEMORY / 1e9))


def disk() -> Check:
    """There is room for a downloaded data set."""
    folder = settings.data_folder()
    place = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    free = shutil.disk_usage(place).free
    return Check(_("disk"), free >= DISK, _("{free:.1f} GB free for {folder}").format(
        free=free / 1e9, folder=_short(folder)),
        _("Free {need:.0f} GB there, or set LABKIT_DATA to a folder on another disk.").format(need=DISK / 1e9))


def lab_packages() -> Check:
    """The packages that the browser works with are there, in the ranges that labkit declares."""
    from packaging.requirements import Requirement
    declared = [Requirement(line) for line in importlib.metadata.requires("labkit")]
    found, wrong = [], []
    for requirement in declared:
        if requirement.name in LAB_PACKAGES:
            try:
                version = importlib.metadata.version(requirement.name)
            except importlib.metadata.PackageNotFoundError:
                wrong.append(_("{name} is missing").format(name=requirement.name))
                continue
            found.append(f"{requirement.name} {version}")
            if not requirement.specifier.contains(version, prereleases=True):
                wrong.append(_("{name} {version} is not {allowed}").format(
                    name=requirement.name, version=version, allowed=requirement.specifier))
    return Check(_("notebook packages"), not wrong, ", ".join(wrong or found),
                 _("Run make again, or: python -m pip install -r requirements.lock"))


def data() -> Check:
    """The bundled data set is whole; says which others are in the cache."""
    from labkit.data import NAMES, DataError, load, status, table
    try:
        rows = status()
        for name, state, _detail in rows:
            if state == "bundled":
                (load if name in NAMES else table)(name)
    except (DataError, OSError) as error:
        return Check(_("data"), False, str(error),
                     _("Get the bundled file again: git checkout -- labkit/data/bundled"))
    spoken = {"bundled": _("bundled"), "present": _("present"), "absent": _("absent")}
    return Check(_("data"), True, _("cache {folder}").format(folder=_short(settings.data_folder())) + "".join(
        f"\n       {name}: {spoken[state]}, {_short(detail)}" for name, state, detail in rows))


def network() -> Check:
    """Says whether downloads can be had. Being offline is no failure, since the bundled data are enough."""
    try:
        socket.create_connection(DOWNLOADS, timeout=3).close()
    except OSError:
        return Check(_("network"), True, _("offline; the bundled data are enough"))
    return Check(_("network"), True, _("{host} answers, so downloads work").format(host=DOWNLOADS[0]))


def _short(text: str | Path) -> str:
    """Without the folders of installed packages, this checkout and the user: a stored notebook names nobody's."""
    text = str(text).replace(sysconfig.get_path("purelib"), "site-packages")
    text = text.replace(f"{settings.chapters_folder().parent}/", "")
    return text.replace(os.path.expanduser("~"), "~")


def chinese_face() -> Check:
    """There is a typeface for the Chinese words of pictures; always so where the language needs none."""
    from labkit import faces
    name = "" if language() == "en" else faces.chinese()
    return Check(_("Chinese typeface"), bool(name) or language() == "en", name or _("none that is known"),
                 _("Still copies of labs are in English until there is one; in Debian: apt install fonts-noto-cjk"))


CHECKS: tuple[Callable[[], Check], ...] = (python, torch_and_device, cores_and_memory, disk, lab_packages, data)


def report(online: bool) -> bool:
    """Print one line for each check, [OK] or [FAIL] with what to do; returns whether all are well.

    `online` also asks the server that data sets come from whether it can be reached, for at most 3 s.
    """
    needed = CHECKS if language() == "en" else (*CHECKS, chinese_face)
    checks = [check() for check in ((*needed, network) if online else needed)]
    for check in checks:
        print(("[OK]   " if check.ok else "[FAIL] ") + f"{check.name}: {check.detail}")
        if not check.ok:
            print(f"       {check.advice}")
    return all(check.ok for check in checks)


def doctor() -> bool:
    """Print the checks in a notebook, and return whether all are well.

    Nothing is asked of the network; `labkit doctor` in a terminal does that.
    """
    return report(online=False)
