"""The command `labkit`: each subcommand is one row of COMMANDS, and its module loads when it is called."""
import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from labkit import arguments as words
from labkit import settings
from labkit.language import _, language
from labkit.lazy import ADDRESSES, without


def _notebooks_in(chosen, names):
    """Speak the language that was chosen from now on; the folder of the notebooks in it, None for the English ones."""
    os.environ["LABKIT_LANGUAGE"] = settings.choose("language", chosen or language(), settings.LANGUAGES)
    if language() == "zh":
        from labkit import translate
        return translate.build(names=names)[0].parent
    return None


def _run(options):
    from labkit.headless import run
    folder = _notebooks_in(options.language, options.chapters)
    return run(options.chapters, options.profile, options.parameters, options.out, folder, options.jobs)


def _sweep(options):
    from labkit.sweep import sweep
    folder = _notebooks_in(options.language, [options.chapter])
    return sweep(options.chapter, options.grid, options.profile, options.parameters, options.scheduler, options.out,
                 folder)


def _lab(options):
    from labkit.server import open_lab
    return open_lab(options.language or language(), options.rest)


def _notebooks(options):
    from labkit.stored import store
    return store(options.chapters)


def _doctor(options):
    from labkit.doctor import report
    return 0 if report(online=True) else 1


def _numbers(options):
    from labkit.numbers import main
    return main()


def _links(options):
    from labkit.links import report
    return 0 if report(seconds=options.seconds) else 1


def _export(options):
    from labkit.instructors.export import export
    export(options.tool, options.folder, options.chapters, options.language or language())


def _class(options):
    from labkit.instructors.class_summary import summarise
    return summarise(options.folder, options.execute, options.seconds, options.memory, options.csv)


def _main_of(module: str):
    """What hands the rest of the line to `main` of a module of labkit, which reads it by itself."""
    return lambda options: import_module(f"labkit.{module}").main(options.rest)


CHAPTERS = ("chapters", {"nargs": "*", "metavar": "CHAPTER", "help": "05, 5 or 05_project; all if none is named"})
PROFILE = ("--profile", {"default": "quick", "metavar": "PROFILE", "help": " | ".join(settings.PROFILES)})
PARAMETER = ("-p", {"dest": "parameters", "nargs": 2, "action": "append", "default": [], "metavar": ("NAME", "VALUE"),
                    "help": "a value for the cell tagged parameters; may be given several times"})
OUT = ("--out", {"metavar": "FOLDER", "help": "where to write; a folder in build/ of the checkout if not given"})
JOBS = ("--jobs", {"type": int, "metavar": "NUMBER", "help": "chapters to execute at once; if not given, as many as "
                   "there are cores and memory for in the quick profile, and else one"})
CHAPTER = ("chapter", {"metavar": "CHAPTER", "help": "05, 5 or 05_project"})
GRID = ("--grid", {"action": "append", "default": [], "metavar": "NAME=VALUE,VALUE",
                   "help": "values that a parameter takes in turn; given several times, each with each"})
SCHEDULER = ("--scheduler", {"metavar": "ADDRESS", "help": "a running dask scheduler, such as tcp://10.0.0.5:8786; all "
                             "its workers must see the course and --out under the same paths"})
SECONDS = ("--seconds", {"type": float, "default": 10.0, "metavar": "SECONDS",
                         "help": "how long to wait for an answer; 10 if not given"})
LANGUAGE = ("--language", {"metavar": "LANGUAGE", "help": "en or zh; what LABKIT_LANGUAGE says if not given"})
TOOL = ("tool", {"metavar": "GRADER", "help": "nbgrader | otter"})
INTO = ("folder", {"metavar": "FOLDER", "help": "where to write; nothing that is there is overwritten"})
RETURNED = ("folder", {"metavar": "FOLDER", "help": "a course of nbgrader's, a folder for each learner, or a "
                       "NAME.ipynb for each"})
EXECUTE = ("--execute", {"action": "store_true", "help": "run the notebooks instead of trusting their outputs: "
                         "THIS RUNS THE LEARNERS' CODE with your rights, each in a kernel of its own, in no sandbox"})
CELL_SECONDS = ("--seconds", {"type": float, "default": 120.0, "metavar": "SECONDS",
                              "help": "with --execute, for one cell; a notebook gets ten times as long; "
                              "120 if not given"})
MEMORY = ("--memory", {"type": float, "default": 8.0, "metavar": "GB",
                       "help": "with --execute, what a process may hold (on Linux); 8 if not given"})
CSV = ("--csv", {"metavar": "FILE", "help": "also write a line for each learner and exercise"})

COMMANDS = {  # name: (what it does, what runs it, its arguments, or None where the module has a parser of its own)
    "run": ("execute chapters without a browser", _run, [CHAPTERS, PROFILE, PARAMETER, OUT, JOBS, LANGUAGE]),
    "sweep": ("execute a chapter with each combination of values, as many at once as there are cores", _sweep,
              [CHAPTER, GRID, PROFILE, PARAMETER, SCHEDULER, OUT, LANGUAGE]),
    "doctor": ("check this computer and say what to do", _doctor, []),
    "numbers": ("compare the numbers of this computer's accelerator with those of its processor", _numbers, []),
    "lab": ("open the course in JupyterLab, which gets all other options", _lab, [LANGUAGE]),
    "export": ("for instructors: write chapters for nbgrader or otter-grader", _export,
               [TOOL, INTO, CHAPTERS, LANGUAGE]),
    "class": ("for instructors: tell what each learner has solved, from returned notebooks", _class,
              [RETURNED, EXECUTE, CELL_SECONDS, MEMORY, CSV]),
    "notebooks": ("for maintainers: execute chapters in place and store them", _notebooks, [CHAPTERS]),
    "links": ("for maintainers: ask each address of chapter 7's catalogue whether it is there", _links, [SECONDS]),
    "translate": ("build the Chinese notebooks", _main_of("translate"), None),
    "record": ("for maintainers: write the runs that a chapter's verdicts rest on", _main_of("record"), None),
}
TAKE_THE_REST = ("lab", "translate", "record")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 2 for a value that is refused, else the command's own."""
    words.translate()
    parser = argparse.ArgumentParser(prog="labkit", description=_("The course's commands."))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (purpose, action, options) in COMMANDS.items():
        said = _(purpose)
        command = commands.add_parser(name, help=said, add_help=options is not None,
                                      description=said[0].upper() + said[1:])
        command.set_defaults(action=action)
        for flag, details in options or []:
            command.add_argument(flag, **{**details, "help": _(details["help"])})
    options, options.rest = parser.parse_known_args(arguments)
    if options.rest and options.command not in TAKE_THE_REST:
        parser.error(_("{command} does not know {rest}").format(command=options.command, rest=" ".join(options.rest)))
    try:
        with without(ADDRESSES):
            return options.action(options) or 0
    except settings.SettingError as error:
        print(f"labkit {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
