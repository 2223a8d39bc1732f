"""`labkit record NN`: run a chapter's experiments in full and write `chapters/recorded/NN.json`."""
import argparse
import datetime
import json
import os
import platform
import subprocess
from importlib import import_module
from importlib.metadata import version

import torch

from labkit.device import choose, core_count, describe, has_bf16
from labkit.language import _
from labkit.settings import SettingError, chapters_folder

VERSIONS = ("torch", "numpy", "kornia", "scikit-learn")


def surroundings() -> dict:
    """Date, commit, machine and versions: what a reader needs to run it again."""
    checkout = chapters_folder().parent
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=checkout, text=True,
                            capture_output=True, check=True).stdout.strip()
    changed = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=checkout,
                             text=True, capture_output=True, check=True).stdout.strip()
    device = choose()
    accelerator = [] if device.type == "cpu" else [describe(device)]
    return {"date": datetime.date.today().isoformat(), "commit": commit + ("+changes" if changed else ""),
            "machine": ", ".join([f"{processor()} ({instructions()})", f"{core_count()} cores", *accelerator]),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONS}}}


def processor() -> str:
    """The processor's name as the operating system gives it."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def instructions() -> str:
    """What torch uses of the processor: AVX2, AVX512, AVX512-bf16, ... Where a name is shared, this tells more."""
    level = torch.backends.cpu.get_cpu_capability().replace(" ", "-")
    return f"{level}-bf16" if has_bf16(torch.device("cpu")) else level


def main(arguments: list[str]) -> int:
    """Record one chapter. The file is replaced only when all of its runs have ended."""
    parser = argparse.ArgumentParser(
        prog="labkit record", description=_("Run a chapter's experiments in full and write its record."))
    parser.add_argument("chapter", metavar="CHAPTER", help=_("two digits, such as 05"))
    parser.add_argument("--path", metavar="FOLDER", help=_("where the data are, if not in the data folder"))
    options = parser.parse_args(arguments)
    try:
        experiments = import_module(f"labkit.experiments.ch{int(options.chapter):02d}")
    except (ValueError, ModuleNotFoundError) as error:
        raise SettingError(_("Chapter {chapter} has no recorded experiments ({error}).").format(
            chapter=options.chapter, error=error)) from error
    record = {"chapter": f"{int(options.chapter):02d}", **surroundings(), **experiments.record(path=options.path)}
    target = chapters_folder() / "recorded" / f"{record['chapter']}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".part")
    draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draft.replace(target)
    print(target)
    return 0
