"""Commands and files that pages and workflows name: what of them this checkout does not have."""
import contextlib
import functools
import importlib.util
import io
import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

from labkit import cli

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
OF_THE_SYSTEM = {"git", "cd", ".", "sudo", "apt-get", "py"}         # not set up by make
COMMANDS = OF_THE_SYSTEM | {"make", "labkit", "python", "python3", "pre-commit", "papermill"}
MADE = re.compile(r"(build|out|\.venv|~)\b")        # what only a run brings, and a user's own folder
PATTERNS = {"NN": "[0-9][0-9]", "_name": "_*"}      # placeholders of pages


@functools.cache
def help_of(command: str) -> str:
    """What `labkit COMMAND --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        cli.main([command, "--help"])
    return printed.getvalue()


def split(line: str) -> list[list[str]]:
    """The commands of a line, each as its words; a backslash is a slash, as in paths of Windows."""
    lexer = shlex.shlex(line.replace("\\", "/"), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, "#"
    commands: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(";&|"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [words for words in commands if words]


def unknown(line: str) -> list[str]:
    """What the commands of a line call and this checkout does not have."""
    return [fault for words in split(line) for fault in _unknown(words)]


def _unknown(words: list[str]) -> list[str]:
    program, *arguments = words
    program = re.sub(r"^\.venv/(bin|Scripts)/", "", program)
    if program == "sudo":
        return _unknown(arguments)
    if program == "make":
        return _of_make(arguments)
    if program == "labkit":
        return _of_labkit(arguments)
    if program in ("python", "python3", "py"):
        return _of_python(arguments)
    found = program in OF_THE_SYSTEM or shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}"
                                                                   f"{os.environ.get('PATH', '')}")
    return [] if found else [f"program {program}"]


def _of_make(arguments: list[str]) -> list[str]:
    variables = [argument.partition("=")[0] for argument in arguments if "=" in argument]
    return [*(f"variable {name} of make" for name in variables if not re.search(rf"\b{name}\b", MAKEFILE)),
            *(f"make {target}" for target in arguments if "=" not in target and target not in TARGETS)]


def _of_labkit(arguments: list[str]) -> list[str]:
    command, *rest = arguments
    if command not in cli.COMMANDS:
        return [f"labkit {command}"]
    return [f"labkit {command} {word}" for word in rest
            if word.startswith("-") and not re.search(rf"{re.escape(word)}\b", help_of(command))]


def _of_python(arguments: list[str]) -> list[str]:
    arguments = [argument for argument in arguments if not re.fullmatch(r"-3[.\d]*", argument)]
    if arguments[0] == "-m":
        module, *rest = arguments[1:]
        asked = re.findall(r"\[([\w,]+)\]", " ".join(rest)) if module == "pip" else []
        return [*([] if importlib.util.find_spec(module) else [f"module {module}"]),
                *(f"extra {name}" for names in asked for name in names.split(",") if name not in EXTRAS),
                *missing(" ".join(word for word in rest if re.match(r"(tests|chapters|requirements)\b", word)))]
    script, *options = arguments
    text = (ROOT / script).read_text(encoding="utf-8") if (ROOT / script).exists() else None
    if text is None:
        return [f"script {script}"]
    return [f"{script} {option}" for option in options if option.startswith("-") and option not in text]


def missing(text: str) -> list[str]:
    """Words that look like a path of the checkout and lead to nothing; NN stands for digits, name for anything."""
    found = []
    for word in text.split():
        if not re.fullmatch(r"[\w.-]*(/[\w.-]+)*/?", word) or not ("/" in word or re.search(r"\.\w{2,8}$", word)):
            continue
        pattern = re.sub("|".join(PATTERNS), lambda placeholder: PATTERNS[placeholder[0]], word)
        if not MADE.match(word) and not any(ROOT.glob(pattern.rstrip("/"))):
            found.append(f"path {word}")
    return found


def named_in(page: str) -> list[str]:
    """The command lines of a Markdown text: lines of its code blocks, and spans of code that begin with a program."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE))
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [line for line in [*lines, *spans]
            if re.sub(r"^\.venv[/\\](bin|Scripts)[/\\]", "", line.split()[0]) in COMMANDS and len(line.split()) > 1]


def paths_in(page: str) -> list[str]:
    """The spans of code in a Markdown text that look like a path, and links to files."""
    spans = re.findall(r"`([^`\s]+)`", page)
    links = [link for link in re.findall(r"\]\(([^)\s#]+)\)", page) if "://" not in link]
    return [*(span for span in spans if "/" in span or re.search(r"\.(md|py|csv|cff|toml|yml|lock)$", span)), *links]
