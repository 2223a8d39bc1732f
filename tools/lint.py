#!/usr/bin/env python3
"""Run the checks that .pre-commit-config.yaml lists, on the whole checkout: the first part of `make test` and of CI.

    python tools/lint.py

The hooks are the one list: what would stop a commit stops CI too. All of them run, whatever one of them finds.
"""
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from setup_env import ROOT

CONFIG = ROOT / ".pre-commit-config.yaml"


def hooks(config: Path = CONFIG) -> dict[str, list[str]]:
    """The command of each hook by its id, in the order of the file."""
    repositories = yaml.safe_load(config.read_text(encoding="utf-8"))["repos"]
    return {hook["id"]: shlex.split(hook["entry"]) for repository in repositories for hook in repository["hooks"]}


def run(command: list[str]) -> tuple[int, str]:
    """Exit code and output of a command, with the programs beside this Python first, as in an activated environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which(command[0], path=path)       # Windows would look in the PATH of this process alone
    if program is None:
        return 127, f"there is no {command[0]} here; make sets it up\n"
    done = subprocess.run([program, *command[1:]], cwd=ROOT, env={**os.environ, "PATH": path}, text=True,
                          encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def main(config: Path = CONFIG) -> int:
    """Run every hook, as many at once as there are cores, and print what each says. 1 if one failed, else 0."""
    commands, failed = hooks(config), []
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for name, (code, said) in zip(commands, workers.map(run, commands.values()), strict=True):
            print(f"{name}: {shlex.join(commands[name])}\n{said}", end="", flush=True)
            failed += [name] * (code != 0)
    print(f"{len(commands)} checks, " + (f"failed: {', '.join(failed)}" if failed else "all passed"), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
